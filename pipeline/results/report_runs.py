"""What the stages cost, and which packages they ran with."""

from __future__ import annotations

import csv
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from pipeline.results.report_tables import Row, Table

if TYPE_CHECKING:
    from pathlib import Path

# The order in which the stages run.
STAGES = ("simulate", "fetch", "plan", "summarise", "tune", "train", "score", "evaluate", "plot", "report")

PACKAGES = (
    "nanoloom",
    "numpy",
    "awkward",
    "uproot",
    "coffea",
    "hist",
    "dask",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "xgboost-cpu",
    "xgboost",
    "onnxruntime",
    "pythia8mc",
    "fastjet",
    "mplhep",
    "matplotlib",
    "snakemake",
)


def runs_table(logs_dir: Path, analysis: str) -> Table:
    """Time and memory of every job that Snakemake has measured in `<logs_dir>/<stage>/<analysis>`; without rows if none."""
    rows = []
    for folder in sorted(logs_dir.glob(f"*/{analysis}"), key=lambda path: _order(path.parent.name)):
        jobs = [job for path in sorted(folder.rglob("*.tsv")) if (job := _job(path)) is not None]
        if jobs:
            seconds, memories = [job[0] for job in jobs], [job[1] for job in jobs if job[1] is not None]
            memory = f"{max(memories):,.0f} MB" if memories else "–"
            rows.append(Row(folder.parent.name, (str(len(jobs)), duration(sum(seconds)), duration(max(seconds)), memory)))
    caption = "As Snakemake's benchmarks measured them: wall-clock time, and the largest resident memory of a job."
    return Table(("Stage", "Jobs", "Time, all jobs", "Longest job", "Peak memory"), tuple(rows), caption)


def duration(seconds: float) -> str:
    """A time as people say it.

    >>> duration(7.25), duration(200), duration(7300)
    ('7.2 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def package_versions() -> dict[str, str]:
    """Versions of Python and of what is installed of `PACKAGES`, without importing them."""
    versions = {"python": ".".join(str(part) for part in sys.version_info[:3])}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def _order(stage: str) -> tuple[int, str]:
    return (STAGES.index(stage) if stage in STAGES else len(STAGES), stage)


def _job(path: Path) -> tuple[float, float | None] | None:
    """Seconds and largest memory in MB of a benchmark, of its last line; memory is not known for very short jobs."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    if not rows:
        return None
    return _number(rows[-1].get("s")) or 0.0, _number(rows[-1].get("max_rss"))


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
