"""The stage `score`: one pass over a dataset for scores, histograms and everything that the evaluation counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from pipeline.datasets import get_dataset
from pipeline.events.ledger import Ledger, left_by_failure
from pipeline.events.reading import reading
from pipeline.files import read_json, write_json
from pipeline.learning.building import outputs_of
from pipeline.learning.model_record import read_record
from pipeline.learning.pictures import add_pictures, empty_pictures
from pipeline.learning.predictor import BATCH, load_predictor
from pipeline.results.friend_tree import FriendTree
from pipeline.results.products import write_dataset_histograms
from pipeline.scale.ordered import ordered_map
from pipeline.scale.two_steps import TwoSteps
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.hashing import fold_of
from pipeline.statistics.npz import save_arrays
from pipeline.statistics.sums import Quantum
from pipeline.stream.kinds.kind import finished_all
from pipeline.stream.observables import histogrammed
from pipeline.stream.read_chunk import read_chunk
from pipeline.stream.select import processor_digest
from pipeline.stream.truth import of_events
from pipeline.stream.validation import is_learned
from pipeline.tasks.score_entries import Seen, is_compared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Scoring
    from pipeline.events.plan import Plan, Range
    from pipeline.learning.learner import Predictor
    from pipeline.physics.selected import EventIds
    from pipeline.scale.workers import Workers
    from pipeline.stream.chunk import Chunk


# What dask calls it where a worker has a graphics processor: `dask worker ... --resources "GPU=1"`.
GPU = "GPU"
# Events whose tensors are made ready for a model at once. A multiple of the batch, so that a network is asked for the same
# batches as if all were ready.
MOST_FINISHED = 16 * BATCH


@dataclass(frozen=True, slots=True)
class ReadRange:
    """What is read of one range, for whoever predicts.

    Args:
        part: the range.
        n_events: before the selection.
        ids: of the selected events.
        chunk: what models see of them.
        observables: by name, one number an event, shape (n_selected,), or jagged; jagged ones do not go to another process.
        histograms: of the range.
        pictures: sums of its images.
    """

    part: Range
    n_events: int
    ids: EventIds
    chunk: Chunk
    observables: dict[str, Any]
    histograms: DatasetHistograms
    pictures: DatasetHistograms


@dataclass(frozen=True, slots=True)
class ScoredRange:
    """What one range adds: columns of the friend tree, histograms, sums of images, entries of the task's counts (without
    models None)."""

    n_events: int
    columns: dict[str, NDArray[Any]]
    histograms: DatasetHistograms
    pictures: DatasetHistograms
    entries: Any


# Without the usual repr: dask takes it for the name of every task, and that of an analysis is long.
@dataclass(frozen=True, slots=True, repr=False)
class Scorer:
    """All that a worker needs to score a range; small, because it travels with every range."""

    analysis: Analysis
    folder: Path
    quantum: Quantum
    code: str

    def __call__(self, part: Range) -> ScoredRange:
        """Select, predict and count the events of one range."""
        return self.predict(self.read(part))

    @property
    def steps(self) -> Callable[[Range], ScoredRange]:
        """The same, with predicting apart from reading where a GPU can help: Keras on the workers that have one."""
        with_keras = self.analysis.scoring == "keras" and self.analysis.models
        return TwoSteps(self.send, self.predict, GPU) if with_keras else self

    def read(self, part: Range) -> ReadRange:
        """Select the events of one range and fill their histograms."""
        selected, chunk = read_chunk(self.analysis, part, code=self.code, for_training=False)
        observables = histogrammed(selected)
        histograms = DatasetHistograms.for_analysis(self.analysis, self.quantum)
        histograms.fill(observables, selected.weight)
        n_events = selected.cutflow.cuts[0].n_events
        pictures = empty_pictures(self.analysis, self.quantum)
        add_pictures(pictures, self.analysis, selected, place=str(part))
        return ReadRange(part, n_events, selected.ids, chunk, observables, histograms, pictures)

    def send(self, part: Range) -> ReadRange:
        """As `read`, fit for another process: an observable that is not read yet could not be read there."""
        found = self.read(part)
        with reading(part):
            return replace(found, observables=_flat(found.observables))

    def predict(self, read: ReadRange) -> ScoredRange:
        """Score the events of one range with every model."""
        analysis, chunk = self.analysis, read.chunk
        folds = fold_of(chunk.keys, analysis.folds)
        columns: dict[str, NDArray[Any]] = {
            "run": read.ids.run,
            "luminosityBlock": read.ids.luminosity_block,
            "event": read.ids.event,
            "fold": folds.astype(np.int32),
            "weight": chunk.weight,
        }
        if not analysis.models:
            return ScoredRange(read.n_events, columns, read.histograms, read.pictures, None)
        every = np.arange(len(chunk))
        unseen = {model: self._predict(model, chunk, every, folds) for model in analysis.models}
        compares = analysis.task.compares_training and read.part.dataset in analysis.trained_datasets()
        entries = analysis.task.entries_of(
            analysis,
            read.part.dataset,
            self.quantum,
            unseen=unseen,
            seen=self._seen(chunk, folds) if compares else {},
            weights=chunk.weight,
            keys=chunk.keys,
            truth=chunk.targets,
            observables=read.observables,
        )
        for model, answers in unseen.items():
            columns |= {f"{model}_{name}": answers[:, i] for i, name in enumerate(analysis.task.answers.names)}
        return ScoredRange(read.n_events, columns, read.histograms, read.pictures, entries)

    def _seen(self, chunk: Chunk, folds: NDArray[np.int64]) -> dict[str, Seen]:
        """Scores of some events by a model that was trained on them, for the overtraining test.

        What that model was not trained on is left out: its validation events, and what its `training.fraction` leaves.
        """
        compared = is_compared(chunk.keys)
        other = (folds + 1) % self.analysis.folds
        seen = {}
        for model in self.analysis.models:
            training = self.analysis.training_of(model)
            rows = np.flatnonzero(compared & is_learned(chunk.keys, training.validation_fraction, training.fraction))
            seen[model] = Seen(rows, self._predict(model, chunk, rows, other[rows]))
        return seen

    def _predict(self, model: str, chunk: Chunk, rows: NDArray[np.int64], folds: NDArray[np.int64]) -> NDArray[np.float32]:
        """The answers to the events *rows*, each by the model of the fold that is given for it.

        Args:
            rows: shape (n,).
            folds: shape (n,).

        Returns:
            Shape (n, n_answers).
        """
        analysis, inputs = self.analysis, self.analysis.models[model].inputs
        outputs = outputs_of(analysis, model)
        answers = np.zeros((len(rows), analysis.task.answers.size), dtype=np.float32)
        for fold in np.unique(folds).tolist():
            predictor = open_model(self.folder / "models" / model / f"fold{fold}", analysis.scoring)
            of_fold = np.flatnonzero(folds == fold)
            for start in range(0, len(of_fold), MOST_FINISHED):
                some = of_fold[start : start + MOST_FINISHED]
                tensors = finished_all(analysis.inputs[inputs], of_events(chunk.tensors[inputs], rows[some]))
                scores = predictor.predict(tensors)
                answers[some] = analysis.task.answered(outputs, scores, analysis.inputs[inputs], tensors)
        return answers


@dataclass(slots=True)
class Total:
    """What all ranges add up to.

    Args:
        tree: of the scores.
        histograms: of the dataset.
        pictures: sums of its images.
        counts: of the task; None without models.
        ledger: of the ranges.
    """

    tree: FriendTree
    histograms: DatasetHistograms
    pictures: DatasetHistograms
    counts: Any
    ledger: Ledger

    def add_all(self, results: Iterable[tuple[Range, ScoredRange]]) -> Iterator[Range]:
        """Add *results*, whose ranges are handed on; no result is held while the next one is made."""
        for part, result in results:
            with self.ledger.at(part):
                self.add(part, result)
            del result
            yield part

    def add(self, part: Range, result: ScoredRange) -> None:
        """Add what *part* has given."""
        self.tree.extend(result.columns)
        self.histograms += result.histograms
        self.pictures += result.pictures
        if self.counts is not None:
            self.counts.add(result.entries)
        self.ledger.done(part, n_selected=len(result.columns["event"]), n_events=result.n_events)


def score(
    analysis: Analysis,
    plan: Plan,
    dataset: str,
    folder: Path,
    *,
    workers: int | Workers = 1,
    progress: Callable[[Range], None] = lambda _: None,
) -> None:
    """Score every selected event of *dataset* with the models of its fold, and fill its histograms.

    Writes below *folder*: `scores/<dataset>.root` and its ledger, `histograms/<dataset>.root`, `histograms/<dataset>.npz`
    `evaluations/<dataset>.npz`, which is empty without models, and `pictures/<dataset>.npz`, which is empty without images.

    Raises:
        InputError: a model is missing or does not fit the analysis, or a file cannot be read.
    """
    get_dataset(analysis, dataset)
    ledger = Ledger(plan, [dataset])
    with left_by_failure(folder, f"score_{dataset}", ledger.to_json):
        for model in analysis.models:
            for fold in range(analysis.folds):
                read_record(analysis, model, fold, folder / "models" / model / f"fold{fold}")
        ranges = plan.ranges([dataset])
        quantum = typical_weight(plan, dataset)
        histograms = DatasetHistograms.for_analysis(analysis, quantum)
        pictures = empty_pictures(analysis, quantum)
        counts = analysis.task.counts_for(analysis, dataset, quantum) if analysis.models else None
        with FriendTree(folder / "scores" / f"{dataset}.root") as tree:
            scorer = Scorer(analysis, folder, quantum, processor_digest(analysis))
            total = Total(tree, histograms, pictures, counts, ledger)
            for part in total.add_all(ledger.each(ranges, ordered_map(scorer.steps, ranges, workers=workers))):
                progress(part)
            ledger.close()
        histograms.check_resolution(dataset)
        histograms.save(folder / "histograms" / f"{dataset}.npz")
        pictures.save(folder / "pictures" / f"{dataset}.npz")
        write_dataset_histograms(folder / "histograms" / f"{dataset}.root", histograms, counts)
        evaluation = folder / "evaluations" / f"{dataset}.npz"
        if counts is None:
            save_arrays(evaluation, {})  # so that the product is there for every analysis
        else:
            counts.save(evaluation)
        write_json(folder / "scores" / f"{dataset}.ledger.json", ledger.to_json())


def typical_weight(plan: Plan, dataset: str) -> Quantum:
    """The unit in which weights of *dataset* are counted: by the root mean square of all its generator weights."""
    planned = plan.dataset(dataset)
    return Quantum.of_typical_weight(math.sqrt(planned.sumw2 / planned.n_generated) if planned.n_generated else 1.0)


def _flat(observables: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Those with one number an event, as NumPy has them."""
    flat = {name: values for name, values in observables.items() if ak.Array(values).ndim == 1}
    return {name: values if isinstance(values, np.ndarray) else ak.to_numpy(values) for name, values in flat.items()}


def open_model(folder: Path, scoring: Scoring = "onnx") -> Predictor:
    """The trained model in *folder*; a process opens it once."""
    return _opened(folder, scoring, (folder / "model.json").stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _opened(folder: Path, scoring: Scoring, _written: int) -> Predictor:
    return load_predictor(folder, read_json(folder / "model.json", made_by="train")["files"], scoring=scoring)
