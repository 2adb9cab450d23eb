"""What a method without a network is to the pipeline: it is trained, scored and compared as a network is.

A module of `models/` whose `build` is declared `-> baseline.Baseline` is one: see `models/` and `docs/adding.md`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray


class Batch(Protocol):
    """Some events that may be measured.

    Args:
        tensors: of one input set, not scaled, shape (n_events, ...); a padded collection has its `<name>_mask`.
        targets: the truth, shape (n_events, n_targets), in the order of `outputs.targets`.
        weight: training weight, shape (n_events,).
    """

    @property
    def tensors(self) -> Mapping[str, NDArray[np.float32]]:
        """By name."""

    @property
    def targets(self) -> NDArray[np.float32]:
        """Shape (n_events, n_targets)."""

    @property
    def weight(self) -> NDArray[np.float32]:
        """Shape (n_events,)."""


class Baseline(Protocol):
    """A method that answers without a network; its few parameters may be measured on the training folds."""

    def measure(self, batches: Iterator[Batch]) -> Mapping[str, float]:
        """The parameters, from one pass over the training events of all folds but one; nothing where there are none."""

    def answer(self, tensors: Mapping[str, NDArray[np.float32]], parameters: Mapping[str, float]) -> NDArray[np.float64]:
        """The answers, shape (n_events, outputs.size); NaN for what the method does not answer.

        The answers to an event depend on nothing but that event and *parameters*.
        """
