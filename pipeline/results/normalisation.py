"""How many events of each dataset are expected: the factor from weights to events, and the yields with their errors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError
from pipeline.statistics.uncertainty import efficiency_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pipeline.config import Analysis, Dataset
    from pipeline.statistics.dataset_histograms import DatasetHistograms

# 1 fb⁻¹ = 1000 pb⁻¹
INV_PB_PER_INV_FB = 1000.0


@dataclass(frozen=True, slots=True)
class Processed:
    """What was processed of one dataset, before any selection.

    Args:
        sumw: sum of the weights; the number of events for data.
        sumw2: sum of the squared weights; the number of events for data.
    """

    sumw: float
    sumw2: float


def scale_of(analysis: Analysis, dataset: str, processed: Processed) -> float:
    """Factor from weights to events at the analysis' luminosity: σ · L / Σw of what was processed; 1 for data.

    Raises:
        InputError: the sum of weights is not above 0.
    """
    settings = analysis.datasets[dataset]
    if settings.xsec_pb is None:
        return 1.0
    if not processed.sumw > 0 or not math.isfinite(processed.sumw):
        raise InputError(
            f"Sum of weights of dataset {dataset!r} is {processed.sumw:g}. Expected a number above 0 to divide by."
            f" Check its files in config/{analysis.name}.yaml, and run `plan` again."
        )
    return settings.xsec_pb * analysis.lumi_inv_fb * INV_PB_PER_INV_FB / processed.sumw


def dataset_yield(analysis: Analysis, dataset: str, histograms: DatasetHistograms, processed: Processed) -> dict[str, Any]:
    """One dataset's row of `yields.json`.

    The error of the yield is √Σw² of the selected events; that of the efficiency is binomial for weighted events.
    """
    settings: Dataset = analysis.datasets[dataset]
    scale = scale_of(analysis, dataset, processed)
    sumw, sumw2 = histograms.sumw, histograms.sumw2
    return {
        "n_selected": histograms.totals.n_events,
        "sumw_selected": sumw,
        "sumw_total": processed.sumw,
        "efficiency": sumw / processed.sumw if processed.sumw else None,
        "efficiency_stat": float(efficiency_error(sumw, sumw2, processed.sumw, processed.sumw2)) if processed.sumw else None,
        "xsec_pb": settings.xsec_pb,
        "lumi_inv_fb": analysis.lumi_inv_fb,
        "yield": scale * sumw,
        "yield_stat": scale * math.sqrt(sumw2),
    }


def yields(
    analysis: Analysis, histograms: Mapping[str, DatasetHistograms], processed: Mapping[str, Processed]
) -> dict[str, Any]:
    """The content of `yields.json`: every dataset, and their sums by process."""
    rows = {
        dataset: dataset_yield(analysis, dataset, histograms[dataset], processed[dataset]) for dataset in analysis.datasets
    }
    processes = {
        process: _sum(rows[dataset] for dataset, settings in analysis.datasets.items() if settings.process == process)
        for process in analysis.processes
    }
    return {"datasets": rows, "processes": processes}


def _sum(rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    parts = list(rows)
    return {
        "n_selected": sum(row["n_selected"] for row in parts),
        "yield": math.fsum(row["yield"] for row in parts),
        "yield_stat": math.hypot(*(row["yield_stat"] for row in parts)),
    }
