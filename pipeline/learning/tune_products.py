"""What a search leaves: a table of its trials, figures, and the best settings as YAML."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import yaml

from pipeline.files import replacing
from pipeline.results.figures.style import Header
from pipeline.results.figures.trials import Searched, draw_search, draw_trials
from pipeline.results.plot import save
from pipeline.tuning import model_with

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Analysis
    from pipeline.learning.tune_study import Trial

BEST = """\
# The best of {n_trials} trials of model {model!r}, found by the stage `tune`: trial {number}, validation loss {loss:.6g}
# after epoch {epoch}, on the training folds of fold 0. The best of many is a little too good by chance: `evaluate` says how
# good it is, most strictly on fold 0, whose events no trial has seen.
# To use it, put it into config/{analysis}.yaml, in place of the entry of the same name.
"""


def write_products(analysis: Analysis, model: str, trials: list[Trial], out: Path) -> None:
    """Write `trials.csv`, `trials.png` and `search.png` with their PDFs, and `best.yaml` of *model* to *out*."""
    best = best_of(trials)
    with replacing(out / "trials.csv") as path:
        _write_table(path, list(analysis.tune[model].search), trials)
    _draw(analysis, model, trials, best, out)
    with replacing(out / "best.yaml") as path:
        path.write_text(_best(analysis, model, trials, best), encoding="utf-8")


def best_of(trials: list[Trial]) -> Trial:
    """The complete trial with the lowest validation loss; of equal ones the first."""
    return min((trial for trial in trials if trial.val_loss is not None), key=lambda trial: (trial.val_loss, trial.number))


def _write_table(path: Path, settings: list[str], trials: list[Trial]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["trial", "state", "val_loss", "best_epoch", "epochs", "n_parameters", *settings, "reason"])
        for trial in trials:
            losses, about = list(trial.losses.values()), trial.about
            loss = trial.val_loss if trial.val_loss is not None else next(reversed(losses), "")
            row = [trial.number, trial.state, loss, about.get("best_epoch", ""), len(losses), about.get("n_parameters", "")]
            writer.writerow([*row, *(_cell(trial.values[setting]) for setting in settings), about.get("reason", "")])


def _cell(value: Any) -> Any:
    return value if isinstance(value, int | float | str) else json.dumps(value)


def _best(analysis: Analysis, model: str, trials: list[Trial], best: Trial) -> str:
    entry = model_with(analysis.models[model], best.values)
    content = {"models": {model: entry.model_dump(mode="json", exclude_unset=True)}}
    said = BEST.format(
        n_trials=len(trials),
        model=model,
        number=best.number,
        loss=best.val_loss,
        epoch=best.about["best_epoch"],
        analysis=analysis.name,
    )
    return said + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, default_flow_style=None)


def _draw(analysis: Analysis, model: str, trials: list[Trial], best: Trial, out: Path) -> None:
    header, label = Header(analysis.energy_tev), analysis.models[model].label or model
    figures = {
        "trials": draw_trials(
            [(trial.state, trial.losses) for trial in trials], best=best.number, label=label, header=header
        ),
        "search": draw_search(_searched(analysis, model, trials), header=header),
    }
    for name, figure in figures.items():
        save(figure, out / name)


def _searched(analysis: Analysis, model: str, trials: list[Trial]) -> list[Searched]:
    shown = [trial for trial in trials if trial.losses]
    return [
        Searched(
            setting,
            values=[trial.values[setting] for trial in shown],
            losses=[min(trial.losses.values()) if trial.val_loss is None else trial.val_loss for trial in shown],
            complete=[trial.state == "complete" for trial in shown],
            ends=domain.ends,
            log=domain.log is not None or domain.log_integers is not None,
            choices=domain.choices is not None,
        )
        for setting, domain in analysis.tune[model].search.items()
    ]
