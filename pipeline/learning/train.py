"""The stage `train`: one model, one fold."""

from __future__ import annotations

import csv
import importlib
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any

from pipeline import plugins
from pipeline.checks import check_negative_weights
from pipeline.digest import code_digest, content_digest
from pipeline.errors import InputError, nearest
from pipeline.events.ledger import left_by_failure
from pipeline.files import replacing, write_json
from pipeline.learning.building import build_model, outputs_of
from pipeline.learning.checkpoint import SECONDS_BETWEEN, Checkpoint
from pipeline.learning.cost import cost
from pipeline.learning.learner import Epoch
from pipeline.learning.model_record import expected_record, model_record, versions
from pipeline.learning.predictor import load_predictor
from pipeline.statistics.hashing import number_of
from pipeline.stream.model_weights import model_weights
from pipeline.stream.training_stream import TrainingStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan
    from pipeline.learning.learner import Learner
    from pipeline.scale.workers import Workers
    from pipeline.stream.spec import InputSpec, OutputSpec
    from pipeline.stream.summary import Summary

LEARNERS = {
    "keras": "pipeline.learning.keras_learner",
    "xgboost": "pipeline.learning.xgboost_learner",
    "baseline": "pipeline.learning.baseline_learner",
}


def train(
    analysis: Analysis,
    plan: Plan,
    summary: Summary,
    *,
    model: str,
    fold: int,
    out: Path,
    workers: Workers | None = None,
    checkpoint_seconds: float = SECONDS_BETWEEN,
    progress: Callable[[Epoch], None] = lambda _: None,
) -> None:
    """Train *model* on all folds but *fold* and write the folder *out*: the model's files, `model.json`, `history.csv`,
    `ledger.json`, `cost.json`. A training that was killed goes on where it was last kept, and ends with the same weights.

    Args:
        out: `<results>/<analysis>/models/<model>/fold<fold>`.
        workers: they read and build inputs beside the training; None does it in turn with the training.
        checkpoint_seconds: how often the state of the training is kept at most.

    Raises:
        InputError: there is no such model or fold, or the analysis cannot train.
        PipelineError: an epoch did not hold each event once.
    """
    failed: dict[str, Any] = {}
    with left_by_failure(out.parents[2], f"train_{model}_fold{fold}", lambda: failed):
        _check(analysis, model, fold)
        check_negative_weights(analysis, model)
        summary.check_made_for(analysis)
        entry, training = analysis.models[model], analysis.training_of(model)
        path = plugins.find("models", entry.architecture)
        learner = _learner(path)
        seed = number_of(f"{analysis.seed}:{model}:{fold}") % 2**31
        learner.prepare(training.threads, seed)
        specs = summary.input_specs(analysis, entry.inputs, fold)
        outputs = summary.scaled(outputs_of(analysis, model), fold)
        untrained = build_model(analysis, model, specs, outputs)

        made = model_weights(analysis, plan, summary, model, fold)
        stream = TrainingStream(
            analysis,
            plan,
            entry.inputs,
            fold,
            training,
            made.factors,
            made.n_events,
            workers=workers,
            flat=made.flat,
            # Models see the same batches, but for those whose spread is asked for.
            seed=analysis.seed if entry.again is None else seed,
            failed=failed,
        )
        checkpoint = Checkpoint(
            out.parents[2] / "checkpoints" / model / f"fold{fold}.npz",
            _made_by(stream, model, specs, outputs),
            checkpoint_seconds,
        )
        with replacing(out) as folder:
            folder.mkdir()
            trained = learner.fit(
                untrained,
                stream,
                task=analysis.task.trained_for(outputs),
                training=training,
                seed=seed,
                folder=folder,
                checkpoint=checkpoint,
                progress=progress,
            )
            seconds = checkpoint.seconds
            _write_history(folder / "history.csv", trained.history)
            write_json(folder / "ledger.json", stream.ledgers)
            write_json(folder / "model.json", model_record(analysis, model, fold, trained))
            predictor = load_predictor(folder, trained.files, scoring=analysis.scoring)
            write_json(folder / "cost.json", cost(trained.n_parameters, seconds, predictor, stream.sample()))
        checkpoint.remove()


def _made_by(stream: TrainingStream, model: str, specs: Mapping[str, InputSpec], outputs: OutputSpec) -> str:
    """Digest of all that the weights in the end depend on."""
    analysis = stream.analysis
    return content_digest(
        [
            expected_record(analysis, model, stream.fold),
            analysis.models[model].model_dump(mode="json"),
            analysis.task.model_dump(mode="json", exclude=dict(analysis.task.evaluated)),
            stream.training.model_dump(mode="json"),
            {part: dict(counts) for part, counts in stream.n_events.items()},
            [repr(spec) for spec in specs.values()],
            [list(map(float, scale)) for scale in (outputs.mean, outputs.spread) if scale is not None],
            {name: factors.tolist() for name, factors in stream.flat.items()},
            [repr(stream.factors), [astuple(part) for part in stream.plan.ranges(stream.factors)]],
            code_digest("pipeline/learning", "pipeline/stream", "pipeline/tasks"),
            versions(),
        ]
    )


def _check(analysis: Analysis, model: str, fold: int) -> None:
    if model not in analysis.models:
        raise InputError(
            f"Analysis {analysis.name!r} has no model {model!r}. {nearest(model, analysis.models)} Correct the name."
        )
    if not 0 <= fold < analysis.folds:
        raise InputError(
            f"Fold {fold} of {analysis.folds} does not exist. Expected 0 to {analysis.folds - 1}. Correct the number."
        )


def _learner(path: Path) -> Learner:
    framework = plugins.framework_of(path)
    if framework not in LEARNERS:
        raise InputError(
            f"build of {path} returns a model of {framework!r}. {nearest(framework, LEARNERS)} Return one of these."
        )
    learner: Learner = importlib.import_module(LEARNERS[framework])
    return learner


def _write_history(path: Path, history: tuple[Epoch, ...]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = [epoch.row() for epoch in history]
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else [field.name for field in fields(Epoch)])
        writer.writeheader()
        writer.writerows(rows)
