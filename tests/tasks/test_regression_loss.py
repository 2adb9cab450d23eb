"""The loss of a regression against a loop over events and outputs, and what is missing."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from pipeline.config import Sequence  # noqa: E402 - after the look for Keras
from pipeline.errors import PipelineError  # noqa: E402
from pipeline.tasks.regression_loss import RegressionLoss  # noqa: E402

COLLECTIONS = {"jets": Sequence(features=("pt",), max_objects=3)}
PARTONS = {"collection": "jets", "partons": ["b", "q", "r"], "symmetric": [["q", "r"]], "weight": 0.5}
MEAN, SPREAD = np.array([0, 1, 2, 3, 4, 5]), np.array([1, 2, 3, 4, 5, 6])


def loss_of(task, *, mean=MEAN, spread=SPREAD):
    outputs = task.outputs_for(COLLECTIONS)
    n_others = outputs.size - len(mean)
    scales = (np.concatenate([mean, np.zeros(n_others)]), np.concatenate([spread, np.ones(n_others)]))
    mean, spread = (scale.astype(np.float32) for scale in scales)
    return RegressionLoss(task, replace(outputs, mean=mean, spread=spread)), outputs


def batch(outputs, n=6, seed=0):
    rng = np.random.default_rng(seed)
    answers = rng.normal(0, 3, (n, outputs.size))
    place = outputs.head("assignment")
    if place is not None:
        table = rng.random((n, *place[0].shape))
        answers[:, place[1]] = (table / table.sum(axis=2, keepdims=True)).reshape(n, -1)
    targets = rng.normal(0, 3, (n, len(outputs.targets)))
    targets[1, :3] = np.nan
    for column, name in enumerate(outputs.targets):
        if name.startswith("jet_of_"):
            targets[:, column] = rng.permuted(np.arange(-1, n - 1)) % 5 - 1  # some none, some beyond the padded ones
    return targets.astype(np.float32), answers.astype(np.float32)


def loop(task, outputs, targets, answers):
    """The same, one event and one output after the other."""
    losses = []
    for target, answer in zip(targets, answers, strict=True):
        loss, total = 0.0, 0.0
        for i, (name, coordinate) in enumerate(itertools.product(task.objects, task.truth.coordinates)):
            weight = task.objects[name].weight * task.loss.weights.get(coordinate, 1.0)
            total += weight
            if np.isfinite(target[i]):
                r = abs(answer[i] - target[i]) / SPREAD[i]
                huber = task.loss.kind == "huber" and r > task.loss.delta
                quadratic = r**2 * (0.5 if task.loss.kind == "huber" else 1)
                loss += weight * (task.loss.delta * (r - 0.5 * task.loss.delta) if huber else quadratic)
        loss = loss / total if total else 0.0
        if task.assignment is not None:
            jets = target[len(task.truth.objects) * len(task.truth.coordinates) :]
            table = answer[outputs.head("assignment")[1]].reshape(3, 3)
            costs = []
            for b, q, r in ((0, 1, 2), (0, 2, 1)):
                cost = 0.0
                for parton, jet in zip((b, q, r), jets, strict=True):
                    cost -= np.log(table[parton, int(jet)]) if 0 <= jet < 3 else 0.0
                costs.append(cost)
            loss += task.assignment.weight * min(costs) / 3
        losses.append(loss)
    return losses


@pytest.mark.parametrize(
    "changes",
    [
        {"assignment": None},
        {"assignment": PARTONS},
        {"assignment": PARTONS, "loss": {"kind": "huber", "delta": 0.7, "weights": {"pz": 0.25}}},
        {"assignment": None, "objects": {"a": {"mass_gev": 1, "weight": 3.0}, "b": {"mass_gev": 1}}},
    ],
    ids=["momenta", "both", "huber", "weights"],
)
def test_the_loss_is_that_of_the_loop(regression, changes):
    task = regression(**changes).task
    loss, outputs = loss_of(task)
    targets, answers = batch(outputs)

    found = keras.ops.convert_to_numpy(loss(targets, answers))

    np.testing.assert_allclose(found, loop(task, outputs, targets, answers), rtol=2e-5)


def test_the_assignment_alone_is_that_of_the_loop(regression):
    task = regression(objects={}, systems={}, response={}, against={}, assignment=PARTONS).task
    loss, outputs = loss_of(task, mean=np.zeros(0), spread=np.zeros(0))
    targets, answers = batch(outputs)

    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(loss(targets, answers)), loop(task, outputs, targets, answers), rtol=2e-5
    )


@pytest.mark.parametrize("head", ["momenta", "assignment"])
def test_a_model_of_one_part_has_the_loss_of_that_part(regression, head):
    task = regression(assignment=PARTONS).task
    whole, outputs = loss_of(task)
    targets, answers = batch(outputs)
    place = outputs.head(head)[1]
    own = task.outputs_for(COLLECTIONS, (head,))
    if head == "momenta":
        own = replace(own, mean=MEAN.astype(np.float32), spread=SPREAD.astype(np.float32))
        targets[:, 6:] = -1  # nothing is matched: the assignment costs nothing
    else:
        targets[:, :6] = np.nan

    np.testing.assert_allclose(RegressionLoss(task, own)(targets, answers[:, place]), whole(targets, answers), rtol=1e-6)


def test_exchanging_the_quarks_of_a_w_changes_nothing(regression):
    task = regression(assignment=PARTONS).task
    loss, outputs = loss_of(task)
    targets, answers = batch(outputs)
    exchanged = targets.copy()
    exchanged[:, [-2, -1]] = targets[:, [-1, -2]]

    np.testing.assert_allclose(loss(targets, answers), loss(exchanged, answers), rtol=1e-6)
    exchanged[:, [-3, -1]] = targets[:, [-1, -3]]
    assert np.abs(np.asarray(loss(targets, answers)) - np.asarray(loss(exchanged, answers))).max() > 1e-3


def test_the_right_answer_costs_nothing(regression):
    task = regression(assignment=PARTONS).task
    loss, outputs = loss_of(task)
    targets = np.array([[1, 2, 3, np.nan, np.nan, np.nan, 0, 2, -1]], dtype=np.float32)
    answers = np.zeros((1, outputs.size), dtype=np.float32)
    answers[0, :3] = targets[0, :3]
    answers[0, [6, 14]] = 1  # b is jet 0; the jet of q is given to r, which is the same

    assert np.asarray(loss(targets, answers)).tolist() == [0.0]


def test_missing_truth_gives_finite_gradients(regression):
    tf = pytest.importorskip("tensorflow")
    loss, outputs = loss_of(regression(assignment=PARTONS).task)
    targets, answers = batch(outputs)
    answers[:, 6:] = 0.0  # not even where a probability is 0
    tensor = tf.convert_to_tensor(answers)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        total = tf.reduce_sum(loss(tf.convert_to_tensor(targets), tensor))

    gradient = tape.gradient(total, tensor).numpy()

    assert np.isfinite(gradient).all()
    assert not gradient[1, :3].any()


def test_scales_are_needed(regression):
    task = regression().task

    with pytest.raises(PipelineError, match="have no scales"):
        RegressionLoss(task, task.outputs_for(COLLECTIONS))
