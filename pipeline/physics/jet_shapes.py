"""How the momentum of a jet is spread over its constituents, as one number a jet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.kinematics import delta_r

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from pipeline.physics.objects import Objects


def multiplicity(constituents: Objects) -> NDArray[np.float64]:
    """How many constituents each jet has, shape (n_jets,)."""
    return constituents.counts.astype(np.float64)


def width(constituents: Objects, jets: Objects) -> NDArray[np.float64]:
    """Mean distance ΔR of the constituents from the jet's axis, weighted with transverse momentum, shape (n_jets,).

    Args:
        constituents: with `pt`, `eta` and `phi`; `event` is the row of the jet.
        jets: with `eta` and `phi`.

    Source: arXiv:1106.3076 (girth).
    """
    row = constituents.event
    distance = delta_r(constituents["eta"], constituents["phi"], jets["eta"][row], jets["phi"][row])
    pt = constituents["pt"].astype(np.float64)
    return ratio(constituents.having(moment=pt * distance).total("moment"), constituents.total("pt"))


def pt_dispersion(constituents: Objects) -> NDArray[np.float64]:
    """√(Σ pt²) / Σ pt over the constituents, shape (n_jets,): 1 if one carries all, 1/√n if n carry the same.

    Source: CMS-PAS-JME-13-002.
    """
    squares = constituents.having(square=constituents["pt"].astype(np.float64) ** 2).total("square")
    return ratio(np.sqrt(squares), constituents.total("pt"))


def ratio(above: ArrayLike, below: ArrayLike) -> NDArray[np.float64]:
    """*above* / *below* element by element, such as τ2 / τ1; 0 where *below* is 0 or less.

    >>> ratio([0.2, 0.0], [0.4, 0.0]).tolist()
    [0.5, 0.0]
    """
    above, below = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    quotient: NDArray[np.float64] = np.divide(above, below, out=np.zeros_like(below), where=below > 0)
    return quotient
