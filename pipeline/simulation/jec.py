"""The jet energy correction that is applied: read from `jec.json`, which `derive_jec` made."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

JEC_FILE = Path(__file__).with_name("jec.json")


def correction_factor(name: str, pt: NDArray[np.float64], eta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factor by which a jet's raw momentum is multiplied, shape (n_jets,).

    Args:
        name: of the kind of jet: `AK4` or `AK8`.
        pt: raw transverse momentum [GeV].
        eta: pseudorapidity.
    """
    return np.asarray(_corrections()[name].evaluate(pt, np.abs(eta)))


def no_correction(pt: NDArray[np.float64], eta: NDArray[np.float64]) -> NDArray[np.float64]:
    """A factor of 1 for every jet, shape (n_jets,)."""
    return np.ones(np.broadcast(pt, eta).shape)


@cache
def _corrections() -> Any:
    import correctionlib

    return correctionlib.CorrectionSet.from_file(str(JEC_FILE))
