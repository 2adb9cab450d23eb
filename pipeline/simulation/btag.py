"""A b-tag from displaced tracks: what an analyst could compute from the written candidates, without any truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.simulation.clustering import Clustered
    from pipeline.simulation.table import Table

TRACK_PT_MIN_GEV = 1.0
# Beyond this the track comes from a K0S, a Λ or a hadron's collision, not from a heavy hadron (a choice).
D0_MAX_CM = 0.2
# A track counts from here on, and no more than at the cap.
SIGNIFICANCE_MIN, SIGNIFICANCE_MAX = 2.0, 30.0


def track_tag(jets: Clustered, candidates: Table) -> NDArray[np.float64]:
    """How displaced the tracks of each jet are, in [0, 1), shape (n_jets,); 0 without a displaced track.

    With S the significance |d0|/σ(d0), signed positive when the track crosses the jet's axis downstream, the sum of
    log(S / 2) over the tracks of pT > 1 GeV, |d0| < 2 mm and S > 2, s, is mapped to s / (1 + s). The sign is that of
    impact-parameter taggers, arXiv:1712.07158, section 4.1.
    """
    row, jet = jets.constituent, jets.jet
    d0, pt, phi = candidates["d0"][row], candidates["pt"][row], candidates["phi"][row]
    # The point of closest approach lies at d0 (-sin φ, cos φ): along the jet or behind it.
    downstream = np.sign(d0 * np.sin(jets.jets["phi"][jet] - phi))
    significance = downstream * np.abs(d0 / candidates["d0_err"][row])
    is_track = (candidates["charge"][row] != 0) & (pt > TRACK_PT_MIN_GEV) & (np.abs(d0) < D0_MAX_CM)
    counted = is_track & (significance > SIGNIFICANCE_MIN)
    strength = np.log(np.clip(significance, SIGNIFICANCE_MIN, SIGNIFICANCE_MAX) / SIGNIFICANCE_MIN)
    total = np.bincount(jet, weights=np.where(counted, strength, 0.0), minlength=len(jets.jets))
    return total / (1 + total)
