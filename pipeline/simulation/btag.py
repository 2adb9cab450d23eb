"""A b-tag from displaced tracks: what an analyst could compute from the written candidates, without any truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects
    from pipeline.simulation.clustering import Clustered

# Chosen by a scan for the best separation of b from light jets of tt̄ events, but of no sharp effect.
TRACK_PT_MIN_GEV = 0.8
# Beyond these a track comes rather from a K0S or a Λ than from a hadron with b or c.
D0_MAX_CM, DZ_MAX_CM = 0.2, 0.5
# A track counts from the first on, and no more than at the second.
SIGNIFICANCE_MIN, SIGNIFICANCE_MAX = 1.5, 8.0
# A track that crosses the jet's axis behind the collision is rather badly measured than displaced.
UPSTREAM_SHARE = 0.5


def track_tag(jets: Clustered, candidates: Objects) -> NDArray[np.float64]:
    """How displaced the tracks of each jet are, in [0, 1), shape (n_jets,); 0 without a displaced track.

    With S = |d0|/σ(d0), the sum of log(S / 1.5) over the tracks with S > 1.5, pT > 0.8 GeV, |d0| < 2 mm and |dz| < 5 mm,
    with half the weight for tracks that cross the jet's axis behind the collision, s, is mapped to s / (1 + s). Ours; the
    sign along the axis is that of the impact-parameter taggers of arXiv:1712.07158, section 4.1.

    Args:
        jets: with phi.
        candidates: of particle flow, with charge, pt, phi, d0, d0_err and dz [GeV, rad, cm].
    """
    row, jet = jets.constituent, jets.jet
    d0, pt, phi = candidates["d0"][row], candidates["pt"][row], candidates["phi"][row]
    # The point of closest approach lies at d0 (-sin φ, cos φ): along the jet or behind it.
    share = np.where(d0 * np.sin(jets.jets["phi"][jet] - phi) > 0, 1.0, UPSTREAM_SHARE)
    significance = np.abs(d0 / candidates["d0_err"][row])
    near = (np.abs(d0) < D0_MAX_CM) & (np.abs(candidates["dz"][row]) < DZ_MAX_CM)
    is_track = (candidates["charge"][row] != 0) & (pt > TRACK_PT_MIN_GEV) & near
    strength = share * np.log(np.clip(significance, SIGNIFICANCE_MIN, SIGNIFICANCE_MAX) / SIGNIFICANCE_MIN)
    total = np.bincount(jet, weights=np.where(is_track, strength, 0.0), minlength=len(jets.jets))
    return total / (1 + total)
