"""A training that was stopped anywhere ends with the same weights as one that was not."""

import numpy as np
import pytest

from pipeline.config import Training
from pipeline.learning.checkpoint import Checkpoint, State
from pipeline.learning.learner import Epoch
from pipeline.learning.predictor import load_predictor
from tests.learning.test_learners import OPTIONS
from tests.learning.test_learners import fit as fit_with

# 32 batches an epoch are two executions, so that a state is kept in the middle of an epoch and at its end.
TRAINING = {
    "dnn": Training(batch_size=128, epochs=4, learning_rate=0.01, early_stopping={"patience": 2}),
    "bdt": Training(batch_size=128, epochs=12, learning_rate=0.3, early_stopping={"patience": 5}),
}
LEDGERS = {"training": {"selected": 4000}}
ROW = Epoch(1, 0.5, 0.25, 0.1, {"sig": 1000, "bkg": 3000})


class KilledError(Exception):
    """What a test ends a training with."""


class Killing(Checkpoint):
    """Keeps every state, and ends the training after so many."""

    def __init__(self, path, after):
        super().__init__(path, "test", seconds_between=0.0)
        self.left = after

    def save(self, state):
        super().save(state)
        self.left -= 1
        if self.left == 0:
            raise KilledError


def fit(name, *given, **options):
    """Trees draw events and features, so that what is drawn must go on as well."""
    drawn = {"max_depth": 2, "subsample": 0.5, "colsample": 0.6}
    return fit_with(name, *given, options=drawn if name == "bdt" else OPTIONS[name], **options)


def answers(trained, folder, stream):
    tensors = next(stream.epoch(9)).tensors
    return load_predictor(folder, trained.files).predict(tensors)


@pytest.mark.parametrize(
    ("name", "after"), [("dnn", 1), ("dnn", 2), ("dnn", 5), ("dnn", 8), ("bdt", 1), ("bdt", 7), ("bdt", 12)]
)
def test_a_training_that_goes_on_ends_with_the_same_weights(name, after, toy_stream, task, tmp_path):
    stream, training = toy_stream(TRAINING[name]), TRAINING[name]
    undisturbed = fit(name, stream, task, tmp_path, training=training)
    expected = answers(undisturbed, tmp_path, stream)
    path = tmp_path / "checkpoints/model.npz"

    with pytest.raises(KilledError):
        fit(name, stream, task, tmp_path, training=training, checkpoint=Killing(path, after))
    resumed = fit(name, stream, task, tmp_path, training=training, checkpoint=Checkpoint(path, "test"))

    assert resumed.history == undisturbed.history
    assert resumed.best_epoch == undisturbed.best_epoch
    np.testing.assert_array_equal(answers(resumed, tmp_path, stream), expected)


@pytest.mark.parametrize("name", ["dnn", "bdt"])
def test_what_was_counted_comes_back_with_the_state(name, toy_stream, task, tmp_path):
    stream, path = toy_stream(TRAINING[name]), tmp_path / "c.npz"

    fit(name, stream, task, tmp_path, training=TRAINING[name], checkpoint=Checkpoint(path, "test", seconds_between=0.0))

    state = Checkpoint(path, "test").load()
    assert state.ledgers == stream.ledgers
    assert [row.row()["n_events"] for row in state.history] == [4000] * len(state.history)


def test_a_training_can_be_stopped_again_and_again(toy_stream, task, tmp_path):
    stream, training = toy_stream(TRAINING["dnn"]), TRAINING["dnn"]
    undisturbed = fit("dnn", stream, task, tmp_path, training=training)
    expected = answers(undisturbed, tmp_path, stream)

    kills = 0
    for _ in range(10):
        try:
            resumed = fit("dnn", stream, task, tmp_path, training=training, checkpoint=Killing(tmp_path / "c.npz", 1))
            break
        except KilledError:
            kills += 1

    assert kills == 8
    assert resumed.history == undisturbed.history
    np.testing.assert_array_equal(answers(resumed, tmp_path, stream), expected)


def test_a_state_comes_back_as_it_was(tmp_path):
    checkpoint = Checkpoint(tmp_path / "new/c.npz", "me")

    checkpoint.save(State(1, 16, (ROW,), LEDGERS, {"a.0": np.array([1.5], np.float32)}))

    state = checkpoint.load()
    assert (state.epoch, state.batch, state.history, state.ledgers) == (1, 16, (ROW,), LEDGERS)
    np.testing.assert_array_equal(state.arrays["a.0"], np.array([1.5], np.float32))


def test_the_state_of_another_training_is_not_used(tmp_path, caplog):
    Checkpoint(tmp_path / "c.npz", "me").save(State(1, 16, (ROW,), LEDGERS, {}))

    assert Checkpoint(tmp_path / "c.npz", "you").load() is None
    assert "other settings, data or code" in caplog.text


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"\0" * 100], ids=["empty", "cut", "zeros"])
def test_garbage_is_not_used(content, tmp_path, caplog):
    (tmp_path / "c.npz").write_bytes(content)

    assert Checkpoint(tmp_path / "c.npz", "me").load() is None
    assert "begins anew" in caplog.text


def test_a_state_is_kept_when_it_is_time(tmp_path):
    times = iter([0.0, 5.0, 31.0])
    checkpoint = Checkpoint(tmp_path / "c.npz", "me", seconds_between=30.0, clock=lambda: next(times))

    assert [checkpoint.due(), checkpoint.due()] == [False, True]


def test_the_seconds_of_all_parts_are_those_of_the_training(tmp_path):
    """50 s, kept; 7 s more, lost with a kill; 20 s after the restart, of which 7 do that again."""
    first = Checkpoint(tmp_path / "c.npz", "me", clock=iter([100.0, 150.0, 150.0, 157.0]).__next__)
    first.save(State(1, 0, (ROW,), LEDGERS, {}))
    assert first.seconds == 57.0

    again = Checkpoint(tmp_path / "c.npz", "me", clock=iter([9000.0, 9020.0]).__next__)
    again.load()

    assert again.seconds == 70.0


def test_the_seconds_of_another_training_do_not_count(tmp_path):
    Checkpoint(tmp_path / "c.npz", "me").save(State(1, 0, (ROW,), LEDGERS, {}))
    other = Checkpoint(tmp_path / "c.npz", "you", clock=iter([0.0, 3.0]).__next__)
    other.load()

    assert other.seconds == 3.0


def test_a_full_disk_does_not_end_the_training(tmp_path, caplog):
    (tmp_path / "c").write_text("a file where a folder is wanted")

    Checkpoint(tmp_path / "c/c.npz", "me").save(State(0, 1, (), LEDGERS, {}))

    assert "cannot be written" in caplog.text
