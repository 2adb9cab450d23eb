"""Receiver operating characteristic of binned, weighted scores, with the statistical error from bootstrap replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.statistics.uncertainty import (
    ONE_SIGMA,
    Measurement,
    effective_entries,
    efficiency_error,
    from_replicas,
    upper_limit_of_none,
)

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

# Confidence level of a limit on a rejection, where no background event is left: the convention of searches.
LIMIT_CL = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """Efficiencies of the cuts "score at or above an edge", of the nominal events and of each replica.

    Args:
        threshold: the edges of the score, rising, shape (n_bins + 1,).
        sig_eff: of the signal, from 1 to 0, shape (n_bins + 1, 1 + n_replicas); column 0 is nominal.
        bkg_eff: of the background, same shape.
        bkg_eff_binomial: error of the nominal background efficiency at a fixed cut by Σw², shape (n_bins + 1,).
        bkg_n_eff: effective number of background events.
    """

    threshold: NDArray[np.float64]
    sig_eff: NDArray[np.float64]
    bkg_eff: NDArray[np.float64]
    bkg_eff_binomial: NDArray[np.float64]
    bkg_n_eff: float

    @classmethod
    def from_counts(
        cls,
        threshold: NDArray[np.float64],
        sig: NDArray[np.float64],
        bkg: NDArray[np.float64],
        *,
        bkg_sumw2: NDArray[np.float64],
    ) -> RocCurve:
        """From sums of weights in bins of the score.

        Args:
            threshold: edges of the bins, shape (n_bins + 1,).
            sig: signal, shape (n_bins, 1 + n_replicas), the nominal one first; its sum over bins is above 0.
            bkg: background, same shape.
            bkg_sumw2: sums of squared weights of the nominal background, shape (n_bins,).

        Raises:
            ValueError: the sum of weights of signal or background is not above 0.
        """
        if not (sig[:, 0].sum() > 0 and bkg[:, 0].sum() > 0):
            raise ValueError(f"sums of weights of signal and background are {sig[:, 0].sum()} and {bkg[:, 0].sum()}")
        passed, passed2 = _from_above(bkg[:, 0]), _from_above(bkg_sumw2)
        return cls(
            threshold,
            _efficiencies(sig),
            _efficiencies(bkg),
            efficiency_error(passed, passed2, passed[0], passed2[0]),
            effective_entries(float(passed[0]), float(passed2[0])),
        )

    @property
    def auc_replicas(self) -> NDArray[np.float64]:
        """Area under the curve, nominal and of each replica, shape (1 + n_replicas,)."""
        return _area(self.sig_eff, self.bkg_eff)

    @property
    def auc(self) -> Measurement:
        """Area under the curve: the probability that a signal event scores above a background event."""
        return from_replicas(self.auc_replicas)

    def bkg_eff_at(self, sig_eff: ArrayLike) -> NDArray[np.float64]:
        """Background efficiency where the signal efficiency is *sig_eff*, shape (n_points, 1 + n_replicas).

        It is linear between edges. Of several cuts with the same signal efficiency the tightest counts. Where negative
        weights make the signal efficiency fall and rise, it is the first cut, from above, that reaches *sig_eff*.

        Args:
            sig_eff: shape (n_points,), in (0, 1].
        """
        targets = np.atleast_1d(np.asarray(sig_eff, dtype=np.float64))
        columns = zip(self.sig_eff.T[:, ::-1], self.bkg_eff.T[:, ::-1], strict=True)
        return np.stack([_crossing(targets, sig, bkg) for sig, bkg in columns], axis=1)

    def rejection_at(self, sig_eff: float) -> Measurement:
        """Background rejection 1 / bkg_eff where the signal efficiency is *sig_eff*.

        Its error is that of bkg_eff from replicas, σ / bkg_eff², since 1 / bkg_eff of a replica may be infinite. Without a
        background event it is a lower limit at 95 % confidence level.
        """
        bkg_eff = from_replicas(self.bkg_eff_at(sig_eff)[0])
        if not bkg_eff.value or bkg_eff.value < 0:
            return Measurement(None, None, self.bkg_n_eff / upper_limit_of_none(LIMIT_CL), LIMIT_CL)
        stat = None if bkg_eff.stat is None else bkg_eff.stat / bkg_eff.value**2
        return Measurement(1 / bkg_eff.value, stat)

    def rejection_error_binomial(self, sig_eff: float) -> float | None:
        """The error of `rejection_at` by Σw² of the background alone, at a fixed cut: a cross-check of the replicas.

        It is somewhat smaller, for it leaves out that the cut moves with the signal's efficiency.
        """
        bkg_eff = float(self.bkg_eff_at(sig_eff)[0, 0])
        if bkg_eff <= 0:
            return None
        error = float(np.interp(sig_eff, np.maximum.accumulate(self.sig_eff[::-1, 0]), self.bkg_eff_binomial[::-1]))
        return error / bkg_eff**2

    def threshold_at(self, sig_eff: ArrayLike) -> NDArray[np.float64]:
        """The cut where the signal efficiency is *sig_eff*, shape (n_points,)."""
        targets = np.atleast_1d(np.asarray(sig_eff, dtype=np.float64))
        return _crossing(targets, self.sig_eff[::-1, 0], self.threshold[::-1])

    def band(self, sig_eff: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper end of the background efficiency at 68.3 %, each of shape (n_points,).

        They are quantiles of the replicas; NaN without replicas. Where no background event is left, all replicas say 0 and
        the upper end is that of a Poisson number that came out as 0, at the same quantile.
        """
        curves = self.bkg_eff_at(sig_eff)
        replicas = curves[:, 1:][:, np.isfinite(curves[:, 1:]).all(axis=0)]
        if not replicas.shape[1]:
            return np.full(len(curves), np.nan), np.full(len(curves), np.nan)
        low, high = np.quantile(replicas, [(1 - ONE_SIGMA) / 2, (1 + ONE_SIGMA) / 2], axis=1)
        unseen = upper_limit_of_none((1 + ONE_SIGMA) / 2) / self.bkg_n_eff
        return low, np.where(curves[:, 0] <= 0, np.maximum(high, unseen), high)


