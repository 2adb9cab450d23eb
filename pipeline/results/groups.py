"""Which datasets are added to which histogram: by dataset, process and class, all simulation, all data."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import hist

    from pipeline.config import Analysis
    from pipeline.statistics.dataset_histograms import DatasetHistograms


def groups_of(analysis: Analysis) -> dict[str, tuple[str, ...]]:
    """The datasets of each group, in the order of the configuration; a group without datasets is left out."""
    datasets = analysis.datasets
    by_class = {} if analysis.task is None else {name: _in_class(analysis, name) for name in class_names(analysis)}
    groups = {
        **{f"datasets/{name}": (name,) for name in datasets},
        **{f"processes/{p}": tuple(name for name, d in datasets.items() if d.process == p) for p in analysis.processes},
        **{f"classes/{name}": members for name, members in by_class.items()},
        "mc": tuple(name for name, d in datasets.items() if d.is_mc),
        "data": tuple(name for name, d in datasets.items() if not d.is_mc),
    }
    return {group: members for group, members in groups.items() if members}


def class_names(analysis: Analysis) -> tuple[str, ...]:
    """The classes that datasets are trained as, in the order in which the datasets name them."""
    return tuple(dict.fromkeys(str(analysis.class_of(dataset)) for dataset in analysis.trained_datasets()))


def grouped(
    groups: Mapping[str, tuple[str, ...]], histograms: Mapping[str, DatasetHistograms], scales: Mapping[str, float]
) -> dict[str, hist.Hist]:
    """The histograms of each group, scaled and added; keys are `<group>/<histogram>`.

    Datasets without *histograms* are left out, and groups that have none.
    """
    filled = {group: tuple(name for name in members if name in histograms) for group, members in groups.items()}
    return {
        f"{group}/{name}": _added(name, members, histograms, scales)
        for group, members in filled.items()
        if members
        for name in histograms[members[0]].histograms
    }


def _in_class(analysis: Analysis, name: str) -> tuple[str, ...]:
    return tuple(dataset for dataset in analysis.trained_datasets() if analysis.class_of(dataset) == name)


def _added(
    name: str, members: tuple[str, ...], histograms: Mapping[str, DatasetHistograms], scales: Mapping[str, float]
) -> hist.Hist:
    first, *others = (histograms[dataset].histograms[name].to_hist(scales[dataset], name=name) for dataset in members)
    for other in others:
        first += other
    return first
