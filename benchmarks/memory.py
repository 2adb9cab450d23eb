"""The peak memory of the stages that walk the events, on a tenth of the files against all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import yaml

from benchmarks.peak import peak_mb
from benchmarks.ratio import Ratio
from benchmarks.setting import CONFIG

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.setting import Setting

GOAL = 1 / 1.05
MODELS = ("dnn", "bdt")


def run(setting: Setting) -> Ratio:
    """One process each, and a buffer smaller than what is selected of one file; told is the stage that grows most."""
    folder = setting.scratch.resolve() / "memory"
    folder.mkdir(exist_ok=True)
    few, many = (peaks(setting, folder, name, share) for name, share in (("few", 10), ("many", 1)))
    for stage in few:
        click.echo(f"  {stage}: {few[stage]:.0f} MB, {many[stage]:.0f} MB", err=True)
    ratios = {stage: few[stage] / many[stage] for stage in few}
    worst = min(ratios, key=lambda stage: ratios[stage])
    click.echo(f"  most in {worst}", err=True)
    # Under one name, whichever stage it is: a row of the table takes the place of the one before.
    return Ratio("memory, a tenth of the files", ratios[worst], ratios[worst], max(ratios.values()), GOAL)


def peaks(setting: Setting, folder: Path, name: str, share: int) -> dict[str, float]:
    """Peak memory in MB by stage, on one in *share* files of each dataset."""
    config = folder / f"{name}.yaml"
    config.write_text(yaml.safe_dump(analysis_of(setting, share)), encoding="utf-8")
    common = ("--config", config, "--results", folder)
    peak_mb(".", "plan", *common)
    found = {"summarise": peak_mb(".", "summarise", *common)}
    for model in MODELS:
        folds = [("--model", model, "--fold", str(fold)) for fold in range(setting.analysis.folds)]
        found[f"train {model}"] = max(peak_mb(".", "train", *common, *fold) for fold in folds)
    found["score"] = max(peak_mb(".", "score", *common, "--dataset", name) for name in setting.analysis.datasets)
    return found


def analysis_of(setting: Setting, share: int) -> dict[str, Any]:
    """hh_bbww on one in *share* files."""
    analysis: dict[str, Any] = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for name, dataset in analysis["datasets"].items():
        del dataset["simulate"]
        files = [file.path for file in setting.plan.dataset(name).used]
        dataset["files"] = files[: max(1, len(files) // share)]
    # Several ranges in one file: the first range of all needs less, for nothing is there yet to be added to.
    analysis["reading"] = {"range_entries": 20_000}
    analysis["models"] = {model: analysis["models"][model] for model in MODELS}
    analysis["training"] |= {"epochs": 1, "batch_size": 1024, "shuffle_buffer_mb": 0.5}
    analysis["models"]["bdt"]["training"] |= {"epochs": 5}
    return analysis
