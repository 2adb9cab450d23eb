"""Where a classification is good: ROC curves of the events in each bin of an observable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.statistics.roc import RocCurve
from pipeline.statistics.uncertainty import Measurement
from pipeline.tasks.against import edges_of
from pipeline.tasks.discriminant import THRESHOLDS
from pipeline.tasks.score_entries import BINS_IN_ONE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Binned
    from pipeline.tasks.class_scores import ClassScores

# Signal efficiencies, in each bin, whose rejection is drawn.
QUOTED = (0.3, 0.5)
EDGES = THRESHOLDS[::BINS_IN_ONE]
UNKNOWN = Measurement(None, None)


def curves(against: Mapping[str, Binned], signal: ClassScores, background: ClassScores) -> dict[str, Any]:
    """By observable, its edges, and in each of its bins the area under the curve and the rejections of one model.

    A rejection is that of the cut which keeps the same part of the signal in every bin.

    Args:
        against: the bins of each observable, in the order of the counts.
        signal: scores of the signal class.
        background: of all others.
    """
    found, first = {}, 0
    for name, binned in against.items():
        last = first + binned.n_bins
        rocs = [_roc(signal, background, cell) for cell in range(first, last)]
        found[name] = {
            "edges": edges_of(binned).tolist(),
            "auc": [(UNKNOWN if roc is None else roc.auc).to_json() for roc in rocs],
            "rejection": {
                str(sig_eff): [(UNKNOWN if roc is None else roc.rejection_at(sig_eff)).to_json() for roc in rocs]
                for sig_eff in QUOTED
            },
        }
        first = last
    return found


def _roc(signal: ClassScores, background: ClassScores, cell: int) -> RocCurve | None:
    """The curve of one bin; None where signal or background have no sum of weights above 0."""
    sig, bkg = signal.cells[cell], background.cells[cell]
    if not (sig[:, 0].sum() > 0 and bkg[:, 0].sum() > 0):
        return None
    return RocCurve.from_counts(EDGES, sig, bkg, bkg_sumw2=background.cells_sumw2[cell])
