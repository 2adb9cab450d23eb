"""What does each job of the workflow depend on, in code and in the configuration? What is made again after an edit follows.

Of a record of the configuration it is named what does not matter, so that a new key counts until somebody decides otherwise.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pipeline import plugins
from pipeline.datasets import events_by_file, events_in_file
from pipeline.digest import PACKAGES, ROOT, code_digest, content_digest, files_named_in, versions_of
from pipeline.imports import closure
from pipeline.sizes import models_of_curve
from pipeline.tuning import with_values

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydantic import BaseModel

    from pipeline.config import Analysis

# The modules that do the work of a stage; what they import counts as well.
MODULES = {
    "simulate": ("simulation/datasets",),
    "fetch": ("events/fetch",),
    "plan": ("events/planning", "events/files"),
    "summarise": ("learning/summarise",),
    "tune": ("learning/tune",),
    "train": ("learning/train",),
    "score": ("learning/score",),
    "evaluate": ("results/evaluate",),
    "plot": ("results/plot",),
    "report": ("results/report",),
}
# The stages that select events.
SELECTING = ("summarise", "tune", "train", "score")
# The stages that ask the task, and those of its functions that import more than the task itself.
ASKING = {
    "tune": ("trained_for",),
    "train": ("trained_for",),
    "score": ("counts_for", "answered"),
    "evaluate": ("evaluate",),
}

# What only the text of figures and reports shows.
TEXT = {"label", "color", "xsec_source"}
# What of a dataset is settled once there is a plan.
PLANNED = {"files", "simulate", "fetch", "weights_from"}


def code_of(stage: str, analysis: Analysis, *, model: str | None = None, root: str | Path = ".") -> str:
    """Digest of the code that decides what *stage* makes of *analysis*, and for a stage that selects events of the packages
    below the processor; the arguments are those of `files_of`."""
    digest = code_digest(*files_of(stage, analysis, model=model, root=root))
    return content_digest([digest, versions_of(PACKAGES)]) if stage in SELECTING else digest


def files_of(stage: str, analysis: Analysis, *, model: str | None = None, root: str | Path = ".") -> set[Path]:
    """The code that decides what *stage* makes of *analysis*, the processor and its imports among it, and for `tune` and
    `train` the architecture with its own. A process card is not: it is an input of the rule.

    Args:
        stage: name of the rule.
        analysis: whose processor and task count.
        model: for `tune` and `train`, which: boosted trees do not depend on how a network is trained.
        root: the folder with `processors/` and `models/`.
    """
    starts = [ROOT / "pipeline" / f"{module}.py" for module in MODULES[stage]]
    lazy: dict[Path, tuple[str, ...]] = {}
    if stage in SELECTING:
        starts.append(plugins.find("processors", analysis.processor, root=root))
    if stage in ("tune", "train") and model is not None:
        architecture = plugins.find("models", analysis.models[model].architecture, root=root)
        learner = ROOT / f"pipeline/learning/{plugins.framework_of(architecture)}_learner.py"
        starts += [path for path in (architecture, learner) if path.is_file()]
    if stage in ASKING and analysis.task is not None:
        task = plugins.TASKS / f"{analysis.task.kind}.py"
        starts.append(task)
        lazy[task] = ASKING[stage]
    return closure(*starts, lazy=lazy)


def simulate_settings(analysis: Analysis, dataset: str, index: int, *, size: float) -> str:
    """Digest of what one simulated file depends on; the number of events is that of this file."""
    section = analysis.datasets[dataset]
    made = _dump(section.simulate, without={"events", "events_per_file"}) if section.simulate else None
    return content_digest([analysis.seed, dataset, made, events_in_file(section, index, size=size)])


def fetch_settings(analysis: Analysis, dataset: str) -> str:
    """Digest of what the files of one fetched dataset depend on."""
    section = analysis.datasets[dataset].fetch
    return content_digest(_dump(section) if section else None)


def plan_settings(analysis: Analysis, *, size: float) -> str:
    """Digest of what the plan depends on. The selection may decide which branches are read."""
    return content_digest(
        [
            _selection(analysis),
            _dump(analysis.reading, without={"max_opens_per_site"}),
            [
                [name, _dump(section, without=TEXT | {"process", "xsec_pb", "simulate", "repeated_events"}), made]
                for name, section in analysis.datasets.items()
                for made in [events_by_file(section, size=size)]
            ],
        ]
    )


def summarise_settings(analysis: Analysis) -> str:
    """Digest of what the summary depends on."""
    return content_digest(summarised(analysis))


def summarised(analysis: Analysis) -> dict[str, Any]:
    """What the summary depends on, in words: of the models, only for which events and bins it counts."""
    return {
        "folds": analysis.folds,
        "selection": _selection(analysis),
        "inputs": _inputs(analysis),
        "datasets": _datasets(analysis, tuple(analysis.datasets), without={"xsec_pb"}),
        **_targets(analysis),
        "validation fractions or flattening": sorted(
            {json.dumps(_counted_for(analysis, model), sort_keys=True) for model in analysis.models}
        ),
    }


def train_settings(analysis: Analysis, model: str) -> str:
    """Digest of what the training of *model* depends on."""
    entry = analysis.models[model]
    return content_digest(
        [
            analysis.seed,
            analysis.folds,
            _selection(analysis),
            _ordered(_dump(analysis.task, without=dict(analysis.task.evaluated))),
            _datasets(analysis, analysis.trained_datasets(), without={"repeated_events"}),
            _inputs(analysis)[list(analysis.inputs).index(entry.inputs)],
            _dump(entry, without=TEXT | {"training"}),
            _dump(analysis.training_of(model)),
        ]
    )


def tune_settings(analysis: Analysis, model: str) -> str:
    """Digest of what the search for settings of *model* depends on."""
    return content_digest([searched(analysis, model), analysis.tune[model].trials])


def searched(analysis: Analysis, model: str) -> list[Any]:
    """What every trial for *model* depends on; not on what the model has now of that which is searched."""
    tune = analysis.tune[model]
    given = with_values(analysis, model, {setting: domain.ends[0] for setting, domain in tune.search.items()})
    return [train_settings(given, model), _dump(tune, without={"trials"})]


def score_settings(analysis: Analysis, dataset: str) -> str:
    """Digest of what the scores and histograms of *dataset* depend on, beside the trained models."""
    return content_digest(
        [
            analysis.seed,
            analysis.folds,
            _selection(analysis),
            analysis.bootstrap_replicas,
            analysis.scoring,
            _inputs(analysis),
            _ordered(_dump(analysis.task, without={"costs", "system_labels"})) if analysis.task is not None else None,
            _datasets(analysis, (dataset,), without={"xsec_pb", "repeated_events"}),
            [
                [name, model.inputs, training.validation_fraction, training.fraction]
                for name, model in analysis.models.items()
                for training in [analysis.training_of(name)]
            ],
            _histograms(analysis),
        ]
    )


def evaluate_settings(analysis: Analysis) -> str:
    """Digest of what the results depend on, beside the counts of all datasets; a model's label stands in `roc.json`."""
    return content_digest(
        [
            analysis.lumi_inv_fb,
            list(analysis.processes),
            _ordered(_dump(analysis.task)) if analysis.task is not None else None,
            [
                [name, section.process, *_dataset(analysis, name, without={"repeated_events"})]
                for name, section in analysis.datasets.items()
            ],
            [[name, model.label, model.again] for name, model in analysis.models.items()],
            _histograms(analysis),
        ]
    )


