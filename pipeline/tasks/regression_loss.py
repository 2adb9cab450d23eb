"""How wrong an answer is: residuals in units of their spread, and the cross-entropy of the jets' assignment."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations, product
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import PipelineError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.stream.spec import OutputSpec
    from pipeline.tasks.regression import Settings

# Keras' own lower end of a probability, before its logarithm.
SMALLEST = 1e-7


@dataclass(frozen=True, slots=True)
class Regressed:
    """What a learner needs to know of a regression: the loss that belongs to the outputs of one model of one fold."""

    keras_loss: RegressionLoss
    outputs: OutputSpec

    @classmethod
    def of(cls, task: Settings, outputs: OutputSpec) -> Regressed:
        """Of a model with *outputs*, which must be scaled."""
        return cls(RegressionLoss(task, outputs), outputs)


class RegressionLoss:
    """Loss of each event, shape (n_events,), on any backend of Keras.

    The momenta give the mean over all outputs of the squared (or Huber) residual in units of the spread, weighted by object
    and coordinate; an object that an event lacks gives 0. The assignment gives -ln p of the right jet, the mean over the
    partons; a parton without a jet among the padded ones gives 0. Partons that may be exchanged are, in the way that costs
    less (arXiv:2106.03898, section 2, symmetric loss).

    Args:
        task: weights and kinds.
        outputs: with scales, as they are over the training folds.
    """

    __name__ = "regression_loss"

    def __init__(self, task: Settings, outputs: OutputSpec) -> None:
        self._momenta, self._assignment = outputs.head("momenta"), outputs.head("assignment")
        self._n_regressed = len(task.truth.objects) * len(task.truth.coordinates)
        if self._momenta is not None:
            if outputs.mean is None or outputs.spread is None:
                raise PipelineError(
                    "The outputs of a regression have no scales. Expected those of summary.json. Use Summary.scaled."
                )
            self._mean, self._spread = outputs.mean[self._momenta[1]], outputs.spread[self._momenta[1]]
            self._weights = output_weights(task)
        self._delta = task.loss.delta if task.loss.kind == "huber" else None
        if task.assignment is not None:
            self._scale = task.assignment.weight / len(task.partons)
            self._exchanges = exchanges(task.partons, task.assignment.symmetric)

    def __call__(self, targets: Any, outputs: Any) -> Any:
        """The loss of each event.

        Args:
            targets: in GeV, then jets counted from 0, shape (n_events, n_targets).
            outputs: in GeV, then probabilities, shape (n_events, n_outputs).
        """
        loss: Any = 0.0
        if self._momenta is not None:
            loss = self._of_momenta(targets[:, : self._n_regressed], outputs[:, self._momenta[1]])
        if self._assignment is not None:
            head, place = self._assignment
            loss = loss + self._of_assignment(targets[:, self._n_regressed :], outputs[:, place], head.shape)
        return loss

    def _of_momenta(self, targets: Any, outputs: Any) -> Any:
        from keras import ops

        targets = ops.convert_to_tensor(targets)
        known = ops.isfinite(targets)
        # Nowhere a NaN, not even in a branch that is not taken: its gradient would be one.
        residual = (outputs - ops.where(known, targets, self._mean)) / self._spread * ops.cast(known, "float32")
        each = residual**2
        if self._delta is not None:
            beyond = ops.abs(residual)
            each = ops.where(beyond <= self._delta, 0.5 * each, self._delta * (beyond - 0.5 * self._delta))
        return ops.sum(each * self._weights, axis=1)

    def _of_assignment(self, jets: Any, probabilities: Any, shape: tuple[int, int]) -> Any:
        from keras import ops

        # (event, parton, jet)
        right = ops.cast(ops.equal(ops.expand_dims(jets, -1), np.arange(shape[1], dtype=np.float32)), "float32")
        table = ops.reshape(probabilities, (-1, *shape))
        # (event, parton as answered, parton as it is): the probability of the jet of the latter, 1 where there is none.
        chosen = ops.matmul(table, ops.transpose(right, (0, 2, 1)))
        known = ops.expand_dims(ops.sum(right, axis=-1), 1)
        cost = -ops.log(ops.maximum(chosen, SMALLEST)) * known
        ways = [sum(cost[:, answered, true] for answered, true in enumerate(way)) for way in self._exchanges]
        return self._scale * ops.min(ops.stack(ways, axis=-1), axis=-1)


def output_weights(task: Settings) -> NDArray[np.float32]:
    """What each output counts in the loss of the momenta, shape (n_objects * n_coordinates,), with sum 1."""
    coordinates = task.truth.coordinates
    weights = [
        particle.weight * task.loss.weights.get(coordinate, 1.0)
        for particle in task.objects.values()
        for coordinate in coordinates
    ]
    return np.asarray(np.array(weights) / sum(weights), dtype=np.float32)


def exchanges(partons: tuple[str, ...], symmetric: tuple[tuple[str, ...], ...]) -> list[tuple[int, ...]]:
    """All ways to exchange partons, each as the place of the parton that stands for it; the first changes nothing.

    >>> exchanges(("b", "q1", "q2"), (("q1", "q2"),))
    [(0, 1, 2), (0, 2, 1)]
    """
    found = []
    for ways in product(*(permutations(group) for group in symmetric)):
        stands_for = dict(pair for group, way in zip(symmetric, ways, strict=True) for pair in zip(group, way, strict=True))
        found.append(tuple(partons.index(stands_for.get(parton, parton)) for parton in partons))
    return found
