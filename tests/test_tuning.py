"""What may stand under `tune`, and what is said when it does not fit."""

import pytest

from pipeline.checks import check_tune
from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.tuning import Domain, with_values
from tests.toy_analysis import ANALYSIS

MODELS = {"net": {"architecture": "dnn", "inputs": "all", "options": {"dropout": 0.2}, "training": {"epochs": 20}}}


def analysis(search=None, *, model="net", **tune):
    """The toy with a network that is to be tuned."""
    search = {"options.dropout": {"uniform": [0.0, 0.5]}} if search is None else search
    content = {**ANALYSIS, "models": MODELS, "tune": {model: {"search": search, **tune}}}
    return Analysis.model_validate({"name": "toy", **content})


@pytest.mark.parametrize(
    ("given", "ends"),
    [
        ({"choices": [[64, 64], "wide", None]}, ([64, 64], "wide", None)),
        ({"uniform": [0, 0.5]}, (0.0, 0.5)),
        ({"log": [1e-4, 1e-2]}, (1e-4, 1e-2)),
        ({"integers": [-1, 4]}, (-1, 4)),
        ({"log_integers": [16, 512]}, (16, 512)),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_each_kind_of_values_is_taken(given, ends):
    assert analysis({"options.units": given}).tune["net"].search["options.units"].ends == ends


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "has nothing; give exactly one of choices, uniform, log, integers, log_integers"),
        ({"uniform": [0, 1], "log": [1, 2]}, r"has \['log', 'uniform'\]; give exactly one of"),
        ({"uniform": [1, 1]}, "low 1.0 must be below high 1.0"),
        ({"integers": [4, 2]}, "low 4 must be below high 2"),
        ({"log": [0, 1]}, "greater than 0"),
        ({"integers": [1.5, 3]}, "valid integer"),
        ({"uniform": [0.0, float("inf")]}, "finite number"),
        ({"choices": ["relu"]}, "at least 2 items"),
        ({"choices": [1, 2, 1]}, "lists a choice twice; give each once"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_values_that_cannot_be_drawn_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        Domain.model_validate(given)


@pytest.mark.parametrize(
    ("search", "more", "message"),
    [
        (None, {"model": "nett"}, "tune.nett: 'nett' is no model. Nearest: 'net'."),
        (None, {"min_epochs": 21}, "tune.net.min_epochs: 21 is more than the 20 of training.epochs; lower it"),
        (None, {"reduction": 1}, "tune.net.reduction"),
        (None, {"trials": 0}, "tune.net.trials"),
        ({}, {}, "tune.net.search"),
        ({"dropout": {"uniform": [0, 1]}}, {}, "'dropout' is no setting; write options.<name> or training.<name>"),
        ({"model.units": {"uniform": [0, 1]}}, {}, "'model.units' is no setting"),
        ({"training.learning_rat": {"log": [1, 2]}}, {}, "training.learning_rat may not be searched, .* 'learning_rate'"),
        (
            {"training.flatten": {"choices": [1, 2]}},
            {},
            "training.flatten may not be searched, or trials would not be compared",
        ),
        ({"training.validation_fraction": {"uniform": [0.1, 0.2]}}, {}, "validation_fraction may not be searched"),
        ({"training.learning_rate": {"uniform": [-1, 2]}}, {}, "learning_rate: -1.0 is not allowed: .* greater than 0"),
        ({"training.optimizer": {"choices": ["adam", "adamm"]}}, {}, "optimizer: 'adamm' is not allowed: .*'adam'"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_search_that_does_not_fit_its_model_is_refused(search, more, message):
    with pytest.raises(ValueError, match=message):
        analysis(search, **more)


def test_an_option_that_the_architecture_does_not_have_is_refused(pytestconfig):
    with pytest.raises(
        InputError,
        match=r"tune.net.search.options.dropuot of config/toy.yaml is not an option of models/dnn.py. Nearest: 'dropo",
    ):
        check_tune(analysis({"options.dropuot": {"uniform": [0, 1]}}), pytestconfig.rootpath)


def test_values_replace_those_of_the_model_and_of_no_other():
    before = analysis()

    after = with_values(before, "net", {"options.units": [4], "training.learning_rate": 0.5})

    assert after.models["net"].options == {"dropout": 0.2, "units": [4]}
    assert after.training_of("net").learning_rate == 0.5
    assert after.training_of("net").epochs == 20
    assert before.models["net"].options == {"dropout": 0.2}
    assert after.model_copy(update={"models": before.models}) == before
