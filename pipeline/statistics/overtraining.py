"""Do the scores of events that a model trained on differ from those of events that it never saw?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class KolmogorovSmirnov:
    """A weighted two-sample test.

    Args:
        statistic: largest distance between the two cumulative distributions, in [0, 1] for weights >= 0.
        p_value: of samples that are independent, asymptotic; None without weights.
        p_value_replicas: of samples that share events, from paired replicas; None without them.
    """

    statistic: float
    p_value: float | None
    p_value_replicas: float | None

    def to_json(self) -> dict[str, float | None]:
        """For a JSON product."""
        return {"statistic": self.statistic, "p_value": self.p_value, "p_value_replicas": self.p_value_replicas}


def kolmogorov_smirnov(
    test: NDArray[np.float64], train: NDArray[np.float64], *, n_eff_test: float, n_eff_train: float
) -> KolmogorovSmirnov:
    """Compare two binned score distributions.

    The same events are scored twice: by the model that has not seen them and by one that was trained on them. The asymptotic
    p-value takes the two samples for independent and is then too large. The one from replicas draws both samples with the
    same multiplicities and counts how often their distance moves by more than it is; its smallest value is
    1 / (1 + n_replicas).

    The distance is read off at bin edges only, which makes it slightly smaller than that of the single scores.

    Args:
        test: sums of weights in bins, shape (n_bins, 1 + n_replicas), the nominal one first.
        train: the same, same shape.
        n_eff_test: effective number of events, (Σw)² / Σw².
        n_eff_train: the same.

    Source: weighted distance and effective numbers as in ROOT's TH1::KolmogorovTest; bootstrap under the null hypothesis,
    J. Præstgaard, Scand. J. Statist. 22 (1995) 305.
    """
    with np.errstate(invalid="ignore", divide="ignore"):  # a replica of few events may hold none
        difference = np.cumsum(test, axis=0) / test.sum(axis=0) - np.cumsum(train, axis=0) / train.sum(axis=0)
    statistic = float(np.abs(difference[:, 0]).max())
    moves = np.abs(difference[:, 1:] - difference[:, :1]).max(axis=0)
    moves = moves[np.isfinite(moves)]
    by_replicas = float((1 + (moves >= statistic).sum()) / (1 + len(moves))) if len(moves) else None
    return KolmogorovSmirnov(statistic, _asymptotic(statistic, n_eff_test, n_eff_train), by_replicas)


def _asymptotic(statistic: float, n_eff_test: float, n_eff_train: float) -> float | None:
    if n_eff_test <= 0 or n_eff_train <= 0:
        return None
    return kolmogorov_probability(math.sqrt(n_eff_test * n_eff_train / (n_eff_test + n_eff_train)) * statistic)


def kolmogorov_probability(z: float) -> float:
    """The probability that the asymptotic Kolmogorov statistic √n·D exceeds *z*.

    Q(z) = 2 Σ_j (-1)^(j-1) exp(-2 j² z²); for small z its other form, 1 - √(2π)/z Σ_j exp(-(2j-1)² π² / (8 z²)),
    which then converges after few terms.

    Source: N. Smirnov, Ann. Math. Statist. 19 (1948) 279, doi:10.1214/aoms/1177730256.

    >>> round(kolmogorov_probability(1.358), 3), kolmogorov_probability(0.0)
    (0.05, 1.0)
    """
    if z <= 0:
        return 1.0
    terms = np.arange(1, 6)
    if z < 1:
        series = np.exp(-((2 * terms - 1) ** 2) * math.pi**2 / (8 * z**2)).sum()
        return float(1 - math.sqrt(2 * math.pi) / z * series)
    return float(2 * ((-1.0) ** (terms - 1) * np.exp(-2 * terms**2 * z**2)).sum())
