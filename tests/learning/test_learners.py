"""Both kinds of learner, on two Gaussians that overlap: they must come close to the best that is possible."""

import hashlib
import math
import threading
from contextlib import closing

import numpy as np
import pytest

from pipeline import plugins
from pipeline.config import Training
from pipeline.errors import PipelineError
from pipeline.learning import keras_learner, xgboost_learner
from pipeline.learning.checkpoint import Checkpoint
from pipeline.learning.predictor import load_predictor
from pipeline.learning.schedule import learning_rate
from pipeline.stream.spec import InputSpec

SPEC = InputSpec("event", tuple("abcde"), np.full(5, 55.0, np.float32), np.full(5, 11.0, np.float32))
LEARNERS = {"dnn": keras_learner, "bdt": xgboost_learner}
OPTIONS = {"dnn": {"units": [16], "activation": "leaky_relu", "dropout": 0.1, "batch_norm": True}, "bdt": {"max_depth": 2}}
TRAINING = {
    "dnn": Training(batch_size=128, epochs=3, learning_rate=0.01),
    "bdt": Training(batch_size=128, epochs=60, learning_rate=0.2),
}
# Two Gaussians at a distance of sqrt(5) standard deviations: AUC = Φ(sqrt(5) / sqrt(2)).
BEST_AUC = 0.5 * (1 + math.erf(math.sqrt(5) / 2))


def fit(name, stream, task, folder, *, seed=7, training=None, checkpoint=None, options=None):
    training = training or TRAINING[name]
    LEARNERS[name].prepare(1, seed)
    model = plugins.load("models", name).build({"event": SPEC}, task.outputs, **(options or OPTIONS[name]))
    return LEARNERS[name].fit(
        model,
        stream,
        task=task,
        training=training,
        seed=seed,
        folder=folder,
        checkpoint=checkpoint or Checkpoint(folder / "checkpoint.npz", "test"),
        progress=lambda _: None,
    )


def auc(scores, labels):
    """The share of pairs that are in order, counted by ranks; the scores are continuous."""
    order = np.argsort(np.argsort(scores))
    n_signal = labels.sum()
    return (order[labels].sum() - n_signal * (n_signal - 1) / 2) / (n_signal * (~labels).sum())


@pytest.mark.parametrize("name", LEARNERS)
def test_a_learner_separates_two_gaussians(name, toy_stream, task, tmp_path):
    stream = toy_stream(TRAINING[name])

    trained = fit(name, stream, task, tmp_path)

    test = list(stream.epoch(1000))
    labels = np.concatenate([rows.targets for rows in test])[:, 1] == 1
    scores = load_predictor(tmp_path, trained.files).predict({"event": np.concatenate([r.tensors["event"] for r in test])})
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)
    # 4000 events give the AUC to 0.005.
    assert BEST_AUC - 0.025 < auc(scores[:, 1], labels) < BEST_AUC + 0.015
    assert trained.history[-1].loss < trained.history[0].loss
    assert trained.best_epoch == min(trained.history, key=lambda row: row.val_loss).epoch


@pytest.mark.parametrize(("name", "file"), [("dnn", "onnx"), ("bdt", "xgboost")])
def test_the_same_seed_gives_the_same_model(name, file, toy_stream, task, tmp_path):
    digests = []
    for run in ("first", "second"):
        folder = tmp_path / run
        folder.mkdir()
        trained = fit(name, toy_stream(TRAINING[name]), task, folder)
        digests.append((trained.history, hashlib.sha256((folder / trained.files[file]).read_bytes()).hexdigest()))

    assert digests[0][0] == digests[1][0]
    if name == "bdt":
        assert digests[0] == digests[1]


@pytest.mark.parametrize("batch_size", [100, 128, 4000], ids=["no multiple of 16 steps", "32 steps", "one step"])
def test_keras_takes_each_batch_of_each_epoch_once(batch_size, toy_stream, task, tmp_path):
    asked = []

    class Listening(toy_stream):
        def epoch(self, number, part="training"):
            for rows in super().epoch(number, part):
                asked.append((part, number, len(rows)))
                yield rows

    training = Training(batch_size=batch_size, epochs=3)

    fit("dnn", Listening(training), task, tmp_path, training=training)

    taken = {epoch: [n for part, number, n in asked if (part, number) == ("training", epoch)] for epoch in range(3)}
    assert [sum(taken[epoch]) for epoch in range(3)] == [4000] * 3
    assert {number for part, number, _ in asked if part == "training"} == {0, 1, 2}


