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
from pipeline.tasks.discriminant import N_BINS, logit_bins
from pipeline.tasks.score_counts import ScoreCounts, ScoredBy

UNIT = Quantum.of_typical_weight(1.0)
BY = ScoredBy("tt", ("dnn", "bdt"), ("tt", "w", "hh"), "hh", UNIT)
N_REPLICAS = 6
MAY_COMPILE = settings(deadline=None, max_examples=25)


def events(n: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    test, train = ({model: rng.dirichlet([1, 1, 1], n).astype(np.float32) for model in BY.models} for _ in range(2))
    return test, train, rng.normal(1, 0.5, n), mix64(np.arange(n) + 1000 * seed)


def counted(test, train, weights, keys, true_class=0, by=BY) -> ScoreCounts:
    counts = ScoreCounts.empty(by, n_replicas=N_REPLICAS, seed=3)
    counts.fill(test, train, weights, keys, true_class)
    return counts


def part_of(sample, part):
    return {model: scores[part] for model, scores in sample.items()}


def bits(counts: ScoreCounts):
    histograms = {**counts.test.histograms, **counts.train.histograms}
    return (
        counts.replicas.counts.tolist(),
        counts.test_sumw2.tolist(),
        counts.test.totals,
        counts.train.totals,
        {name: (h.count.tolist(), h.sumw.tolist(), h.sumw2.tolist()) for name, h in histograms.items()},
    )


@MAY_COMPILE
@given(cuts=st.lists(st.integers(0, 40), max_size=3), seed=st.integers(0, 99))
def test_any_chunks_in_any_order_give_the_same_bits(cuts, seed):
    test, train, weights, keys = events(40, seed)
    order = np.random.default_rng(seed).permutation(40)
    parts = ScoreCounts.empty(BY, n_replicas=N_REPLICAS, seed=3)
    for start, stop in pairwise([0, *sorted(cuts), 40]):
        part = order[start:stop]
        parts = counted(part_of(test, part), part_of(train, part), weights[part], keys[part]) + parts

    assert bits(counted(test, train, weights, keys)) == bits(parts)


def test_counts_are_those_of_the_slow_twin():
    test, train, weights, keys = events(60)
    counts = counted(test, train, weights, keys, true_class=1)
    draws = poisson_multiplicities(salted(keys, "dataset tt"), N_REPLICAS, 3)
    columns = np.concatenate([np.ones((60, 1), np.int64), draws], axis=1)
    for model in BY.models:
        expected = {
            "test": np.zeros((N_BINS, 7), np.int64),
            "train": np.zeros((N_BINS, 7), np.int64),
            "correct": np.zeros(7, np.int64),
        }
        for i in range(60):
            row = int(UNIT.counts(weights[i])) * columns[i].astype(np.int64)
            expected["test"][logit_bins(test[model][i : i + 1].astype(float), 2)[0]] += row
            expected["train"][logit_bins(train[model][i : i + 1].astype(float), 2)[0]] += row
            expected["correct"] += row * (np.argmax(test[model][i]) == 1)

        assert expected["test"].tolist() == counts.test_counts(model).tolist()
        assert expected["train"].tolist() == counts.train_counts(model).tolist()
        assert expected["correct"].tolist() == counts.correct_counts(model).tolist()
        assert counts.sumw2_counts(model).sum() == counts.test.totals.sumw2
    assert counts.n_test == 60


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
    assert counts.train.totals.n_events == 0
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
