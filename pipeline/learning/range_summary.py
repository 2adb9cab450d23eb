"""What one range of events adds to `summary.json`: counts, moments and spectra by fold, which add up without rounding."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.events.copies import compared
from pipeline.events.reading import UnreadableError
from pipeline.physics.selected import Cutflow
from pipeline.statistics.hashing import fold_of
from pipeline.statistics.moments import Moments, moments, zeros
from pipeline.statistics.sums import ExactSum, exact_sum
from pipeline.stream.contents import content_keys
from pipeline.stream.flattening import finer_bins_of_models
from pipeline.stream.kinds.kind import kind_for
from pipeline.stream.observables import check_histograms, histogrammed
from pipeline.stream.spectra import ExactSpectrum, SpectrumKey, chunk_spectra
from pipeline.stream.summary import Counts
from pipeline.stream.truth import in_coordinates, of_events, vectors
from pipeline.stream.validation import is_learned, is_validation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.config import Analysis
    from pipeline.events.plan import Range
    from pipeline.physics.selected import Selected
    from pipeline.stream.chunk import Chunk
    from pipeline.stream.read_ahead import ChunkMaker


@dataclass(frozen=True, slots=True)
class ExactCounts:
    """Number of events, and sums of w, |w|, w where positive, and w², without rounding; add them with `+`, or take some of
    the events away with `-`."""

    n_events: int = 0
    sums: tuple[ExactSum, ...] = (ExactSum(),) * 4

    def __add__(self, other: ExactCounts) -> ExactCounts:
        sums = tuple(a + b for a, b in zip(self.sums, other.sums, strict=True))
        return ExactCounts(self.n_events + other.n_events, sums)

    def __sub__(self, other: ExactCounts) -> ExactCounts:
        sums = tuple(ExactSum(a.units - b.units) for a, b in zip(self.sums, other.sums, strict=True))
        return ExactCounts(self.n_events - other.n_events, sums)

    @property
    def rounded(self) -> Counts:
        """As float64."""
        return Counts(self.n_events, *(float(total) for total in self.sums))


@dataclass(frozen=True, slots=True)
class DatasetSummary:
    """What was seen of one dataset: its cutflow and, by fold, counts, those of validation events and of parts of the others,
    moments of inputs and of targets, and spectra."""

    cutflow: Cutflow = field(default_factory=Cutflow)
    counts: dict[int, ExactCounts] = field(default_factory=dict)
    validation: dict[tuple[int, float], ExactCounts] = field(default_factory=dict)
    learned: dict[tuple[int, float, float], ExactCounts] = field(default_factory=dict)
    inputs: dict[tuple[int, str, str], Moments] = field(default_factory=dict)
    targets: dict[tuple[int, str], Moments] = field(default_factory=dict)
    spectra: dict[SpectrumKey, ExactSpectrum] = field(default_factory=dict)

    def __add__(self, other: DatasetSummary) -> DatasetSummary:
        return DatasetSummary(
            self.cutflow + other.cutflow,
            _joined(self.counts, other.counts),
            _joined(self.validation, other.validation),
            _joined(self.learned, other.learned),
            _joined(self.inputs, other.inputs),
            _joined(self.targets, other.targets),
            _joined(self.spectra, other.spectra),
        )


@dataclass(frozen=True, slots=True)
class RangeSummary:
    """What one range adds, and of each of its selected events the hashes of its name and of all its content, shape
    (n_events,); without the latter where there is nothing to compare it with."""

    summary: DatasetSummary
    keys: NDArray[np.uint64]
    contents: NDArray[np.uint64] | None


def read_range(maker: ChunkMaker, part: Range) -> RangeSummary | UnreadableError:
    """The summary of one range; that it cannot be read, also not at another attempt, is returned, so that others go on."""
    try:
        return summarise_range(maker, part)
    except UnreadableError as error:
        return error


def summarise_range(maker: ChunkMaker, part: Range) -> RangeSummary:
    """The summary of one range; what is built of it for training is kept by *maker*."""
    analysis = maker.analysis
    learned = part.dataset in analysis.trained_datasets()
    selected, chunk = maker.read(part, for_training=learned)
    check_histograms(analysis, selected)
    if learned and analysis.models:
        maker.keep_built(part, chunk)
    folds = fold_of(chunk.keys, analysis.folds)
    summary = DatasetSummary(selected.cutflow, spectra=_spectra(maker, part, selected, chunk) if learned else {})
    for fold in range(analysis.folds):
        rows = np.flatnonzero(folds == fold)
        summary.counts[fold] = _counts(chunk.weight[rows])
        if learned:
            for fraction in validation_fractions(analysis):
                summary.validation[fold, fraction] = _counts(chunk.weight[rows][is_validation(chunk.keys[rows], fraction)])
            for held_out, fraction in learned_fractions(analysis):
                chosen = is_learned(chunk.keys[rows], held_out, fraction)
                summary.learned[fold, held_out, fraction] = _counts(chunk.weight[rows][chosen])
            summary.inputs.update({(fold, *key): value for key, value in _input_moments(analysis, chunk, rows).items()})
            summary.targets.update({(fold, name): value for name, value in _target_moments(analysis, chunk, rows).items()})
    is_compared = part.dataset in compared(analysis) and histogrammed(selected)
    return RangeSummary(summary, chunk.keys, content_keys(selected, chunk.keys) if is_compared else None)


def _spectra(maker: ChunkMaker, part: Range, selected: Selected, chunk: Chunk) -> dict[SpectrumKey, ExactSpectrum]:
    analysis = maker.analysis
    finer = {name: bins.index(selected, place=str(part)) for name, bins in finer_bins_of_models(analysis).items()}
    return chunk_spectra(analysis, chunk, fold_of(chunk.keys, analysis.folds), finer)


def validation_fractions(analysis: Analysis) -> list[float]:
    """What is held out of the training folds, of all models."""
    return sorted({analysis.training_of(model).validation_fraction for model in analysis.models})


def learned_fractions(analysis: Analysis) -> list[tuple[float, float]]:
    """What is held out, and what fraction of the rest is learned from, of all models for which that is not all of it."""
    trainings = (analysis.training_of(model) for model in analysis.models)
    return sorted({(one.validation_fraction, one.fraction) for one in trainings if one.fraction < 1})


def _input_moments(analysis: Analysis, chunk: Chunk, rows: Any) -> dict[tuple[str, str], Moments]:
    result = {}
    for name, collections in analysis.inputs.items():
        tensors = of_events(chunk.tensors[name], rows)
        for tensor, collection in collections.items():
            table, n_zeros = kind_for(collection).rows(tensor, collection, tensors)
            result[name, tensor] = moments(table) + zeros(n_zeros, table.shape[1]) if n_zeros else moments(table)
    return result


def _target_moments(analysis: Analysis, chunk: Chunk, rows: NDArray[np.int64]) -> dict[str, Moments]:
    """By object, of the events that have it; nothing where the task does not ask for momenta."""
    result = {}
    truth = analysis.task.truth
    for name in truth.objects:
        given = vectors(chunk.targets, name, len(chunk))[rows]
        known = given[np.isfinite(given).all(axis=1)]
        result[name] = moments(in_coordinates(known, truth.coordinates).astype(np.float32))
    return result


def _counts(weight: Any) -> ExactCounts:
    parts = (weight, np.abs(weight), np.maximum(weight, 0.0), weight**2)
    return ExactCounts(len(weight), tuple(exact_sum(part) for part in parts))


def _joined(left: dict[Any, Any], right: dict[Any, Any]) -> dict[Any, Any]:
    return {key: left[key] + right[key] if key in left and key in right else (left | right)[key] for key in left | right}
