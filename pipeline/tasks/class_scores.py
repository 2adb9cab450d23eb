"""The scores of whole classes: the counts of their datasets, added with the weights that the cross sections give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.statistics.uncertainty import effective_entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.tasks.score_counts import ScoreCounts


@dataclass(frozen=True, slots=True, eq=False)
class ClassScores:
    """Scores of the events of a class by one model; in events at the analysis' luminosity.

    Args:
        n_test: number of events, unweighted.
        test: sums of weights in bins of the logit, shape (n_bins, 1 + n_replicas), the nominal ones first.
        test_sumw2: sums of squared weights, nominal, shape (n_bins,).
        correct: sums of weights of the events that are put into this class, shape (1 + n_replicas,).
        seen: sums of weights of the events that are compared, in bins of their score by a model that was trained on them,
            shape (n_compared_bins, 1 + n_replicas); all 0 if that was not scored.
        unseen: the same of the same events by the model that was not, same shape.
        compared_sumw2: sum of squared weights of these events, nominal.
        cells: as *test*, in wider bins, in each bin that curves are drawn against, shape (n_cells, n_bins, 1 + n_replicas).
        cells_sumw2: as *test_sumw2*, shape (n_cells, n_bins).
    """

    n_test: int
    test: NDArray[np.float64]
    test_sumw2: NDArray[np.float64]
    correct: NDArray[np.float64]
    seen: NDArray[np.float64]
    unseen: NDArray[np.float64]
    compared_sumw2: float
    cells: NDArray[np.float64]
    cells_sumw2: NDArray[np.float64]

    def __add__(self, other: ClassScores) -> ClassScores:
        return ClassScores(
            self.n_test + other.n_test,
            self.test + other.test,
            self.test_sumw2 + other.test_sumw2,
            self.correct + other.correct,
            self.seen + other.seen,
            self.unseen + other.unseen,
            self.compared_sumw2 + other.compared_sumw2,
            self.cells + other.cells,
            self.cells_sumw2 + other.cells_sumw2,
        )

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Part of the weights that is put into the right class, shape (1 + n_replicas,); NaN in replicas without weight."""
        total = self.test.sum(axis=0)
        return np.asarray(self.correct / np.where(total > 0, total, np.nan))

    @property
    def n_eff_compared(self) -> float:
        """Effective number of events that are compared."""
        return effective_entries(float(self.seen[:, 0].sum()), self.compared_sumw2)


def scaled(counts: ScoreCounts, model: str, scale: float) -> ClassScores:
    """The scores of one dataset by *model*, each weight times *scale*."""
    unit = np.float64(scale * counts.by.quantum.value)
    unit2 = np.float64(scale**2 * counts.by.quantum.squared.value)
    return ClassScores(
        counts.n_test,
        unit * counts.test_counts(model),
        unit2 * counts.sumw2_counts(model),
        unit * counts.correct_counts(model),
        unit * counts.seen_counts(model),
        unit * counts.unseen_counts(model),
        float(unit2) * counts.compared_sumw2(model),
        unit * counts.curve_counts(model),
        unit2 * counts.curve_sumw2_counts(model),
    )


def total(parts: Iterable[ClassScores]) -> ClassScores:
    """The sum of at least one."""
    first, *others = parts
    for other in others:
        first = first + other
    return first


def check_not_empty(analysis: Analysis, classes: Mapping[str, ClassScores]) -> None:
    """See that each class of *analysis* has a ROC curve.

    Raises:
        InputError: one of *classes* has no selected events, or its sum of weights is not above 0.
    """
    for name, scores in classes.items():
        sumw = float(scores.test[:, 0].sum())
        if scores.n_test == 0 or sumw <= 0:
            datasets = [dataset for dataset in analysis.trained_datasets() if analysis.class_of(dataset) == name]
            raise InputError(
                f"Class {name!r} has {scores.n_test} selected events with sum of weights {sumw:g} in {', '.join(datasets)}."
                " A ROC curve needs some events of each class, and a sum above 0."
                f" Loosen the selection or add files in config/{analysis.name}.yaml."
            )
