from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.statistics.bootstrap import poisson_multiplicities
from pipeline.statistics.hashing import mix64, salted
from pipeline.statistics.sums import Quantum
from pipeline.stream.training_stream import is_validation
from pipeline.tasks.discriminant import N_BINS, logit_bins
from pipeline.tasks.score_counts import ScoreCounts
from pipeline.tasks.score_entries import ScoredBy, Seen, is_compared

UNIT = Quantum.of_typical_weight(1.0)
AGAINST = (("pt", (0.0, 1.0, 3.0)), ("jet.eta", (-1.0, 0.0, 0.5, 1.0)))
BY = ScoredBy("tt", ("dnn", "bdt"), ("tt", "w", "hh"), "hh", UNIT, AGAINST)
N_REPLICAS = 6


def events(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    test, train = ({model: rng.dirichlet([1, 1, 1], n).astype(np.float32) for model in BY.models} for _ in range(2))
    keys = mix64(np.arange(n) + 1000 * seed)
    # Models may be trained with other validation fractions.
    rows = {model: np.flatnonzero(keys % np.uint64(every) == 0) for model, every in zip(BY.models, (2, 3), strict=True)}
    seen = {model: Seen(rows[model], scores[rows[model]]) for model, scores in train.items()}
    return test, seen, rng.normal(1, 0.5, n), keys


def observed(keys):
    """Numbers of each event, some beyond the edges and some unknown."""
    part = (keys % np.uint64(1000)).astype(float) / 1000
    return {"pt": np.where(part > 0.9, np.nan, 4 * part), "jet.eta": 2.5 * part - 1.2}


def counted(test, seen, weights, keys, true_class=0, by=BY) -> ScoreCounts:
    counts = ScoreCounts.empty(by, n_replicas=N_REPLICAS, seed=3)
    counts.fill(test, seen, weights, keys, true_class, observed(keys))
    return counts


def part_of(test, seen, weights, keys, part):
    """The events *part*, in that order."""
    some = {}
    for model, one in seen.items():
        place = {row: i for i, row in enumerate(one.rows.tolist())}
        chosen = [(new, place[old]) for new, old in enumerate(part.tolist()) if old in place]
        rows, old_rows = np.array(chosen, dtype=np.int64).reshape(-1, 2).T
        some[model] = Seen(rows, one.scores[old_rows])
    return {model: scores[part] for model, scores in test.items()}, some, weights[part], keys[part]


def bits(counts: ScoreCounts):
    histograms = {**counts.test.histograms, **counts.train.histograms}
    return (
        counts.replicas.counts.tolist(),
        counts.test_sumw2.tolist(),
        counts.curve_sumw2.tolist(),
        {name: (h.count.tolist(), h.sumw.tolist(), h.sumw2.tolist()) for name, h in histograms.items()},
    )


@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 40), max_size=3), seed=st.integers(0, 99))
def test_any_chunks_in_any_order_give_the_same_bits(cuts, seed):
    sample = events(40, seed)
    order = np.random.default_rng(seed).permutation(40)
    parts = ScoreCounts.empty(BY, n_replicas=N_REPLICAS, seed=3)
    for start, stop in pairwise([0, *sorted(cuts), 40]):
        parts = counted(*part_of(*sample, order[start:stop])) + parts

    assert bits(counted(*sample)) == bits(parts)


