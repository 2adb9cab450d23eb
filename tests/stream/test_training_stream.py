"""What a model is trained on: each event once, never one of its fold, in an order that only seed and epoch decide."""

from dataclasses import replace
from itertools import chain

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import load_analysis
from pipeline.events.plan import Plan
from pipeline.events.planning import make_plan
from pipeline.statistics.hashing import event_hash, fold_of
from pipeline.stream.cache import ChunkCache
from pipeline.stream.training_stream import TrainingStream
from pipeline.stream.validation import is_validation
from pipeline.stream.weights import apply_policy
from tests.toy_analysis import make_toy

N_EVENTS = 600


@pytest.fixture(scope="module")
def toy(tmp_path_factory, make_nano, pytestconfig):
    """Analysis, and plan of one file of 600 events a class, in ranges of 100."""
    folder = tmp_path_factory.mktemp("toy")
    make_toy(folder, pytestconfig.rootpath, make_nano, n_events=N_EVENTS, cluster_entries=100)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        analysis = load_analysis("config/toy.yaml")
        files = {name: [str(folder / f"{name}.root")] for name in ("s", "b")}
        yield analysis, make_plan(analysis, files, reads=["MET_pt"])


def recut(plan: Plan, edges: list[int]) -> Plan:
    """The same files, cut into ranges at *edges*."""
    cut = tuple(sorted({0, *edges, N_EVENTS}))
    datasets = (replace(d, files=tuple(replace(file, edges=cut) for file in d.files)) for d in plan.datasets)
    return replace(plan, datasets=tuple(datasets))


def stream(analysis, plan, folder, *, fold=0, **training):
    options = analysis.training.model_copy(update={"batch_size": 32, **training})
    counts = n_events(analysis, fold, options.validation_fraction)
    return TrainingStream(analysis, plan, "all", fold, options, {"s": 1.0, "b": 1.0}, counts, ChunkCache(folder, 1e9))


def n_events(analysis, fold, validation_fraction):
    """What each epoch must hold: both datasets have events of the same names."""
    keys = event_hash(np.ones(N_EVENTS), 1 + np.arange(N_EVENTS) // 100, np.arange(N_EVENTS))
    held_out = is_validation(keys, validation_fraction)[fold_of(keys, analysis.folds) != fold]
    n = {"training": int((~held_out).sum()), "validation": int(held_out.sum())}
    return {part: {"s": count, "b": count} for part, count in n.items()}


def met(batches):
    """MET tells the event: event e has 10 + e GeV."""
    return [batch.tensors["event"][:, 0].tolist() for batch in batches]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=st.lists(st.integers(1, N_EVENTS - 1), max_size=5))
def test_any_cutting_into_ranges_gives_the_same_batches(edges, toy, tmp_path_factory):
    analysis, plan = toy

    whole = met(stream(analysis, recut(plan, []), tmp_path_factory.mktemp("a")).epoch(3))

    assert whole == met(stream(analysis, recut(plan, edges), tmp_path_factory.mktemp("b")).epoch(3))


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("buffer_mb", [0.001, 256.0], ids=["small buffer", "large buffer"])
def test_an_epoch_holds_each_event_of_the_other_folds_once(fold, buffer_mb, toy, tmp_path):
    analysis, plan = toy
    events = stream(analysis, plan, tmp_path, fold=fold, shuffle_buffer_mb=buffer_mb)

    seen = np.array([m for part in ("training", "validation") for b in met(events.epoch(0, part)) for m in b]) - 10

    number = np.arange(N_EVENTS)
    folds = fold_of(event_hash(np.ones(N_EVENTS), 1 + number // 100, number), analysis.folds)
    np.testing.assert_array_equal(np.sort(seen), np.sort(np.tile(number[folds != fold], 2)))


def test_training_and_validation_share_no_event(toy, tmp_path):
    events = stream(*toy, tmp_path)

    training, validation = (
        {m for batch in met(events.epoch(0, part)) for m in batch} for part in ("training", "validation")
    )

    assert training
    assert validation
    assert not training & validation


def test_epochs_differ_in_order_only(toy, tmp_path):
    events = stream(*toy, tmp_path)

    first, again, second = met(events.epoch(0)), met(events.epoch(0)), met(events.epoch(1))

    assert first == again != second
    assert sorted(chain(*first)) == sorted(chain(*second))


def test_classes_are_mixed_within_binomial_error(toy, tmp_path):
    batches = [b for epoch in range(20) for b in stream(*toy, tmp_path).epoch(epoch) if len(b) == 32]

    signal = np.array([batch.targets[:, 1].sum() for batch in batches])

    # 32 events with probability 1/2: 16 ± 2.8.
    assert abs(signal.mean() - 16) < 0.5
    assert 2.3 < signal.std() < 3.3


def test_the_cache_changes_nothing(toy, tmp_path):
    cold = stream(*toy, tmp_path)

    first, second = met(cold.epoch(0)), met(stream(*toy, tmp_path).epoch(0))

    assert first == second
    assert list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("policy", "expected"), [("keep", [2.0, -3.0]), ("absolute", [2.0, 3.0]), ("zero", [2.0, 0.0])], ids=str
)
def test_negative_weights_follow_their_policy(policy, expected):
    assert apply_policy(np.array([2.0, -3.0]), policy).tolist() == expected
