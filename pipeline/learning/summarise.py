"""The stage `summarise`: one pass over all ranges for the cutflow, class sums and the scales of the inputs.

It is the first to read every event, and so the one that finds events that are there twice, and that may leave out a file.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from functools import partial, reduce
from itertools import groupby
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from pipeline.errors import InputError
from pipeline.events.copies import CopyFinder, compared, warn_of_copies
from pipeline.events.duplicates import DuplicateFinder
from pipeline.events.ledger import Ledger
from pipeline.events.planning import empty_datasets
from pipeline.events.reading import UnreadableError
from pipeline.files import write_json
from pipeline.physics.selected import Cutflow
from pipeline.scale.ordered import ordered_map
from pipeline.statistics.hashing import fold_of
from pipeline.statistics.moments import Moments, moments, zeros
from pipeline.statistics.sums import ExactSum, exact_sum
from pipeline.stream.cache import usual_cache
from pipeline.stream.contents import content_keys
from pipeline.stream.flattening import finer_bins_of_models
from pipeline.stream.kinds.kind import features_of, kind_for
from pipeline.stream.observables import check_histograms, histogrammed
from pipeline.stream.read_ahead import ChunkMaker
from pipeline.stream.select import select
from pipeline.stream.spectra import ExactSpectrum, SpectrumKey, chunk_spectra, spectra_to_json
from pipeline.stream.summary import Counts, Summary, counts_to_json, made_for
from pipeline.stream.training_check import check_trainings
from pipeline.stream.truth import TruthSpec, in_coordinates, of_events, vectors
from pipeline.stream.validation import Part, is_learned, is_validation, split_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Collection
    from pipeline.events.plan import Plan, Range
    from pipeline.physics.selected import EventIds, Selected
    from pipeline.scale.workers import Workers
    from pipeline.stream.cache import ChunkCache
    from pipeline.stream.chunk import Chunk

logger = logging.getLogger(__name__)

QUANTILES = (0.01, 0.16, 0.5, 0.84, 0.99)


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


@dataclass(slots=True)
class FileSummary:
    """What one file adds; counted when all of its ranges were read, because its sum of weights is known as a whole only."""

    summary: DatasetSummary = field(default_factory=DatasetSummary)
    keys: dict[Range, NDArray[np.uint64]] = field(default_factory=dict)
    contents: dict[Range, NDArray[np.uint64]] = field(default_factory=dict)

    def add(self, part: Range, found: RangeSummary) -> None:
        """Add its next range."""
        self.summary += found.summary
        self.keys[part] = found.keys
        if found.contents is not None:
            self.contents[part] = found.contents


def summarise(
    analysis: Analysis,
    plan: Plan,
    out: str | Path,
    *,
    workers: int | Workers = 1,
    scratch: ChunkCache | None = None,
    progress: Callable[[Range], None] = lambda _: None,
) -> None:
    """Walk all ranges of *plan* and write `summary.json`.

    Args:
        workers: processes that read: 1 is this one, more are started; or workers that are there.
        scratch: where the chunks are kept for training, which then begins with a filled cache; None for the usual place.

    Raises:
        InputError: an input is not finite, a class has no events or no weight in some fold, an event is there twice, or more
            files cannot be read than may be skipped; names what and where.
    """
    ledger = Ledger(plan)
    found: dict[str, DatasetSummary] = {name: DatasetSummary() for name in analysis.datasets}
    keep = [name for name, dataset in analysis.datasets.items() if dataset.repeated_events == "keep"]
    with (
        DuplicateFinder(plan, partial(_ids_of, analysis), keep=keep) as finder,
        CopyFinder(plan, compared(analysis)) as copies,
        ledger.kept(Path(out).parent, "summarise"),
    ):
        for dataset, file in _files(ChunkMaker.of(analysis, scratch or usual_cache()), plan, ledger, workers, progress):
            found[dataset] += file.summary
            for part, keys in file.keys.items():
                finder.add(part, keys)
            for part, contents in file.contents.items():
                copies.add(part, contents)
        ledger.close()
        _check_left(plan.without(ledger.unreadable))
        _check_selected(analysis, found)
        repeated, identical = finder.check(), copies.found()
    warn_of_copies(analysis, identical)
    content = _to_json(analysis, found) | {
        "plan": plan.digest,
        "made_for": made_for(analysis),
        "repeated_events": repeated,
        "identical_events": [asdict(one) for one in identical],
        "ledger": ledger.to_json(),
    }
    check_trainings(analysis, plan.without(ledger.unreadable), Summary(content))
    write_json(out, content)


def _files(
    maker: ChunkMaker, plan: Plan, ledger: Ledger, workers: int | Workers, progress: Callable[[Range], None]
) -> Iterator[tuple[str, FileSummary]]:
    """Dataset and summary of each file that could be read whole, in the plan's order; each range is entered in *ledger*."""
    ranges = plan.ranges()
    read = ledger.each(ranges, ordered_map(partial(read_range, maker), ranges, workers=workers))
    for (dataset, _), results in groupby(read, key=lambda pair: (pair[0].dataset, pair[0].path)):
        file = _whole_file(results, ledger, progress)
        if file is not None:
            yield dataset, file


