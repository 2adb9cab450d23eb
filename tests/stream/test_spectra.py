"""Spectra for flattening: sums by bin without rounding, the same from any chunking."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Analysis, Flatten
from pipeline.errors import InputError
from pipeline.statistics.hashing import mix64
from pipeline.statistics.sums import exact_sum
from pipeline.stream.chunk import Chunk
from pipeline.stream.flattening import FlatBins
from pipeline.stream.spectra import chunk_spectra, exact_sums, spectra_of, spectra_to_json
from pipeline.stream.summary import Summary
from pipeline.stream.validation import is_validation
from tests.toy_analysis import ANALYSIS

FLATTEN = {"variables": {"met": {"edges": [0.0, 20.0, 40.0, 80.0]}}}
BINS = FlatBins.of(Flatten.model_validate(FLATTEN))
NAME, FINER = BINS.name, BINS.finer("met").name
numbers = st.floats(allow_nan=False, allow_infinity=False)


def analysis(*policies, flatten=FLATTEN, folds=2):
    models = {
        f"m{i}": {"architecture": "bdt", "inputs": "all", "training": {"negative_weights": policy, "flatten": flatten}}
        for i, policy in enumerate(policies)
    }
    return Analysis.model_validate({"name": "toy", **ANALYSIS, "models": models, "folds": folds})


def keys_for(part, n):
    """Hashes of *n* events that are drawn for *part*."""
    keys = mix64(np.arange(50 * n + 50))
    return keys[is_validation(keys, 0.2) == (part == "validation")][:n]


def chunk(bins, weight, keys=None):
    keys = keys_for("training", len(bins)) if keys is None else keys
    places = np.asarray(bins, dtype=np.int32)
    return Chunk(keys, np.asarray(weight), {}, {}, {NAME: places, FINER: 25 * places + 7})


@given(values=st.lists(st.tuples(st.integers(0, 4), numbers), max_size=40))
def test_sums_by_bin_are_those_of_each_bin_alone(values):
    bins, weight = np.array([b for b, _ in values], dtype=np.int64), np.array([w for _, w in values], dtype=np.float64)

    expected = tuple(exact_sum(weight[bins == b]) for b in range(5))

    assert exact_sums(bins, weight, 5) == expected


def test_small_weights_are_not_lost_beside_large_ones():
    sums = exact_sums(np.array([0, 0, 0, 1]), np.array([1e300, 1e-300, -1e300, 5e-324]), 2)

    assert [float(total) for total in sums] == [1e-300, 5e-324]


@pytest.mark.parametrize(
    ("policy", "n_events", "sumw"),
    [("keep", [3, 2, 0], [2.0, -0.5, 0.0]), ("absolute", [3, 2, 0], [4.0, 1.5, 0.0]), ("zero", [2, 1, 0], [3.0, 0.5, 0.0])],
    ids=str,
)
@pytest.mark.parametrize("part", ["training", "validation"])
def test_spectra_can_be_counted_by_eye(part, policy, n_events, sumw):
    one = analysis(policy)
    # A weight of 0 makes no event.
    made = chunk([0, 0, 0, 1, 1, 2], [1.0, 2.0, -1.0, 0.5, -1.0, 0.0], keys_for(part, 6))

    found = chunk_spectra(one, made, np.zeros(6, dtype=np.int64))

    spectrum = found.pop((0, part, (NAME, policy, 0.2, 1.0))).rounded
    assert (spectrum.n_events.tolist(), spectrum.sumw.tolist()) == (n_events, sumw)
    finer = found.pop((0, part, (FINER, policy, 0.2, 1.0))).rounded
    assert finer.sumw[7::25].tolist() == sumw
    assert finer.n_events.sum() == sum(n_events)
    assert len(found) == 6
    for other in found.values():
        assert not other.rounded.n_events.any()
        assert not other.rounded.sumw.any()


@given(
    rows=st.lists(st.tuples(st.integers(0, 2), numbers, st.integers(0, 1)), max_size=30),
    cuts=st.lists(st.integers(0, 30), max_size=4),
)
def test_any_chunking_gives_the_same_bits(rows, cuts):
    one = analysis("keep", "absolute", "keep", "zero")
    bins, weight, folds = (np.array(column) for column in zip(*rows, strict=True)) if rows else (np.zeros(0, int),) * 3
    keys = mix64(np.arange(len(rows)))
    whole = chunk_spectra(one, chunk(bins, weight.astype(float), keys), folds)
    edges = [0, *sorted(cut for cut in cuts if cut < len(rows)), len(rows)]
    parts = [
        chunk_spectra(one, chunk(bins[a:b], weight[a:b].astype(float), keys[a:b]), folds[a:b]) for a, b in pairwise(edges)
    ]

    for key, spectrum in whole.items():
        total = reduce(add, (part[key] for part in parts))
        assert total.sumw == spectrum.sumw
        assert total.n_events.tolist() == spectrum.n_events.tolist()


def test_a_summary_gives_back_the_spectra_of_both_parts_of_the_training_folds():
    one = analysis("keep", "absolute", folds=3)
    folds = np.array([0, 1, 2, 2, 2])
    keys = np.concatenate([keys_for("training", 4), keys_for("validation", 1)])
    made = {d: chunk([0, 1, 2, 2, 0], [0.1, w, 3.0, -1.0, 7.0], keys) for d, w in (("s", 0.2), ("b", 0.3))}
    found = {dataset: chunk_spectra(one, chunk, folds) for dataset, chunk in made.items()}

    summary = Summary({"folds": {"0": {"spectra": spectra_to_json(one, found, [1, 2])}}})

    kept, absolute = (spectra_of(summary, 0, "training", one.training_of(model)) for model in ("m0", "m1"))
    assert kept["s"].sumw.tolist() == [0.0, 0.2, 2.0]
    assert absolute["s"].sumw.tolist() == [0.0, 0.2, 4.0]
    assert absolute["b"].sumw.tolist() == [0.0, 0.3, 4.0]
    assert absolute["b"].n_events.tolist() == [0, 1, 2]
    assert spectra_of(summary, 0, "validation", one.training_of("m0"))["b"].sumw.tolist() == [7.0, 0.0, 0.0]
    assert summary.content["folds"]["0"]["spectra"][NAME]["edges"] == ((0.0, 20.0, 40.0, 80.0),)


def test_without_flattening_nothing_is_counted_or_kept():
    one = analysis("keep", flatten=None)
    made = Chunk(np.zeros(2, np.uint64), np.ones(2), {}, {})

    assert chunk_spectra(one, made, np.zeros(2, np.int64)) == {}
    assert spectra_to_json(one, {"s": {}}, [0]) == {}
    assert spectra_of(Summary({}), 0, "training", one.training_of("m0")) == {}


def test_a_summary_from_before_the_configuration_asked_is_told():
    wanted, policy = (analysis(name).training_of("m0") for name in ("keep", "zero"))
    fraction = wanted.model_copy(update={"validation_fraction": 0.3})
    summary = Summary({"folds": {"0": {"spectra": {NAME: {"sums": {"keep": {"0.2": {"training": {}}}}}}}}})

    assert spectra_of(summary, 0, "training", wanted) == {}
    for old, training in ((summary, policy), (summary, fraction), (Summary({"folds": {"0": {}}}), wanted)):
        with pytest.raises(InputError, match=r"^summary\.json has no spectra of met in the bins .* Run `summarise` again\."):
            spectra_of(old, 0, "training", training)
