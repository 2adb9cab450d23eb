"""Labels that matplotlib cannot set are found before there is anything to draw."""

import pytest

from pipeline.config import Analysis, load_analysis
from pipeline.errors import InputError
from pipeline.results.labels import check_labels
from tests.toy_analysis import ANALYSIS


def analysis(place, text):
    """The toy analysis with *text* at one place."""
    content = {key: ANALYSIS[key] for key in ANALYSIS}
    section, name, key = place.split(".")
    content[section] = {**content[section], name: {**content[section][name], key: text}}
    return Analysis.model_validate({"name": "toy", **content})


PLACES = ("processes.sig.label", "histograms.met.label", "histograms.met.unit", "models.m.label")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("text", ["", "GeV", r"$m_{\ell\ell}$", r"t$\bar{t}$ → bb", r"5 \$", "μ_μ { \\frac"], ids=repr)
def test_a_label_that_can_be_set_is_taken(place, text):
    check_labels(analysis(place, text))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (r"$m_{bb$", "Expected end_group, found end of text"),
        (r"$\mell$", r"Unknown symbol: \\mell, found '\\'"),
        (r"$m_$", r"Expected \{phantom .*…"),
        (r"$p_T", "a dollar sign has no partner"),
        (r"$p_T$ in $\$", "a dollar sign has no partner"),
    ],
    ids=["group", "symbol", "end", "dollar", "escaped dollar"],
)
def test_a_label_that_cannot_be_set_is_named_with_its_place_and_the_reason(place, text, reason):
    with pytest.raises(
        InputError, match=rf"^{place} of config/toy\.yaml, '.*', cannot be set: {reason}\. Expected .*there\.$"
    ):
        check_labels(analysis(place, text))


def test_what_is_refused_would_stop_matplotlib():
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    figure.suptitle(r"$m_{bb$")

    with pytest.raises(ValueError, match="Expected end_group"):
        FigureCanvasAgg(figure).draw()


@pytest.mark.parametrize("name", ["dimuon", "hh_bbww"])
def test_the_labels_of_the_shipped_analyses_can_be_set(name, pytestconfig):
    check_labels(load_analysis(pytestconfig.rootpath / f"config/{name}.yaml"))
