"""One trial of a search: the model is trained as the stage `train` does it, for as long as others are not better."""

from __future__ import annotations

import csv
import shutil
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import Diverged, Unbuildable
from pipeline.files import read_json
from pipeline.learning.train import train
from pipeline.tuning import with_values

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan
    from pipeline.learning.learner import Epoch
    from pipeline.learning.tune_study import Running, Study
    from pipeline.stream.summary import Summary

# Trials are judged by the validation events of this fold's model: by events of the other folds, never by those of its own.
FOLD = 0


@dataclass(frozen=True, slots=True)
class TrialJob:
    """What a process needs to run one trial.

    Args:
        study: to which it belongs.
        number: of the trial, which has been proposed.
        folder: for its files while it runs.
        checkpoint_seconds: how often the state of its training is kept at most.
    """

    analysis: Analysis
    plan: Plan
    summary: Summary
    model: str
    study: Study
    number: int
    folder: Path
    checkpoint_seconds: float

    def __str__(self) -> str:
        return f"trial {self.number} of model {self.model!r}"


class _Pruned(BaseException):
    """Others were better after as many epochs: no error, so that whatever handles errors lets it pass."""


def run_trial(job: TrialJob) -> None:
    """Train with the settings of the trial and note in the journal how it ended.

    Raises:
        PipelineError: something failed for which the settings of this trial cannot be blamed.
    """
    running = job.study.resume(job.number)
    if job.study.is_pruned(job.number):
        running.prune()
    else:
        _run(job, running)
    shutil.rmtree(job.folder, ignore_errors=True)
    _forget_networks()


def _run(job: TrialJob, running: Running) -> None:
    try:
        folder = _trained(job, running)
    except _Pruned:
        running.prune()
    except (Diverged, Unbuildable) as error:
        running.fail(str(error))
    else:
        record = read_json(folder / "model.json", made_by="tune")
        about = {name: record[name] for name in ("best_epoch", "n_parameters")}
        running.complete(_losses(folder)[record["best_epoch"]], about)


def _trained(job: TrialJob, running: Running) -> Path:
    """The folder of the trained model; also one that was there when the process that trained it was killed."""
    values = job.study.trials()[job.number].values
    analysis = with_values(job.analysis, job.model, values)
    out = job.folder / "models" / job.model / f"fold{FOLD}"

    def report(row: Epoch) -> None:
        if running.is_worse(row.epoch, row.val_loss):
            raise _Pruned

    if not out.exists():
        train(
            analysis,
            job.plan,
            job.summary,
            model=job.model,
            fold=FOLD,
            out=out,
            checkpoint_seconds=job.checkpoint_seconds,
            progress=report,
        )
    return out


def _losses(folder: Path) -> dict[int, float]:
    """By epoch, the validation loss of the model in *folder*."""
    with (folder / "history.csv").open(newline="", encoding="utf-8") as file:
        return {int(row["epoch"]): float(row["val_loss"]) for row in csv.DictReader(file)}


def _forget_networks() -> None:
    """Let Keras, where it was used, free what it keeps of a network."""
    keras = sys.modules.get("keras")
    if keras is not None:
        keras.utils.clear_session()
