"""The stage `tune`: which settings of a model learn best? Hyperband over trials, most of which end after few epochs.

Every trial is a training as in `train`, on the same stream, for the fold 0, and is judged by the validation events of that
training: events of fold 0 itself are never looked at.

Source: Li et al., arXiv:1603.06560 (Hyperband), in the asynchronous form of arXiv:1810.05934; settings are proposed by
tree-structured Parzen estimators (Bergstra et al., NeurIPS 2011). Both are optuna's.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, replace
from itertools import chain
from threading import Event, Lock
from typing import TYPE_CHECKING

from pipeline import dependencies
from pipeline.digest import content_digest
from pipeline.errors import InputError, PipelineError, nearest
from pipeline.learning.checkpoint import SECONDS_BETWEEN
from pipeline.learning.tune_products import write_products
from pipeline.learning.tune_study import Study
from pipeline.learning.tune_trial import TrialJob, run_trial
from pipeline.statistics.hashing import number_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan
    from pipeline.learning.tune_study import Trial
    from pipeline.scale.workers import Workers
    from pipeline.stream.summary import Summary


def tune(
    analysis: Analysis,
    plan: Plan,
    summary: Summary,
    *,
    model: str,
    out: Path,
    workers: Workers | None = None,
    checkpoint_seconds: float = SECONDS_BETWEEN,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Run the trials of *model* that are left and write `best.yaml`, `trials.csv` and figures to *out*.

    A search that was killed goes on, each of its trials where its training was last kept. With one worker, the same
    seed, data and code give the same trials; with more, what is proposed depends on which trials ended before.

    Args:
        out: `<results>/<analysis>/tune/<model>`.
        workers: each runs one trial at a time; None runs one after the other in this process.
        checkpoint_seconds: how often the state of a trial is kept at most.
        progress: called with the number of trials that have ended.

    Raises:
        InputError: there is nothing to search, or the analysis cannot train.
        PipelineError: every trial has failed, or another process leads this search.
    """
    _check(analysis, model)
    folder = out / _digest(analysis, plan, model)
    study = _study(analysis, model, folder)
    first = TrialJob(analysis, plan, summary, model, study, 0, folder / "0", checkpoint_seconds)
    with study.alone():
        _run(_jobs(first), workers, lambda: progress(_n_ended(study)))
        trials = study.trials()
        _check_outcome(analysis, model, trials)
        write_products(analysis, model, trials, out)


def _jobs(first: TrialJob) -> Iterator[TrialJob]:
    """The trials that are to be run: those that were running when the search was killed, and then new ones."""
    begun, most = first.study.trials(), first.analysis.tune[first.model].trials
    left = (trial.number for trial in begun if trial.state == "running")
    new = (first.study.propose() for _ in range(len(begun), most))
    for number in chain(left, new):
        yield replace(first, number=number, folder=first.folder.with_name(str(number)))


def _run(jobs: Iterator[TrialJob], workers: Workers | None, ended: Callable[[], None]) -> None:
    """Run *jobs*, one in each worker at a time, and call *ended* after each; after an error no other is begun."""
    lock, broken = Lock(), Event()

    def take() -> TrialJob | None:
        with lock:
            return None if broken.is_set() else next(jobs, None)

    def work() -> None:
        for job in iter(take, None):
            try:
                if workers is None:
                    run_trial(job)
                else:
                    workers.submit(run_trial, job).result()
            except BaseException:
                broken.set()
                raise
            with lock:
                ended()

    if workers is None:
        work()
        return
    with ThreadPoolExecutor(workers.count) as threads:
        for future in [threads.submit(work) for _ in range(workers.count)]:
            future.result()


def _n_ended(study: Study) -> int:
    return sum(trial.state != "running" for trial in study.trials())


def _study(analysis: Analysis, model: str, folder: Path) -> Study:
    return Study(
        folder / "journal.jsonl",
        name=f"{analysis.name}/{model}",
        tune=analysis.tune[model],
        epochs=analysis.training_of(model).epochs,
        seed=number_of(f"{analysis.seed}:{model}:tune") % 2**31,
    )


def _digest(analysis: Analysis, plan: Plan, model: str) -> str:
    """What a search is of: events, code, and settings apart from the number of trials. Another one begins anew."""
    return content_digest(
        [
            dependencies.searched(analysis, model),
            dependencies.code_of("train", analysis, model=model),
            [astuple(part) for part in plan.ranges(analysis.trained_datasets())],
        ]
    )


def _check(analysis: Analysis, model: str) -> None:
    if model not in analysis.tune:
        raise InputError(
            f"Analysis {analysis.name!r} says nothing on what to search for model {model!r}. {nearest(model, analysis.tune)}"
            f" Add a section tune.{model} to config/{analysis.name}.yaml, or correct the name."
        )


def _check_outcome(analysis: Analysis, model: str, trials: list[Trial]) -> None:
    """See that there is a best one."""
    if not any(trial.state == "complete" for trial in trials):
        reason = next(trial.about["reason"] for trial in trials if trial.state == "failed")
        raise PipelineError(
            f"None of {len(trials)} trials of model {model!r} has come to its end; the first that failed: {reason}"
            f" Correct tune.{model}.search in config/{analysis.name}.yaml."
        )
