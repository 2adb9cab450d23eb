"""What is known of the selected events before training: counts, sums of weights and the scales of the inputs, by fold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.config import Sequence
from pipeline.errors import InputError
from pipeline.files import read_json
from pipeline.stream.spec import InputSpec

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan
    from pipeline.stream.training_stream import Part


@dataclass(frozen=True, slots=True)
class Counts:
    """Selected events of one dataset: their number and sums of their weights."""

    n_events: int
    sumw: float
    sumw_absolute: float
    sumw_positive: float
    sumw2: float

    def sum_under(self, negative_weights: str) -> float:
        """The sum of weights that training sees under a policy for negative ones."""
        return {"keep": self.sumw, "absolute": self.sumw_absolute, "zero": self.sumw_positive}[negative_weights]


@dataclass(frozen=True, slots=True)
class Summary:
    """`summary.json`, as the stage `summarise` wrote it."""

    content: dict[str, Any]

    @classmethod
    def load(cls, path: str | Path) -> Summary:
        """Read `summary.json`."""
        return cls(read_json(path, made_by="summarise"))

    def accounted(self, plan: Plan) -> Plan:
        """*plan* without the files that `summarise` could not read: what later stages read and normalise to.

        Raises:
            InputError: the summary is that of another plan.
        """
        if self.content.get("plan") != plan.digest:
            raise InputError(
                f"summary.json of {plan.analysis!r} was made from another plan.json, or by another version."
                f" Expected that of plan {plan.digest}. Run the stage 'summarise' again."
            )
        used = {file.path for dataset in plan.datasets for file in dataset.used}
        skipped = self.content["ledger"]["skipped_files"]
        return plan.without({file["path"]: file["reason"] for file in skipped if file["path"] in used})

    def counts(self, fold: int, part: str) -> dict[str, Counts]:
        """By dataset, the events that the model of *fold* learns from (*part* `training`), or those of the fold (`test`)."""
        return {name: Counts(**counts) for name, counts in self.content["folds"][str(fold)][part].items()}

    def epoch_counts(self, fold: int, validation_fraction: float) -> dict[Part, dict[str, int]]:
        """For `training` and `validation`, how many events of each dataset an epoch of the model of *fold* holds.

        Raises:
            InputError: there is none to train on or to validate with.
        """
        validation = self.content["folds"][str(fold)]["validation"][str(validation_fraction)]
        training = {name: counts.n_events - validation[name] for name, counts in self.counts(fold, "training").items()}
        epoch: dict[Part, dict[str, int]] = {"training": training, "validation": validation}
        for part, of_part in epoch.items():
            if not sum(of_part.values()):
                raise InputError(
                    f"Fold {fold} has no {part} events at validation_fraction {validation_fraction}. Expected some."
                    " Add files, or change training.validation_fraction."
                )
        return epoch

    def input_specs(self, analysis: Analysis, inputs: str, fold: int) -> dict[str, InputSpec]:
        """The tensors of an input set, with the scales of the training folds of *fold*."""
        scales = self.content["folds"][str(fold)]["inputs"][inputs]
        return {name: _spec(name, collection, scales[name]) for name, collection in analysis.inputs[inputs].items()}


def _spec(name: str, collection: Any, scales: dict[str, Any]) -> InputSpec:
    padded = isinstance(collection, Sequence)
    return InputSpec(
        name=name,
        features=collection.features if padded else collection,
        mean=np.array(scales["mean"], dtype=np.float32),
        spread=np.array(scales["spread"], dtype=np.float32),
        max_objects=collection.max_objects if padded else None,
    )


def counts_to_json(counts: Counts) -> dict[str, Any]:
    """The record as `summary.json` keeps it."""
    return asdict(counts)
