from __future__ import annotations

import math
from itertools import pairwise
from types import SimpleNamespace

import awkward as ak
import hist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Axis
from pipeline.errors import InputError
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.histogram import ExactHistogram, HistogramAxis
from pipeline.statistics.sums import Quantum

REGULAR = Axis(observable="mass", label="$m$", unit="GeV", bins=7, start=0.1, stop=0.8)
VARIABLE = Axis(observable="mass", label="$m$", edges=(0.0, 0.25, 0.3, 1.0))
UNIT = Quantum.of_typical_weight(1.0)
WEIGHTS = st.floats(-4, 4, allow_nan=False)
VALUES = st.floats(-0.5, 1.5, allow_nan=False) | st.sampled_from([0.1, 0.2, 0.3, 0.8, math.inf, -math.inf])


def filled(values, weights, axis=REGULAR, quantum=UNIT) -> ExactHistogram:
    histogram = ExactHistogram.empty(HistogramAxis.of(axis), quantum)
    histogram.fill(values, weights)
    return histogram


def bits(histogram: ExactHistogram) -> list[list[int]]:
    return [histogram.count.tolist(), histogram.sumw.tolist(), histogram.sumw2.tolist()]


@given(
    events=st.lists(st.tuples(VALUES, WEIGHTS), max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=4),
    seed=st.integers(0, 99),
)
def test_any_chunks_in_any_order_give_the_same_bits(events, cuts, seed):
    values, weights = (
        (np.array(column, dtype=float) for column in zip(*events, strict=True)) if events else (np.zeros(0),) * 2
    )
    order = np.random.default_rng(seed).permutation(len(events))
    parts = ExactHistogram.empty(HistogramAxis.of(REGULAR), UNIT)
    for start, stop in pairwise([0, *sorted(min(cut, len(events)) for cut in cuts), len(events)]):
        part = order[start:stop]
        parts = filled(values[part], weights[part]) + parts

    assert bits(filled(values, weights)) == bits(parts)


@pytest.mark.parametrize("axis", [REGULAR, VARIABLE], ids=["regular", "variable"])
@given(events=st.lists(st.tuples(VALUES, WEIGHTS), max_size=30))
def test_bins_are_those_of_hist(axis, events):
    values, weights = (
        (np.array(column, dtype=float) for column in zip(*events, strict=True)) if events else (np.zeros(0),) * 2
    )
    twin = hist.Hist(HistogramAxis.of(axis).to_hist(), storage=hist.storage.Weight())
    twin.fill(values, weight=weights)

    made = filled(values, weights, axis).to_hist(scale=3.0)

    assert twin.axes == made.axes
    np.testing.assert_allclose(3 * twin.values(flow=True), made.values(flow=True), rtol=1e-8, atol=1e-8)
    # A square below half a unit of 2**-32 counts as one, up to 30 times here, and is scaled by 9.
    np.testing.assert_allclose(9 * twin.variances(flow=True), made.variances(flow=True), rtol=1e-8, atol=1e-7)


def two_datasets(first, second):
    """Histograms of two chunks: by chunk, values of weight 2."""
    for values in (first, second):
        histograms = DatasetHistograms.for_axes({"a": HistogramAxis.of(REGULAR), "b": HistogramAxis.of(VARIABLE)}, UNIT)
        histograms.fill({"mass": np.array(values, dtype=float)}, np.full(len(values), 2.0))
        yield histograms


@given(first=st.lists(VALUES, max_size=5), second=st.lists(VALUES, max_size=5))
def test_adding_in_place_gives_the_bits_of_a_sum_and_leaves_the_other_as_it_is(first, second):
    one, other = two_datasets(first, second)
    total, before = one + other, {name: bits(histogram) for name, histogram in other.histograms.items()}

    one += other

    assert {name: bits(histogram) for name, histogram in one.histograms.items()} == {
        name: bits(histogram) for name, histogram in total.histograms.items()
    }
    assert one.totals == total.totals
    assert {name: bits(histogram) for name, histogram in other.histograms.items()} == before


def test_other_histograms_are_not_added_in_place():
    one, other = two_datasets([0.2], [0.3])
    del other.histograms["b"]
    finer = filled(np.array([0.2]), [1.0], quantum=Quantum(UNIT.exponent - 1))

    with pytest.raises(ValueError, match="histograms differ"):
        one += other
    with pytest.raises(ValueError, match="histograms differ"):
        one.histograms["a"] += finer


def test_an_edge_belongs_to_the_bin_above_and_outside_is_kept():
    histogram = filled(np.array([-1.0, 0.0, 0.25, 1.0, 7.0]), np.ones(5), VARIABLE)

    assert histogram.count.tolist() == [1, 1, 1, 0, 2]


def test_every_number_of_a_jagged_observable_has_the_weight_of_its_event():
    jagged = filled(ak.Array([[0.15, 0.25], [], [0.15]]), [2.0, 3.0, 5.0])

    assert (jagged.count.tolist(), (jagged.sumw * UNIT.value).tolist()) == (
        [0, 2, 1, 0, 0, 0, 0, 0, 0],
        [0, 7.0, 2.0, 0, 0, 0, 0, 0, 0],
    )


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, np.nan]),
        ak.Array([1.0, None]),
        ak.Array([[1.0], [np.nan]]),
        ak.Array([[1.0], [None]]),
        ak.Array([[1.0], None]),
    ],
    ids=["NaN", "None", "NaN in a list", "None in a list", "None for a list"],
)
def test_a_missing_number_is_an_error_that_names_the_observable(values):
    with pytest.raises(InputError, match=r"'mass' is NaN or missing in 1 of"):
        filled(values, np.ones(2))


