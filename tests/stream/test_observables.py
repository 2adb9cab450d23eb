"""What may be histogrammed, and what is said when something else is asked for."""

import numpy as np
import pytest

from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.physics.selected import Cutflow, EventIds, Selected
from pipeline.stream.observables import check_histograms, histogrammed
from tests.toy_analysis import ANALYSIS

AXIS = {"label": "x", "bins": 2, "start": 0.0, "stop": 1.0}


@pytest.fixture
def selected():
    """No events, but with all that events would have."""
    ids = EventIds(np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(0, np.uint64))
    values = np.zeros(0)
    return Selected(ids, values, {"mass": values, "pt": values}, Cutflow(), inputs={"jets": {"pt": values, "eta": values}})


def analysis(**observables):
    histograms = {name: {"observable": observable, **AXIS} for name, observable in observables.items()}
    return Analysis.model_validate({"name": "toy", **ANALYSIS, "histograms": histograms})


def test_observables_and_inputs_may_be_histogrammed(selected):
    assert list(histogrammed(selected)) == ["mass", "pt", "jets.pt", "jets.eta"]
    check_histograms(analysis(a="mass", b="jets.eta", c="jets.eta"), selected)


def test_all_that_is_missing_is_told_at_once(selected):
    with pytest.raises(
        InputError,
        match=r"^Histograms of config/toy\.yaml want observables that processors/toy\.py does not give: 'masss' \(a\),"
        r" 'jets\.etaa' \(c\)\. Nearest: 'mass'\. Nearest: 'jets\.eta', 'jets\.pt'\. Correct histograms\.<name>\.observable",
    ):
        check_histograms(analysis(a="masss", b="pt", c="jets.etaa"), selected)


def test_without_histograms_nothing_is_missing(selected):
    check_histograms(analysis(), selected)
