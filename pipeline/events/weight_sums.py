"""How many events were generated for a file, and with what weights: the denominator of its normalisation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.errors import InputError
from pipeline.statistics.sums import ExactSum, exact_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Origin = Literal["Runs", "genWeight", "data"]
GEN_WEIGHT = "genWeight"
COUNT, SUMW, SUMW2 = "genEventCount", "genEventSumw", "genEventSumw2"


@dataclass(frozen=True, slots=True)
class WeightSums:
    """Number of generated events, their sum of weights and sum of squared weights, and where these come from."""

    n_generated: int
    sumw: float
    sumw2: float
    origin: Origin


def data_sums(entries: int) -> WeightSums:
    """Data: each event counts as one."""
    return WeightSums(entries, float(entries), float(entries), "data")


def simulation_sums(
    file: Any,
    tree: Any,
    ranges: Sequence[tuple[int, int]],
    *,
    path: str,
    wanted: Literal["Runs", "genWeight"] | None = None,
) -> WeightSums:
    """Simulation: from the tree Runs, which also knows the events that a skim has dropped; else the sum of `genWeight`.

    Args:
        file: directory of uproot that may hold Runs.
        tree: its Events; with the branch `genWeight` if it has entries.
        ranges: entries (start, stop) of *tree* to read at a time.
        path: for messages.
        wanted: which of the two it must be; None for Runs where it is there.

    Raises:
        InputError: a weight is not finite, Runs is wanted and missing, or it knows of fewer events than there are.
    """
    runs = file["Runs"] if "Runs" in file.keys(cycle=False, recursive=False) else None
    suffix = None if runs is None or runs.num_entries == 0 else _suffix(runs)
    if wanted == "genWeight" or (suffix is None and wanted is None):
        return _sums_of_events(tree, ranges, path)
    if suffix is None:
        raise InputError(f"{path} has no sums of weights in Runs. Keep them when skimming, or say weights_from: genWeight.")
    sums = _sums_of_runs(runs, suffix)
    if not np.isfinite([sums.sumw, sums.sumw2]).all():
        raise InputError(f"{path} has a sum of weights of {sums.sumw} in Runs; expected finite numbers.")
    if sums.n_generated < tree.num_entries:
        raise InputError(
            f"{path} has {tree.num_entries} events, of {sums.n_generated} generated ones by its Runs; merge it anew."
        )
    return sums


def _suffix(runs: Any) -> str | None:
    """What follows the names: nothing, or `_` up to NanoAOD v6; None where the sums are missing."""
    return next((end for end in ("", "_") if {COUNT + end, SUMW + end, SUMW2 + end} <= set(runs.keys())), None)


def _sums_of_runs(runs: Any, suffix: str) -> WeightSums:
    count, sumw, sumw2 = (np.asarray(runs[name + suffix].array()) for name in (COUNT, SUMW, SUMW2))
    if not (np.isfinite(sumw).all() and np.isfinite(sumw2).all()):
        return WeightSums(0, float(np.sum(sumw)), float(np.sum(sumw2)), "Runs")
    return WeightSums(int(count.sum()), float(exact_sum(sumw)), float(exact_sum(sumw2)), "Runs")


def _sums_of_events(tree: Any, ranges: Sequence[tuple[int, int]], path: str) -> WeightSums:
    sumw, sumw2 = ExactSum(), ExactSum()
    for start, stop in ranges:
        weights = np.asarray(tree[GEN_WEIGHT].array(entry_start=start, entry_stop=stop), dtype=np.float64)
        _check_finite(weights, start, path)
        sumw, sumw2 = sumw + exact_sum(weights), sumw2 + exact_sum(weights**2)
    return WeightSums(int(tree.num_entries), float(sumw), float(sumw2), "genWeight")


def _check_finite(weights: NDArray[np.float64], start: int, path: str) -> None:
    bad = np.flatnonzero(~np.isfinite(weights))
    if len(bad):
        raise InputError(f"{path} has genWeight {weights[bad[0]]} at entry {start + bad[0]}; expected finite numbers.")
