"""From what a network gives out to what is evaluated: four-vectors in GeV, and the jet of each parton."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError
from pipeline.physics.assigned_top_pair import assigned_momenta
from pipeline.stream.kinds.kind import features_of
from pipeline.stream.truth import from_coordinates

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Collection
    from pipeline.stream.rows import Tensors
    from pipeline.stream.spec import OutputSpec
    from pipeline.tasks.regression import Settings


# What makes momenta of assigned jets: (names, features, tensors, jets of partons, top_mass) -> shape (n_events, n_names).
RECONSTRUCTIONS = {"top_pair": assigned_momenta}


def answered(
    task: Settings,
    outputs: OutputSpec,
    scores: NDArray[np.float32],
    collections: Mapping[str, Collection],
    tensors: Tensors,
) -> NDArray[np.float32]:
    """The answers of a model with *outputs*, shape (n_events, task.answers.size).

    Args:
        task: what is asked for.
        outputs: of the model; those of a method without a network are the answers already.
        scores: what it gave, shape (n_events, outputs.size).
        collections: of its input set.
        tensors: of that set, shape (n_events, ...).

    Returns:
        NaN for what the model does not answer.

    Raises:
        InputError: what a network gave is not finite.
    """
    if outputs.names == task.answers.names:
        return scores
    array = np.asarray(scores, dtype=np.float64)
    _check_finite(array, outputs)
    answers = np.full((len(array), task.answers.size), np.nan, dtype=np.float32)
    n_momenta = len(task.answers.names) - len(task.partons)
    if momenta := outputs.head("momenta"):
        head, place = momenta
        masses = np.array([particle.mass_gev or 0.0 for particle in task.objects.values()])
        vectors = from_coordinates(array[:, place].reshape(-1, *head.shape), head.columns, masses)
        answers[:, :n_momenta] = vectors.reshape(len(array), -1)
    if assignment := outputs.head("assignment"):
        head, place = assignment
        jets = best_jets(array[:, place].reshape(-1, *head.shape))
        answers[:, n_momenta:] = jets
        if momenta is None and task.assignment is not None and task.assignment.momenta is not None:
            features = {name: features_of(one) for name, one in collections.items()}
            places = dict(zip(task.partons, jets.T.astype(np.int64), strict=True))
            reconstruct = RECONSTRUCTIONS[task.assignment.momenta]
            names, top_mass = task.answers.names[:n_momenta], task.assignment.top_mass_gev
            answers[:, :n_momenta] = reconstruct(names, features, tensors, places, top_mass=top_mass)
    return answers


def best_jets(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """The jet of each parton, each jet once: the most probable pair first, then the most probable of what is left.

    Args:
        probabilities: of each jet for each parton, shape (n_events, n_partons, n_jets); 0 for padding.

    Returns:
        Shape (n_events, n_partons); -1 where no jet with a probability above 0 is left.

    Source: arXiv:2106.03898, section 2 (the order in which the published network resolves its assignments).

    >>> best_jets(np.array([[[0.9, 0.1], [0.8, 0.2]]])).tolist()
    [[0.0, 1.0]]
    """
    n_events, n_partons, n_jets = probabilities.shape
    left, events = np.array(probabilities), np.arange(n_events)
    jets = np.full((n_events, n_partons), -1.0)
    for _ in range(min(n_partons, n_jets)):
        best = left.reshape(n_events, -1).argmax(axis=1)
        parton, jet = best // n_jets, best % n_jets
        found = left[events, parton, jet] > 0
        jets[events[found], parton[found]] = jet[found]
        left[events, parton, :] = 0
        left[events, :, jet] = 0
    return jets


def _check_finite(array: NDArray[Any], outputs: OutputSpec) -> None:
    if not np.isfinite(array).all():
        row, column = np.argwhere(~np.isfinite(array))[0]
        raise InputError(
            f"A network answers {array[row, column]} for {outputs.names[column]}. Expected finite numbers. Look at the"
            " history of the model, and at its inputs for extreme values."
        )