def _whole_file(
    results: Iterable[tuple[Range, RangeSummary | UnreadableError]], ledger: Ledger, progress: Callable[[Range], None]
) -> FileSummary | None:
    """The sum over the ranges of one file; None if one of them could not be read and the file may be skipped."""
    file: FileSummary | None = FileSummary()
    n_events = {}
    for part, found in results:
        progress(part)
        if file is None:
            continue
        if isinstance(found, UnreadableError):
            ledger.skip_file(part, found)
            logger.warning("%s: %s Its file is skipped, as allowed.", part.dataset, found)
            file = None
        else:
            file.add(part, found)
            n_events[part] = found.summary.cutflow.cuts[0].n_events
    for part, keys in file.keys.items() if file is not None else ():
        ledger.done(part, n_selected=len(keys), n_events=n_events[part])
    return file


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
            for fraction in _validation_fractions(analysis):
                summary.validation[fold, fraction] = _counts(chunk.weight[rows][is_validation(chunk.keys[rows], fraction)])
            for held_out, fraction in _fractions(analysis):
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


def _ids_of(analysis: Analysis, part: Range) -> EventIds:
    return select(analysis, part).ids


def _validation_fractions(analysis: Analysis) -> list[float]:
    return sorted({analysis.training_of(model).validation_fraction for model in analysis.models})


def _fractions(analysis: Analysis) -> list[tuple[float, float]]:
    """What is held out, and what fraction of the rest is learned from, where that is not all of it."""
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


def _check_left(plan: Plan) -> None:
    """See that each dataset can still be normalised without the files that were skipped."""
    wrong = list(empty_datasets(plan))
    if wrong:
        raise InputError(
            f"Without the files that cannot be read, {'; '.join(wrong)} Expected events and a sum of weights above 0."
            " Restore the files, or remove the dataset."
        )


def _check_selected(analysis: Analysis, found: dict[str, DatasetSummary]) -> None:
    for name, summary in found.items():
        n_selected = sum(counts.n_events for counts in summary.counts.values())
        if n_selected == 0:
            rows = ", ".join(f"{cut.name}: {cut.n_events}" for cut in summary.cutflow.cuts)
            raise InputError(
                f"Dataset {name!r} has no selected events (cutflow {rows}). Expected at least one."
                f" Loosen `selection` in config/{analysis.name}.yaml, or remove the dataset."
            )
    for fold in range(analysis.folds) if analysis.models else ():
        for key in {analysis.class_of(dataset) for dataset in analysis.trained_datasets()}:
            if not sum(found[d].counts[fold].n_events for d in analysis.trained_datasets() if analysis.class_of(d) == key):
                raise InputError(
                    f"Class {key!r} has no selected events in fold {fold} of {analysis.folds}. Expected some in every fold."
                    " Add files, loosen `selection`, or use fewer folds."
                )


def _to_json(analysis: Analysis, found: dict[str, DatasetSummary]) -> dict[str, Any]:
    return {
        "analysis": analysis.name,
        "cutflow": {name: _cutflow_to_json(summary.cutflow) for name, summary in found.items()},
        "selected": {name: _total(summary, range(analysis.folds)) for name, summary in found.items()},
        "folds": {str(fold): _fold_to_json(analysis, found, fold) for fold in range(analysis.folds)},
    }