def auc_of_counts(sig: NDArray[np.float64], bkg: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area under the curve of sums of weights in bins, each of shape (n_bins, 1 + n_replicas): shape (1 + n_replicas,).

    Straight lines between the edges: within a bin signal and background are ties, and a tie counts half.

    >>> auc_of_counts(np.array([[1.0], [3.0]]), np.array([[2.0], [2.0]])).tolist()
    [0.625]
    """
    return _area(_efficiencies(sig), _efficiencies(bkg))


def paired_difference(first: NDArray[np.float64], second: NDArray[np.float64]) -> Measurement:
    """*first* minus *second*, with an error that knows that both saw the same events.

    Args:
        first: shape (1 + n_replicas,), the nominal one first.
        second: of the same replicas.
    """
    return from_replicas(first - second)


def _area(sig_eff: NDArray[np.float64], bkg_eff: NDArray[np.float64]) -> NDArray[np.float64]:
    heights = (sig_eff[1:] + sig_eff[:-1]) / 2
    return np.asarray((-np.diff(bkg_eff, axis=0) * heights).sum(axis=0))


def _from_above(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums over the bins above each edge, shape (n_bins + 1, ...)."""
    none = np.zeros((1, *counts.shape[1:]))
    return np.concatenate([np.cumsum(counts[::-1], axis=0)[::-1], none])


def _efficiencies(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part of each column above each edge; NaN in replicas whose sum of weights is not above 0."""
    sums = _from_above(counts)
    return sums / np.where(sums[0] > 0, sums[0], np.nan)


def _crossing(targets: NDArray[np.float64], rising: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """*values* where *rising*, from 0 to 1, first reaches each of *targets*; straight lines in between."""
    if np.isnan(rising[0]) or np.isnan(values[0]):
        return np.full(len(targets), np.nan)
    reached = np.maximum.accumulate(rising)
    after = np.clip(np.searchsorted(reached, targets, side="left"), 1, len(reached) - 1)
    low, high = reached[after - 1], reached[after]
    part = np.clip((targets - low) / np.where(high > low, high - low, 1.0), 0.0, 1.0)
    return np.asarray(values[after - 1] + part * (values[after] - values[after - 1]))
