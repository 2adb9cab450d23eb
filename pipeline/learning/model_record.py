"""What is kept beside a trained model, so that nobody scores with a model that does not fit: `model.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline import plugins
from pipeline.digest import code_digest, versions_of
from pipeline.errors import InputError
from pipeline.files import read_json
from pipeline.imports import closure
from pipeline.inputs import Shaped
from pipeline.learning.building import outputs_of
from pipeline.stream.select import processor_digest

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Analysis
    from pipeline.learning.learner import Trained

PACKAGES = ("nanoloom", "awkward", "coffea", "keras", "numpy", "tensorflow-cpu", "uproot", "xgboost-cpu")


def model_record(analysis: Analysis, model: str, fold: int, trained: Trained) -> dict[str, Any]:
    """The content of `model.json`."""
    return {
        **expected_record(analysis, model, fold),
        "config": analysis.models[model].model_dump(mode="json"),
        "training": analysis.training_of(model).model_dump(mode="json"),
        "files": dict(trained.files),
        "best_epoch": trained.best_epoch,
        "epochs": len(trained.history),
        "n_parameters": trained.n_parameters,
        "events_seen": dict(trained.events_seen),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Of the packages that a trained model depends on."""
    return versions_of(PACKAGES)


def expected_record(analysis: Analysis, model: str, fold: int) -> dict[str, Any]:
    """The part of `model.json` that must agree when the model is used."""
    entry = analysis.models[model]
    return {
        "analysis": analysis.name,
        "model": model,
        "fold": fold,
        "folds": analysis.folds,
        "seed": analysis.seed,
        "inputs": {name: _collection(collection) for name, collection in analysis.inputs[entry.inputs].items()},
        "outputs": list(outputs_of(analysis, model).names),
        "selection": analysis.selection,
        "processor_digest": processor_digest(analysis),
        "model_digest": code_digest(*closure(plugins.find("models", entry.architecture))),
    }


def read_record(analysis: Analysis, model: str, fold: int, folder: Path) -> dict[str, Any]:
    """Read `model.json` and compare it with what *analysis* says now.

    Raises:
        InputError: it is missing, or something that it depends on has changed; names the first difference.
    """
    record: dict[str, Any] = read_json(folder / "model.json", made_by="train")
    for key, expected in expected_record(analysis, model, fold).items():
        if record.get(key) != expected:
            raise InputError(
                f"Model {folder} was trained with {key} = {_short(record.get(key))}. This analysis has {_short(expected)}."
                f" Run the stage 'train' for {model!r} again, or restore config/{analysis.name}.yaml and the code."
            )
    return record


def _collection(collection: Any) -> Any:
    return collection.model_dump(mode="json") if isinstance(collection, Shaped) else list(collection)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else text[:200] + "…"