def test_counts_are_those_of_the_slow_twin():
    test, seen, weights, keys = events(60)
    counts = counted(test, seen, weights, keys, true_class=1)
    draws = poisson_multiplicities(salted(keys, "dataset tt"), N_REPLICAS, 3)
    columns = np.concatenate([np.ones((60, 1), np.int64), draws], axis=1)
    for model in BY.models:
        expected = {
            "test": np.zeros((N_BINS, 7), np.int64),
            "seen": np.zeros((N_BINS // 4, 7), np.int64),
            "unseen": np.zeros((N_BINS // 4, 7), np.int64),
            "correct": np.zeros(7, np.int64),
        }
        learned = dict(zip(seen[model].rows.tolist(), seen[model].scores, strict=True))
        for i in range(60):
            row = int(UNIT.counts(weights[i])) * columns[i].astype(np.int64)
            place = logit_bins(test[model][i : i + 1].astype(float), 2)[0]
            expected["test"][place] += row
            expected["correct"] += row * (np.argmax(test[model][i]) == 1)
            if i in learned:
                expected["unseen"][place // 4] += row
                expected["seen"][logit_bins(learned[i][np.newaxis].astype(float), 2)[0] // 4] += row
        rows = seen[model].rows

        assert 0 < len(rows) < 60
        assert expected["test"].tolist() == counts.test_counts(model).tolist()
        assert expected["seen"].tolist() == counts.seen_counts(model).tolist()
        assert expected["unseen"].tolist() == counts.unseen_counts(model).tolist()
        assert expected["correct"].tolist() == counts.correct_counts(model).tolist()
        assert UNIT.square_counts(weights).sum() == counts.sumw2_counts(model).sum()
        assert UNIT.square_counts(weights[rows]).sum() == counts.compared_sumw2(model)
    assert counts.n_test == 60


def test_curves_are_counted_as_a_loop_over_the_events_of_each_bin_counts_them():
    test, seen, weights, keys = events(60)
    counts = counted(test, seen, weights, keys)
    cells = [(name, *edge) for name, edges in AGAINST for edge in pairwise(edges)]
    for model in BY.models:
        found, squares = counts.curve_counts(model), counts.curve_sumw2_counts(model)
        for cell, (name, low, high) in enumerate(cells):
            last = high in (3.0, 1.0) and cell in (1, 4)
            values = observed(keys)[name]
            inside = (values >= low) & ((values <= high) if last else (values < high))
            alone = counted({model: test[model][inside] for model in BY.models}, {}, weights[inside], keys[inside])

            assert inside.any()
            expected = alone.test_counts(model).reshape(N_BINS // 4, 4, -1).sum(axis=1)
            assert expected.tolist() == found[cell].tolist()
            assert alone.sumw2_counts(model).reshape(-1, 4).sum(axis=1).tolist() == squares[cell].tolist()
    assert np.isnan(observed(keys)["pt"]).any()
    assert (observed(keys)["jet.eta"] < -1).any()


def test_an_observable_that_is_not_there_is_named():
    test, _, weights, keys = events(3)

    with pytest.raises(InputError, match=r"no 'jet\.eta' to draw curves against\. .* an observable of the processor\."):
        ScoreCounts.empty(BY, n_replicas=2, seed=1).fill(test, {}, weights, keys, 0, {"pt": np.ones(3)})


def test_both_models_fluctuate_alike():
    test, train, weights, keys = events(30)
    counts = counted(test, train, weights, keys)

    assert counts.test_counts("dnn").sum(axis=0).tolist() == counts.test_counts("bdt").sum(axis=0).tolist()


def test_events_of_the_same_name_in_another_dataset_fluctuate_independently():
    sample = events(300)
    other = ScoredBy("hh", BY.models, BY.classes, BY.signal, UNIT)
    first, second = (counted(*sample, by=by).test_counts("dnn").sum(axis=0) for by in (BY, other))

    assert first[0] == second[0]
    assert (first[1:] != second[1:]).all()


def test_data_has_no_right_answer():
    test, _, weights, keys = events(10)
    counts = counted(test, {}, weights, keys, true_class=None)

    assert not counts.correct_counts("dnn").any()
    assert not counts.is_compared
    assert counts.test.histograms["dnn_score"].count.sum() == 10


def test_scores_of_zero_and_one_are_inside_the_histogram_and_the_end_bins():
    by = ScoredBy("tt", ("dnn",), ("tt", "hh"), "hh", UNIT)
    scores = {"dnn": np.array([[1, 0], [0, 1]], dtype=np.float32)}
    counts = counted(scores, {}, np.ones(2), mix64([1, 2]), by=by)

    assert counts.test.histograms["dnn_score"].count[[0, 1, -2, -1]].tolist() == [0, 1, 1, 0]
    assert np.flatnonzero(counts.test_counts("dnn")[:, 0]).tolist() == [0, N_BINS - 1]


def test_a_file_gives_the_counts_back_and_the_same_bytes(tmp_path):
    counts = counted(*events(20))
    counts.save(tmp_path / "a.npz")
    back = ScoreCounts.load(tmp_path / "a.npz")
    back.save(tmp_path / "b.npz")

    assert (counts.by, bits(counts)) == (back.by, bits(back))
    assert bits(counts + counts) == bits(back + back)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_quarter_of_the_events_is_compared_in_any_dataset():
    chosen = is_compared(mix64(np.arange(40_000)))

    assert chosen.mean() == pytest.approx(0.25, abs=0.01)


def test_what_is_compared_has_no_part_in_what_is_validated():
    keys = mix64(np.arange(40_000))

    assert is_compared(keys)[is_validation(keys, 0.2)].mean() == pytest.approx(0.25, abs=0.02)


def test_an_empty_chunk_changes_nothing():
    counts = counted(*events(5))

    assert bits(counts) == bits(counts + counted(*events(0)))


def test_a_missing_model_is_named():
    test, _, weights, keys = events(3)

    with pytest.raises(InputError, match=r"No scores of model 'bdt'\. Known: 'dnn'\."):
        counted({"dnn": test["dnn"]}, {}, weights, keys)


def test_scores_that_are_not_numbers_are_named_with_model_and_dataset():
    test, _, weights, keys = events(3)
    test["bdt"][1] = np.nan

    with pytest.raises(InputError, match=r"model 'bdt' on tt are no probabilities in 1 of 3 events"):
        counted(test, {}, weights, keys)


def test_counts_of_other_datasets_do_not_add():
    other = ScoredBy("hh", BY.models, BY.classes, BY.signal, UNIT)

    with pytest.raises(ValueError, match="scores differ"):
        counted(*events(1)) + counted(*events(1), by=other)


def test_an_analysis_says_what_is_counted():
    analysis = load_analysis(Path(__file__).parents[2] / "config" / "hh_bbww.yaml")
    counts = analysis.task.counts_for(analysis, "tt_dilep", UNIT)

    assert counts.by == ScoredBy("tt_dilep", tuple(analysis.models), ("tt", "hh"), "hh", UNIT)
    assert counts.replicas.counts.shape[1] == 1 + analysis.bootstrap_replicas