def test_the_next_epoch_is_begun_while_the_last_batches_of_one_train(toy_stream):
    begun = {0: threading.Event(), 1: threading.Event()}

    class Listening(toy_stream):
        def epoch(self, number, part="training"):
            begun[number].set()
            yield from super().epoch(number, part)

    with closing(keras_learner.Batches(Listening(Training(batch_size=100)), range(2))) as batches:
        batches.on_epoch_begin()
        batches[0]
        assert not begun[1].is_set()
        for index in range(1, len(batches)):
            batches[index]
        assert begun[1].wait(timeout=30)


@pytest.mark.parametrize("name", LEARNERS)
def test_early_stopping_keeps_the_best_epoch(name, toy_stream, task, tmp_path):
    # A learning rate far too high makes the validation loss jump, so that the last epoch is not the best.
    training = Training(batch_size=512, epochs=40, learning_rate=3.0, early_stopping={"patience": 2})
    stream = toy_stream(training)

    trained = fit(name, stream, task, tmp_path, training=training)

    assert len(trained.history) == trained.best_epoch + 2 < 40
    predictor = load_predictor(tmp_path, trained.files)
    loss, n_events = 0.0, 0
    for rows in stream.epoch(0, "validation"):
        scores = predictor.predict(rows.tensors).astype(np.float64)
        loss -= np.log(np.maximum((scores * rows.targets).sum(axis=1), 1e-7)).sum()
        n_events += len(rows)
    assert loss / n_events == pytest.approx(trained.history[trained.best_epoch - 1].val_loss, rel=1e-3)


@pytest.mark.parametrize("size", [1, 5, 1024, 1500])
@pytest.mark.parametrize("name", LEARNERS)
def test_an_event_has_the_same_score_in_any_company(name, size, toy_stream, task, tmp_path):
    trained = fit(name, toy_stream(TRAINING[name]), task, tmp_path, training=Training(epochs=1, batch_size=512))
    predictor = load_predictor(tmp_path, trained.files)
    events = np.random.default_rng(3).normal(55, 11, size=(2000, 5)).astype(np.float32)

    together = predictor.predict({"event": events})
    apart = [predictor.predict({"event": events[i : i + size]}) for i in range(0, 20 * size, size)][: 2000 // size]

    np.testing.assert_array_equal(together[: sum(map(len, apart))], np.concatenate(apart))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ({"kind": "constant"}, [0.1, 0.1, 0.1, 0.1]),
        ({"kind": "step", "epochs": 2, "factor": 0.1}, [0.1, 0.1, 0.01, 0.01]),
        ({"kind": "exponential", "factor": 0.5}, [0.1, 0.05, 0.025, 0.0125]),
        ({"kind": "cosine", "final": 0.0}, [0.1, 0.1 * (1 + math.sqrt(0.5)) / 2, 0.05, 0.1 * (1 - math.sqrt(0.5)) / 2]),
    ],
    ids=["constant", "step", "exponential", "cosine"],
)
def test_schedules_follow_their_formula(schedule, expected):
    training = Training(learning_rate=0.1, epochs=4, schedule=schedule)

    assert [learning_rate(training, epoch) for epoch in range(4)] == pytest.approx(expected)


def test_a_training_that_diverges_says_so(toy_stream, task, tmp_path):
    training = Training(batch_size=512, epochs=5, learning_rate=1e30, optimizer="sgd")

    with pytest.raises(PipelineError, match=r"Epoch 1 has loss nan .* at learning rate 1e\+30"):
        fit("dnn", toy_stream(training), task, tmp_path, training=training)


@pytest.mark.parametrize("name", LEARNERS)
def test_without_early_stopping_the_last_epoch_is_kept(name, toy_stream, task, tmp_path):
    # So high a learning rate that the last epoch is hardly the best.
    training = Training(batch_size=512, epochs=6, learning_rate=3.0, early_stopping=None)

    assert fit(name, toy_stream(training), task, tmp_path, training=training).best_epoch == 6
