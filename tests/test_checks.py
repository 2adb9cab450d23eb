"""What is wrong with an analysis, although its YAML is valid by itself, is told before anything runs."""

import pytest
from matplotlib.colors import is_color_like

from pipeline.checks import PLAIN_COLORS, check_cards, check_colors, check_models, check_names
from pipeline.config import Analysis, check_plugins, load_analysis
from pipeline.errors import InputError
from tests import toy_regression
from tests.toy_analysis import ANALYSIS

AXIS = {"observable": "met", "label": "met", "bins": 10, "start": 0.0, "stop": 100.0}


def analysis(**changes):
    return Analysis.model_validate({"name": "toy", **ANALYSIS, **changes})


def simulated(card):
    made = {"process": "bkg", "xsec_pb": 1.0, "simulate": {"card": card, "events": 10}}
    return analysis(datasets={**ANALYSIS["datasets"], "b": made})


def colored(color):
    return analysis(processes={**ANALYSIS["processes"], "bkg": {"label": "B", "color": color}})


@pytest.mark.parametrize("name", ["dimuon", "hh_bbww"])
def test_the_shipped_analyses_are_in_order(name, pytestconfig):
    check_plugins(load_analysis(pytestconfig.rootpath / f"config/{name}.yaml"), pytestconfig.rootpath)


@pytest.mark.parametrize("card", ["tt_dilep", "zprime", "zprime_750"])
def test_a_card_with_or_without_parameter_is_known(card):
    check_cards(simulated(card))


def test_a_misspelt_card_is_told_with_its_dataset_and_the_nearest():
    with pytest.raises(
        InputError,
        match=r"datasets\.b\.simulate\.card of config/toy\.yaml: No process card 'tt_dilepp'\. Nearest: 'tt_dilep', .* To",
    ):
        check_cards(simulated("tt_dilepp"))


@pytest.mark.parametrize(
    "color", [None, "#3f90da", "#abc", "#3f90da80", "black", "rebeccapurple", "tab:blue", "C1", "0.4", "k"]
)
def test_a_colour_of_matplotlib_is_taken(color):
    check_colors(colored(color))


def test_the_names_that_are_taken_without_asking_are_known_to_matplotlib():
    assert all(is_color_like(color) for color in PLAIN_COLORS)


@pytest.mark.parametrize(("color", "nearest"), [("blakc", "'black'"), ("#3f90d", ""), ("3f90da", ""), ("", "Known")])
def test_what_is_no_colour_is_told_with_its_process(color, nearest):
    with pytest.raises(
        InputError, match=rf"processes\.bkg\.color of config/toy\.yaml is '{color}', which is no colour\. .*{nearest}"
    ):
        check_colors(colored(color))


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("m_score", "the scores of model 'm'"),
        ("m_score_train", "the scores of model 'm' of events that it was trained on"),
        ("m_overtraining", "the figure of overtraining of model 'm'"),
        ("m_loss", "the figure of losses of model 'm'"),
        ("met_shape", "the figure of shapes of histogram 'met'"),
        ("roc", "the figure of ROC curves"),
    ],
)
def test_a_histogram_with_the_name_of_another_product_is_refused(name, of):
    with pytest.raises(InputError, match=rf"histograms\.{name} of config/toy\.yaml has the name of {of}\. .* Rename"):
        check_names(analysis(histograms={"met": AXIS, name: AXIS}))


def test_without_models_and_task_every_name_is_free():
    names = ("m_score", "roc", "met", "met_shape")

    check_names(analysis(histograms=dict.fromkeys(names, AXIS), models={}, task=None))


@pytest.mark.parametrize("where", ["training of all", "training of the model"])
def test_boosted_trees_that_are_to_keep_negative_weights_are_refused(where, pytestconfig):
    keep, model = {"negative_weights": "keep"}, ANALYSIS["models"]["m"]
    changes = {"training": keep} if where == "training of all" else {"models": {"m": {**model, "training": keep}}}

    with pytest.raises(
        InputError,
        match=r"^Model 'm' of config/toy\.yaml .* Set models\.m\.training\.negative_weights to absolute or zero\.$",
    ):
        check_models(analysis(**changes), pytestconfig.rootpath)


def test_a_network_may_keep_negative_weights_beside_trees_that_do_not(pytestconfig):
    models = {
        "net": {"architecture": "dnn", "inputs": "all"},
        "trees": {"architecture": "bdt", "inputs": "all", "training": {"negative_weights": "zero"}},
    }

    check_models(analysis(models=models, training={"negative_weights": "keep"}), pytestconfig.rootpath)


def regression(**changes):
    return Analysis.model_validate({"name": "toy", **toy_regression.ANALYSIS, **changes})


def test_boosted_trees_take_no_padded_collection(pytestconfig):
    trees = {"architecture": "bdt", "inputs": "jets"}
    inputs = {"jets": {"event": ["met"], "jets": {"features": ["pt"], "max_objects": 4}}}

    with pytest.raises(InputError, match=r"Model 't' .* inputs\.jets has a collection of kind 'padded'\. Expected lists"):
        check_models(analysis(inputs=inputs, models={"t": trees}), pytestconfig.rootpath)


def test_boosted_trees_do_not_learn_a_regression(pytestconfig):
    trees = regression(
        models={"t": {"architecture": "bdt", "inputs": "all"}}, task={**toy_regression.TASK, "reference": None}
    )

    with pytest.raises(
        InputError, match=r"Model 't' of config/toy\.yaml is boosted trees, which do not learn .* 'regression'"
    ):
        check_models(trees, pytestconfig.rootpath)


@pytest.mark.parametrize("name", ["truth_a_pt", "both_a_pt", "both_ab_mass_residual", "both_loss"])
def test_names_of_answers_are_taken(name):
    with pytest.raises(InputError, match=rf"histograms\.{name} of config/toy\.yaml has the name of"):
        check_names(regression(histograms={name: AXIS}))
