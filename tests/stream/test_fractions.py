"""A model that learns from a fraction of the events: which, how many, and with what weights."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.config import load_analysis
from pipeline.events.planning import make_plan
from pipeline.learning.summarise import summarise
from pipeline.results.sample_sizes import sample_sizes
from pipeline.statistics.hashing import mix64
from pipeline.stream.cache import ChunkCache
from pipeline.stream.model_weights import model_weights
from pipeline.stream.summary import Summary
from pipeline.stream.training_stream import TrainingStream
from pipeline.stream.validation import is_learned, is_validation
from tests.stream.test_training_stream import N_EVENTS, recut
from tests.toy_analysis import make_toy, write_toy

CURVE = {"models": ["m"], "percent": [50, 20]}
FLATTEN = {"variables": {"met": {"edges": [0.0, 150.0, 400.0, 700.0]}}}
SIZES = ("m_20pct", "m_50pct", "m")


@pytest.fixture(scope="module")
def toy(tmp_path_factory, make_nano, pytestconfig):
    folder = tmp_path_factory.mktemp("toy")
    make_toy(folder, pytestconfig.rootpath, make_nano, n_events=N_EVENTS, cluster_entries=100)
    write_toy(folder, learning_curve=CURVE, training={"flatten": FLATTEN, "batch_size": 50})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        analysis = load_analysis("config/toy.yaml")
        plan = make_plan(analysis, {name: [str(folder / f"{name}.root")] for name in "sb"}, reads=["MET_pt"])
        yield summarised(analysis, plan, folder)


def summarised(analysis, plan, folder):
    summarise(analysis, plan, folder / "summary.json", scratch=ChunkCache(folder / "chunks", 1e9))
    return SimpleNamespace(analysis=analysis, plan=plan, folder=folder, summary=Summary.load(folder / "summary.json"))


def streamed(toy, model, fold, part="training"):
    """Of one epoch, which the stream compares with the counts of the summary: dataset and MET of each event, and weights."""
    made = model_weights(toy.analysis, toy.plan, toy.summary, model, fold)
    training, scratch = toy.analysis.training_of(model), ChunkCache(toy.folder / "chunks", 1e9)
    stream = TrainingStream(
        toy.analysis, toy.plan, "all", fold, training, made.factors, made.n_events, scratch, flat=made.flat
    )
    rows = list(stream.epoch(0, part))
    met = np.concatenate([one.tensors["event"][:, 0] for one in rows])
    group, weight = (np.concatenate([getattr(one, name) for one in rows]) for name in ("group", "weight"))
    return list(zip(group.tolist(), met.tolist(), strict=True)), weight


@pytest.mark.parametrize("fold", [0, 1])
def test_a_smaller_sample_is_part_of_a_larger_one_and_no_event_is_there_twice(fold, toy):
    seen = [streamed(toy, model, fold)[0] for model in SIZES]

    assert all(len(set(events)) == len(events) for events in seen)
    assert set(seen[0]) < set(seen[1]) < set(seen[2])
    assert len(seen[0]) / len(seen[2]) == pytest.approx(0.2, abs=0.08)
    assert len(seen[1]) / len(seen[2]) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("fold", [0, 1])
def test_the_events_held_out_are_the_same_for_every_size(fold, toy):
    held_out = [streamed(toy, model, fold, "validation")[0] for model in SIZES]

    assert sorted(held_out[0]) == sorted(held_out[1]) == sorted(held_out[2])
    assert not set(held_out[0]) & set(streamed(toy, "m", fold)[0])


@pytest.mark.parametrize("model", SIZES)
def test_the_weights_of_each_size_are_balanced_flat_and_of_mean_one(model, toy):
    events, weight = streamed(toy, model, 0)
    group, met = np.array(events).T

    assert weight.sum() == pytest.approx(len(weight), rel=1e-5)
    for dataset in (0, 1):
        of = group == dataset
        heights = np.histogram(met[of], FLATTEN["variables"]["met"]["edges"], weights=weight[of])[0]
        np.testing.assert_allclose(heights, len(weight) / 6, rtol=1e-5)


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edges=st.lists(st.integers(1, N_EVENTS - 1), max_size=4))
def test_any_cutting_into_ranges_counts_and_gives_the_same_events(edges, toy, tmp_path_factory):
    again = summarised(toy.analysis, recut(toy.plan, edges), tmp_path_factory.mktemp("cut"))

    assert again.summary.content["folds"] == toy.summary.content["folds"]
    for one, other in zip(streamed(again, "m_20pct", 1), streamed(toy, "m_20pct", 1), strict=True):
        np.testing.assert_array_equal(one, other)


@given(smaller=st.floats(0.001, 1), larger=st.floats(0.001, 1), held_out=st.floats(0.01, 0.9))
def test_what_a_smaller_fraction_takes_a_larger_one_takes_and_nothing_that_is_held_out(smaller, larger, held_out):
    keys, (smaller, larger) = mix64(np.arange(500)), sorted((smaller, larger))

    assert not (is_learned(keys, held_out, smaller) & ~is_learned(keys, held_out, larger)).any()
    assert not (is_learned(keys, held_out, larger) & is_validation(keys, held_out)).any()
    assert (is_learned(keys, held_out, 1.0) == ~is_validation(keys, held_out)).all()


@pytest.mark.parametrize("fraction", [0.01, 0.3, 0.9])
def test_a_fraction_is_that_part_of_what_is_not_held_out(fraction):
    keys = mix64(np.arange(100_000))

    assert is_learned(keys, 0.2, fraction).mean() == pytest.approx(0.8 * fraction, rel=0.05)


def test_the_results_tell_how_many_events_each_size_has(toy):
    found = sample_sizes(toy.analysis, toy.summary)

    assert set(found) == set(SIZES)
    for model in SIZES:
        assert found[model]["n_train"] == [len(streamed(toy, model, fold)[0]) for fold in range(2)]