def _cutflow_to_json(cutflow: Cutflow) -> list[dict[str, Any]]:
    return [
        {"cut": cut.name, "n_events": cut.n_events, "sumw": float(cut.sumw), "sumw2": float(cut.sumw2)}
        for cut in cutflow.cuts
    ]


def _fold_to_json(analysis: Analysis, found: dict[str, DatasetSummary], fold: int) -> dict[str, Any]:
    others = [other for other in range(analysis.folds) if other != fold]
    learned, fractions = analysis.trained_datasets(), _validation_fractions(analysis)
    spectra = spectra_to_json(analysis, {name: found[name].spectra for name in learned}, others)
    targets = _target_scales(analysis, [found[name] for name in learned], others)
    parts = {(name, fraction): _parts(found[name], others, fraction) for name in learned for fraction in fractions}
    kept: dict[str, Any] = {
        part: {str(fraction): {name: parts[name, fraction][part] for name in learned} for fraction in fractions}
        for part in get_args(Part)
    }
    for held_out, fraction in _fractions(analysis):
        counts = {name: [found[name].learned[other, held_out, fraction] for other in others] for name in learned}
        kept["training"][split_name(held_out, fraction)] = {
            name: counts_to_json(reduce(add, of_dataset).rounded) for name, of_dataset in counts.items()
        }
    return {
        **kept,
        "test": {name: _total(found[name], [fold]) for name in learned},
        "inputs": {
            name: {
                tensor: _scales([found[d] for d in learned], others, name, tensor, of) for tensor, of in collections.items()
            }
            for name, collections in analysis.inputs.items()
            if learned
        },
        **({"targets": targets} if targets else {}),
        **({"spectra": spectra} if spectra else {}),
    }


def _parts(summary: DatasetSummary, folds: list[int], fraction: float) -> dict[Part, dict[str, Any]]:
    """The events of *folds* that are learned from, and those that are held out."""
    total, held_out = ExactCounts(), ExactCounts()
    for fold in folds:
        total += summary.counts[fold]
        held_out += summary.validation[fold, fraction]
    return {"training": counts_to_json((total - held_out).rounded), "validation": counts_to_json(held_out.rounded)}


def _total(summary: DatasetSummary, folds: Any) -> dict[str, Any]:
    return counts_to_json(reduce(add, (summary.counts[fold] for fold in folds), ExactCounts()).rounded)


def _scales(
    summaries: list[DatasetSummary], folds: list[int], inputs: str, tensor: str, collection: Collection
) -> dict[str, Any]:
    """Mean, spread and quantiles, by feature."""
    total = reduce(add, (summary.inputs[fold, inputs, tensor] for summary in summaries for fold in folds))
    features = features_of(collection)
    quantiles = total.quantiles(QUANTILES) if total.n_rows else []
    return {
        "n_rows": total.n_rows,
        "mean": dict(zip(features, total.mean, strict=True)),
        "spread": dict(zip(features, total.spread, strict=True)),
        "quantiles": {
            str(fraction): dict(zip(features, values, strict=True))
            for fraction, values in zip(QUANTILES, quantiles, strict=False)
        },
    }


def _target_scales(analysis: Analysis, summaries: list[DatasetSummary], folds: list[int]) -> dict[str, Any]:
    """By object, mean and spread of what a network answers of it, over those events of *folds* that have it.

    Raises:
        InputError: no event of them has it.
    """
    truth = analysis.task.truth if analysis.task is not None else TruthSpec()
    scales = {}
    for name in truth.objects:
        total = reduce(add, (summary.targets[fold, name] for summary in summaries for fold in folds))
        if not total.n_rows:
            raise InputError(
                f"Target {name!r} is missing in every event of folds {folds}. Expected it in some. Look at the processor, or"
                " take it out of task.objects."
            )
        scales[name] = {
            "n_rows": total.n_rows,
            "mean": dict(zip(truth.coordinates, total.mean, strict=True)),
            "spread": dict(zip(truth.coordinates, total.spread, strict=True)),
        }
    return scales
