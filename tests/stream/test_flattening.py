"""Which bin of `training.flatten` an event belongs to, with what is beyond the edges in the end bins."""

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Analysis, Flatten
from pipeline.errors import InputError
from pipeline.physics.selected import Cutflow, EventIds, Selected
from pipeline.stream.flattening import FlatBins, bins_of_models
from tests.toy_analysis import ANALYSIS

PLACE = "a.root, entries 0 to 4"
PT = {"edges": [20.0, 30.0, 50.0]}
ETA = {"bins": 3, "start": -2.4, "stop": 2.4}


def flat_bins(**variables):
    return FlatBins.of(Flatten.model_validate({"variables": variables}))


def selected(observables, inputs=None):
    n = len(next(iter({**observables, **(inputs or {}).get("event", {})}.values())))
    ids = EventIds(np.full(n, 7, np.uint32), np.full(n, 2, np.uint32), np.arange(100, 100 + n, dtype=np.uint64))
    return Selected(ids, np.ones(n), observables, Cutflow(), inputs or {})


def index(bins, **observables):
    return bins.index(selected(observables), place=PLACE).tolist()


def test_a_bin_holds_its_lower_edge_and_the_end_bins_hold_what_is_beyond():
    values = np.array([-np.inf, 19.9, 20.0, 29.9, 30.0, 49.9, 50.0, 1e9, np.inf])

    assert index(flat_bins(pt=PT), pt=values) == [0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_two_variables_are_numbered_by_name_with_the_last_one_fastest():
    bins = flat_bins(pt=PT, eta=ETA)

    assert bins.n_bins == 6
    assert index(bins, pt=[25.0, 25.0, 25.0, 40.0, 40.0], eta=[-1.0, 0.0, 1.0, -3.0, 3.0]) == [0, 2, 4, 1, 5]
    assert [bins.describe(i) for i in (1, 2)] == ["eta -2.4 to -0.8, pt 30 to 50", "eta -0.8 to 0.8, pt 20 to 30"]


def test_the_order_in_the_configuration_does_not_matter():
    assert flat_bins(pt=PT, eta=ETA) == flat_bins(eta=ETA, pt=PT)


@given(pt=st.lists(st.floats(0, 80), max_size=20), data=st.data())
def test_bins_are_those_of_counting_the_edges_below(pt, data):
    eta = data.draw(st.lists(st.floats(-4, 4), min_size=len(pt), max_size=len(pt)))
    bins = flat_bins(pt=PT, eta=ETA)

    expected = [
        min(max(sum(e >= edge for edge in bins.edges[0]) - 1, 0), 2) * 2
        + min(max(sum(p >= edge for edge in bins.edges[1]) - 1, 0), 1)
        for p, e in zip(pt, eta, strict=True)
    ]

    assert index(bins, pt=np.array(pt), eta=np.array(eta)) == expected


def test_inputs_are_named_by_their_collection():
    given = selected({}, {"event": {"pt": np.array([25.0, 40.0])}})

    assert flat_bins(**{"event.pt": PT}).index(given, place=PLACE).tolist() == [0, 1]


@pytest.mark.parametrize(
    "values", [ak.Array([25.0, 40.0]), np.array([25, 40]), [25.0, 40.0]], ids=["awkward", "int", "list"]
)
def test_values_may_be_any_array(values):
    assert index(flat_bins(pt=PT), pt=values) == [0, 1]


def test_no_events_have_no_bins():
    assert index(flat_bins(pt=PT), pt=np.zeros(0)) == []


def test_equal_edges_are_the_same_bins_however_they_are_written():
    edges = flat_bins(eta={"edges": np.linspace(-2.4, 2.4, 4).tolist()})

    assert edges == flat_bins(eta=ETA)
    assert edges.name == flat_bins(eta=ETA).name


@pytest.mark.parametrize(
    "other",
    [{"pt": PT}, {"pt": PT, "eta": {**ETA, "stop": 2.5}}, {"pt": PT, "phi": ETA}],
    ids=["fewer", "edges", "variable"],
)
def test_other_bins_have_another_name(other):
    assert flat_bins(**other).name != flat_bins(pt=PT, eta=ETA).name


def test_the_bins_of_all_models_are_found_once():
    flatten = {"variables": {"met": PT}}
    models = {
        "common": {"architecture": "bdt", "inputs": "all"},
        "limited": {"architecture": "bdt", "inputs": "all", "training": {"flatten": {**flatten, "max_weight": 3}}},
        "finer": {"architecture": "bdt", "inputs": "all", "training": {"flatten": {"variables": {"met": ETA}}}},
        "plain": {"architecture": "bdt", "inputs": "all", "training": {"flatten": None}},
    }
    analysis = Analysis.model_validate({"name": "toy", **ANALYSIS, "models": models, "training": {"flatten": flatten}})

    assert list(bins_of_models(analysis).values()) == [flat_bins(met=PT), flat_bins(met=ETA)]


@pytest.mark.parametrize("name", ["pt_jet", "jets.pt"])
def test_a_variable_that_the_processor_does_not_give_is_told_with_the_nearest(name):
    given = selected({"jet_pt": np.ones(2)}, {"event": {"met": np.ones(2)}, "jet": {"pt": np.ones(2)}})

    with pytest.raises(InputError, match=rf"gives no observable or input '{name}'\. Nearest: .*'jet.pt'.*training\.flatten"):
        flat_bins(**{name: PT}).index(given, place=PLACE)


@pytest.mark.parametrize("bad", [np.array([25.0, np.nan]), ak.Array([25.0, None])], ids=["NaN", "missing"])
def test_a_variable_without_value_is_told_with_event_and_place(bad):
    with pytest.raises(
        InputError,
        match=rf"^'pt' of training\.flatten is NaN or missing for run 7, luminosity block 2, event 101 in {PLACE}\. Exp",
    ):
        index(flat_bins(pt=PT), pt=bad)


@pytest.mark.parametrize(
    ("values", "told"),
    [(ak.Array([[25.0], [30.0, 40.0]]), "2 entries in 2 dimensions"), (np.ones((2, 3)), "2 entries in 2 dimensions")],
    ids=["jagged", "table"],
)
def test_a_variable_with_several_numbers_an_event_is_told(values, told):
    with pytest.raises(InputError, match=rf"has {told}, for 2 selected events\. Expected one number an event"):
        index(flat_bins(pt=PT), pt=values)


def test_a_variable_of_another_length_is_told():
    with pytest.raises(InputError, match=r"'eta' of training\.flatten has 3 entries in 1 dimensions, for 2 selected"):
        index(flat_bins(pt=PT, eta=ETA), pt=np.ones(2), eta=np.ones(3))