def test_an_observable_of_another_length_is_an_error():
    with pytest.raises(InputError, match=r"'mass' has 3 events where 2 are selected\."):
        filled(np.ones(3), np.ones(2))


def test_weights_that_are_not_finite_are_an_error():
    with pytest.raises(InputError, match="weight inf"):
        filled(np.ones(2), [1.0, math.inf])


@pytest.mark.parametrize("other", [filled([], [], VARIABLE), filled([], [], REGULAR, Quantum(-3))], ids=["axis", "quantum"])
def test_histograms_of_another_kind_do_not_add(other):
    with pytest.raises(ValueError, match="histograms differ"):
        filled([], []) + other


def test_label_holds_the_unit_and_the_histogram_has_its_name():
    made = filled([], []).to_hist(name="m_ll")

    assert (made.name, made.axes[0].name, made.axes[0].label) == ("m_ll", "mass", "$m$ [GeV]")


@pytest.mark.parametrize("axis", [REGULAR, VARIABLE], ids=["regular", "variable"])
def test_arrays_give_the_histogram_back(axis):
    histogram = filled(np.array([0.2, 0.7, 3.0]), [1.0, -0.5, 0.3], axis)

    back = ExactHistogram.from_arrays(histogram.to_arrays())

    assert (histogram.axis, histogram.quantum, bits(histogram)) == (back.axis, back.quantum, bits(back))


ANALYSIS = SimpleNamespace(histograms={"m": REGULAR, "m_wide": VARIABLE})


def dataset_histograms(values, weights) -> DatasetHistograms:
    histograms = DatasetHistograms.for_analysis(ANALYSIS, UNIT)
    histograms.fill({"mass": values}, weights)
    return histograms


def test_a_file_gives_the_histograms_back_and_the_same_bytes(tmp_path):
    histograms = dataset_histograms(np.array([0.2, 0.7]), [1.0, -0.5])
    histograms.save(tmp_path / "a.npz")
    back = DatasetHistograms.load(tmp_path / "a.npz")
    back.save(tmp_path / "b.npz")

    assert histograms.totals == back.totals
    assert {name: bits(h) for name, h in histograms.histograms.items()} == {
        name: bits(h) for name, h in back.histograms.items()
    }
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_a_dataset_without_histograms_still_counts_its_events(tmp_path):
    histograms = DatasetHistograms.for_axes({}, UNIT)
    histograms.fill({}, [1.0, 2.0])
    histograms.save(tmp_path / "a.npz")
    back = DatasetHistograms.load(tmp_path / "a.npz")

    assert (back.totals.n_events, back.sumw, back.sumw2) == (2, 3.0, 5.0)


@given(weights=st.lists(WEIGHTS, max_size=20), cut=st.integers(0, 20))
def test_totals_add_like_the_bins(weights, cut):
    values = np.full(len(weights), 0.2)
    whole = dataset_histograms(values, weights)
    parts = dataset_histograms(values[:cut], weights[:cut]) + dataset_histograms(values[cut:], weights[cut:])

    assert whole.totals == parts.totals
    assert whole.totals.sumw == int(whole.histograms["m"].sumw.sum())
    assert whole.totals.sumw2 == int(whole.histograms["m_wide"].sumw2.sum())


def test_a_missing_observable_is_named_with_its_nearest():
    with pytest.raises(InputError, match=r"Histogram 'm' wants observable 'mass'.* Nearest: 'mas'\."):
        DatasetHistograms.for_analysis(ANALYSIS, UNIT).fill({"mas": np.ones(1)}, [1.0])


def test_a_missing_file_says_which_stage_writes_it(tmp_path):
    with pytest.raises(InputError, match=r"No .*gone\.npz\. .*Run the stage `score` first\."):
        DatasetHistograms.load(tmp_path / "gone.npz")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"plain text"], ids=["empty", "truncated", "text"])
def test_a_broken_file_is_named(tmp_path, content):
    (tmp_path / "broken.npz").write_bytes(content)

    with pytest.raises(InputError, match=r"broken\.npz cannot be read"):
        DatasetHistograms.load(tmp_path / "broken.npz")


def test_arrays_of_something_else_are_named(tmp_path):
    np.savez(tmp_path / "other.npz", x=np.ones(1))

    with pytest.raises(InputError, match=r"other\.npz holds no histograms"):
        DatasetHistograms.load(tmp_path / "other.npz")


def test_pickled_objects_are_never_read(tmp_path):
    np.savez(tmp_path / "evil.npz", x=np.array([{"a": 1}], dtype=object), allow_pickle=True)

    with pytest.raises(InputError, match=r"evil\.npz cannot be read"):
        DatasetHistograms.load(tmp_path / "evil.npz")


def selected_with(weights, typical) -> DatasetHistograms:
    histograms = DatasetHistograms.for_axes({}, Quantum.of_typical_weight(typical))
    histograms.fill({}, np.array(weights))
    return histograms


def test_weights_that_are_lost_to_rounding_are_told():
    with pytest.raises(
        InputError, match=r"The 3 selected events of 'tt' have weights around \S+ or less, where .* around 2\."
    ):
        selected_with([1e-6, 2e-6, 0.0], 1.0).check_resolution("tt")


@pytest.mark.parametrize(
    "weights", [[], [0.0, 0.0], [1e-3, -1e-3], [1.0, 1e-9], [1000.0]], ids=["none", "zero", "small", "mixed", "large"]
)
def test_weights_that_are_resolved_pass(weights):
    selected_with(weights, 1.0).check_resolution("tt")


def test_even_the_smallest_weight_has_an_error():
    histogram = filled(np.array([0.15, 0.25]), [1e-8, 0.0]).to_hist()

    assert (histogram.variances()[:2] > 0).tolist() == [True, False]