def plot_settings(analysis: Analysis) -> str:
    """Digest of what the figures depend on, beside what they show."""
    return content_digest(
        [
            analysis.energy_tev,
            analysis.lumi_inv_fb,
            [[name, _dump(process)] for name, process in analysis.processes.items()],
            [[name, section.process, section.is_mc] for name, section in analysis.datasets.items()],
            [[name, _dump(axis)] for name, axis in analysis.histograms.items()],
            _ordered(_dump(analysis.task)) if analysis.task is not None else None,
            [[name, model.label, model.again] for name, model in analysis.models.items()],
            models_of_curve(analysis),
        ]
    )


def _selection(analysis: Analysis) -> list[Any]:
    """The settings of the processor, with the content of the files that they name."""
    files = list(files_named_in(analysis.selection))
    return [analysis.selection, [code_digest(file.resolve()) for file in files]]


def _dump(record: BaseModel, *, without: set[str] | dict[str, Any] | None = None) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude=without)


def _ordered(content: Any) -> Any:
    """*content* with its mappings as lists of pairs: the order of classes and inputs is that of the network's ends."""
    if isinstance(content, dict):
        return [[key, _ordered(value)] for key, value in content.items()]
    return content


def _inputs(analysis: Analysis) -> list[Any]:
    content: Mapping[str, Any] = analysis.model_dump(mode="json", include={"inputs"})["inputs"]
    return [[name, _ordered(collections)] for name, collections in content.items()]


def _datasets(analysis: Analysis, names: tuple[str, ...], *, without: set[str]) -> list[Any]:
    return [_dataset(analysis, name, without=without) for name in names]


def _dataset(analysis: Analysis, name: str, *, without: set[str]) -> list[Any]:
    """A dataset as the stages after the plan see it: its class, and not the process that leads to it."""
    content = _dump(analysis.datasets[name], without=TEXT | PLANNED | without | {"process"})
    return [name, analysis.class_of(name), content]


def _counted_for(analysis: Analysis, model: str) -> list[Any]:
    """What the summary counts for the training of *model*: events for validation, and spectra if it is to be flattened."""
    training = _dump(analysis.training_of(model))
    flatten = training.get("flatten")
    parts = [training["validation_fraction"], training["fraction"]]
    return [*parts, *([flatten["variables"], training["negative_weights"]] if flatten else [])]


def _targets(analysis: Analysis) -> dict[str, Any]:
    """What the task asks the processor for; nothing where classes are enough."""
    truth = None if analysis.task is None else analysis.task.truth
    return {"targets": [truth.objects, truth.coordinates, truth.labels]} if truth is not None and truth.columns else {}


def _histograms(analysis: Analysis) -> list[Any]:
    """The axes as they are filled, with the labels that ROOT shows; whether the figure is logarithmic does not matter."""
    return [[name, _dump(axis, without={"log"})] for name, axis in analysis.histograms.items()]
