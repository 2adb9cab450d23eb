"""What error does a counted number have: efficiencies of weighted events, limits, values with errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Part of a Gaussian within one standard deviation.
ONE_SIGMA = math.erf(math.sqrt(0.5))


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value and its statistical standard deviation.

    Args:
        value: None where it is not known, for example 1 / 0.
        stat: one standard deviation; None where it cannot be told.
        lower_limit: where *value* is None, what it exceeds at *limit_cl*.
        limit_cl: confidence level of the limit, in [0, 1].
    """

    value: float | None
    stat: float | None
    lower_limit: float | None = None
    limit_cl: float | None = None

    def to_json(self) -> dict[str, float | None]:
        """For a JSON product: the limit only where there is one."""
        limit = {} if self.lower_limit is None else {"lower_limit": self.lower_limit, "limit_cl": self.limit_cl}
        return {"value": self.value, "stat": self.stat, **limit}


def from_replicas(values: NDArray[np.float64]) -> Measurement:
    """The nominal value with the standard deviation of its replicas.

    Args:
        values: shape (1 + n_replicas,), the nominal one first; replicas that are NaN are left out.
    """
    replicas = values[1:][np.isfinite(values[1:])]
    return Measurement(float(values[0]), float(replicas.std(ddof=1)) if len(replicas) > 1 else None)


def effective_entries(sumw: float, sumw2: float) -> float:
    """Number of unweighted events with the same relative error, (Σw)² / Σw²; 0 without events.

    >>> effective_entries(6.0, 12.0)
    3.0
    """
    return sumw**2 / sumw2 if sumw2 > 0 else 0.0


def efficiency_error(passed: ArrayLike, passed2: ArrayLike, total: ArrayLike, total2: ArrayLike) -> NDArray[np.float64]:
    """Standard deviation of the efficiency Σ_passed w / Σ_all w of weighted events.

    It is √[(1 - ε)² Σ_passed w² + ε² Σ_failed w²] / Σ_all w: ε is a ratio of two independent sums, passed and passed plus
    failed, with variances Σ w², propagated to first order. For unit weights it is the binomial √[ε (1 - ε) / n].

    Args:
        passed: Σw of the events that pass.
        passed2: Σw² of them.
        total: Σw of all events, not 0.
        total2: Σw² of them.

    Returns:
        Of the arrays' common shape.

    Source: the propagation is that of ROOT's TH1::Divide with option "B" (class reference, "weighted" case).

    >>> float(efficiency_error(1.0, 1.0, 4.0, 4.0)) == (0.25 * 0.75 / 4) ** 0.5
    True
    """
    passed, passed2, total, total2 = (np.asarray(values, dtype=np.float64) for values in (passed, passed2, total, total2))
    efficiency = passed / total
    variance = (1 - efficiency) ** 2 * passed2 + efficiency**2 * (total2 - passed2)
    return np.asarray(np.sqrt(np.maximum(variance, 0.0)) / np.abs(total))


def upper_limit_of_none(cl: float) -> float:
    """Upper limit at *cl* on the expectation of a Poisson number that came out as 0.

    It solves exp(-μ) = 1 - cl, the upper end of the interval of F. Garwood, Biometrika 28 (1936) 437,
    doi:10.1093/biomet/28.3-4.437.

    >>> round(upper_limit_of_none(0.95), 3)
    2.996
    """
    return -math.log(1 - cl)
