"""What is known of the selected events before training: counts, sums of weights and the scales of the inputs, by fold."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.dependencies import summarised
from pipeline.digest import content_digest
from pipeline.errors import InputError
from pipeline.files import read_json
from pipeline.stream.kinds.kind import kind_for
from pipeline.stream.select import processor_digest
from pipeline.stream.truth import UNSCALED
from pipeline.stream.validation import split_name

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.events.plan import Plan
    from pipeline.stream.spec import Head, InputSpec, OutputSpec
    from pipeline.stream.validation import Part


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

    def accounted(self, plan: Plan, analysis: Analysis) -> Plan:
        """*plan* without the files that `summarise` could not read: what later stages read and normalise to.

        Raises:
            InputError: the summary is that of another plan, or of an analysis that selects or counts otherwise.
        """
        self.check_made_for(analysis)
        if self.content.get("plan") != plan.digest:
            raise InputError(
                f"summary.json of {plan.analysis!r} was made from another plan.json, or by another version."
                f" Expected that of plan {plan.digest}. Run the stage 'summarise' again."
            )
        used = {file.path for dataset in plan.datasets for file in dataset.used}
        skipped = self.content["ledger"]["skipped_files"]
        return plan.without({file["path"]: file["reason"] for file in skipped if file["path"] in used})

    def check_made_for(self, analysis: Analysis) -> None:
        """See that the events were selected, counted and scaled as *analysis* says now.

        Raises:
            InputError: they were not; names what has changed.
        """
        kept = self.content.get("made_for", {})
        changed = [what for what, digest in made_for(analysis).items() if kept.get(what) != digest]
        if changed:
            raise InputError(
                f"summary.json of {analysis.name!r} was made with other {', '.join(changed)}. Expected those of"
                f" config/{analysis.name}.yaml and processors/{analysis.processor}.py as they are now."
                " Run the stage 'summarise' again."
            )

    def counts(self, fold: int, part: Part, validation_fraction: float, fraction: float = 1.0) -> dict[str, Counts]:
        """By dataset, the events that the model of *fold* learns from, a *fraction* of what it may, or those held out to end
        its training."""
        name = split_name(validation_fraction, fraction if part == "training" else 1.0)
        kept = self.content["folds"][str(fold)][part][name]
        return {name: Counts(**counts) for name, counts in kept.items()}

    def epoch_counts(self, fold: int, validation_fraction: float, fraction: float = 1.0) -> dict[Part, dict[str, int]]:
        """For `training` and `validation`, how many events of each dataset an epoch of the model of *fold* holds."""
        parts: tuple[Part, ...] = ("training", "validation")
        return {
            part: {name: counts.n_events for name, counts in self.counts(fold, part, validation_fraction, fraction).items()}
            for part in parts
        }

    def input_specs(self, analysis: Analysis, inputs: str, fold: int) -> dict[str, InputSpec]:
        """The tensors of an input set, with the scales of the training folds of *fold*, validation events included."""
        scales = self.content["folds"][str(fold)]["inputs"][inputs]
        collections = analysis.inputs[inputs]
        return {name: kind_for(one).spec(name, one, scales[name]) for name, one in collections.items()}

    def scaled(self, outputs: OutputSpec, fold: int) -> OutputSpec:
        """*outputs* with the scales of the training folds of *fold*, where the task asks for momenta; else as they are."""
        scales = self.content["folds"][str(fold)].get("targets")
        if not scales or not outputs.heads:  # the answers of a method without a network are in units already
            return outputs
        mean = np.concatenate([_scale(head, scales, "mean") for head in outputs.heads])
        spread = np.concatenate([_scale(head, scales, "spread") for head in outputs.heads])
        return replace(outputs, mean=mean, spread=spread)


def made_for(analysis: Analysis) -> dict[str, str]:
    """Digests of all that a summary depends on beside the plan, each by the word that an error uses for it."""
    settings = {what: content_digest(part) for what, part in summarised(analysis).items()}
    return {**settings, "processor code": processor_digest(analysis)}


def _scale(head: Head, scales: dict[str, Any], kind: str) -> NDArray[np.float32]:
    """The *kind* of scale (`mean` or `spread`) of each output of *head*, shape (head.size,); probabilities have none."""
    none = {"mean": 0.0, "spread": 1.0}[kind]
    values = [
        scales[row][kind][column] if head.name == "momenta" and column not in UNSCALED else none
        for row in head.rows
        for column in head.columns
    ]
    return np.array(values, dtype=np.float32)


def counts_to_json(counts: Counts) -> dict[str, Any]:
    """The record as `summary.json` keeps it."""
    return asdict(counts)
