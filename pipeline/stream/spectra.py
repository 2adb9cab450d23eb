"""How the events of a dataset spread over the bins of `training.flatten`: exact sums, kept in `summary.json`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from pipeline.errors import InputError
from pipeline.statistics.sums import HALF_BITS, MANTISSA_BITS, SMALLEST_EXPONENT, ExactSum
from pipeline.stream.flattening import FlatBins
from pipeline.stream.validation import Part, is_learned, is_validation, split_name
from pipeline.stream.weights import apply_policy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.config import Analysis, Training
    from pipeline.stream.chunk import Chunk
    from pipeline.stream.summary import Summary

Policy = Literal["keep", "absolute", "zero"]
# Name of the bins, policy for negative weights, fraction of the events that is held out, and of the rest that is learned.
Wanted = tuple[str, Policy, float, float]
SpectrumKey = tuple[int, Part, Wanted]


@dataclass(frozen=True, slots=True)
class ExactSpectrum:
    """Events in bins, and the sums of their weights without rounding; add two of the same bins with `+`.

    Args:
        n_events: with a weight other than 0, by bin, shape (n_bins,).
        sumw: one a bin.
    """

    n_events: NDArray[np.int64]
    sumw: tuple[ExactSum, ...]

    def __add__(self, other: ExactSpectrum) -> ExactSpectrum:
        sums = tuple(a + b for a, b in zip(self.sumw, other.sumw, strict=True))
        return ExactSpectrum(self.n_events + other.n_events, sums)

    @property
    def rounded(self) -> Spectrum:
        """As float64."""
        return Spectrum(self.n_events, np.array([float(total) for total in self.sumw]))


@dataclass(frozen=True, slots=True)
class Spectrum:
    """Events with a weight other than 0, and the sums of their weights, by bin; both of shape (n_bins,)."""

    n_events: NDArray[np.int64]
    sumw: NDArray[np.float64]


def wanted_spectra(analysis: Analysis) -> dict[Wanted, FlatBins]:
    """What the models of *analysis* need to be flat, and then what shows how flat they are."""
    trainings = [analysis.training_of(model) for model in analysis.models]
    flat = [(FlatBins.of(one.flatten), one) for one in trainings if one.flatten is not None]
    finer = [(bins.finer(variable), one) for bins, one in flat for variable in bins.variables]
    return {(bins.name, one.negative_weights, one.validation_fraction, one.fraction): bins for bins, one in (*flat, *finer)}


def chunk_spectra(
    analysis: Analysis, chunk: Chunk, folds: NDArray[np.int64], finer: Mapping[str, NDArray[np.int32]] | None = None
) -> dict[SpectrumKey, ExactSpectrum]:
    """The spectra of one range, for every fold and part and whatever a model of *analysis* wants; empty if none flattens.

    Args:
        folds: of each event, shape (n_events,).
        finer: by name of the finer bins, that of each event, shape (n_events,), where the chunk has it not.
    """
    indices = {**chunk.bins, **(finer or {})}
    found: dict[SpectrumKey, ExactSpectrum] = {}
    for wanted, bins in wanted_spectra(analysis).items():
        name, policy, held_out, fraction = wanted
        validation = is_validation(chunk.keys, held_out)
        used = validation | is_learned(chunk.keys, held_out, fraction)
        weight = np.where(used, apply_policy(chunk.weight, policy), 0.0)
        # Fold after fold, in each the training part before the validation part.
        place = (2 * folds + validation) * bins.n_bins + indices[name]
        size = 2 * analysis.folds * bins.n_bins
        n_events = np.bincount(place[weight != 0], minlength=size)
        sumw = exact_sums(place, weight, size)
        parts: list[tuple[int, Part]] = [(fold, part) for fold in range(analysis.folds) for part in get_args(Part)]
        for number, (fold, part) in enumerate(parts):
            rows = slice(number * bins.n_bins, (number + 1) * bins.n_bins)
            found[fold, part, wanted] = ExactSpectrum(n_events[rows], sumw[rows])
    return found


def exact_sums(bins: NDArray[np.int64], values: NDArray[np.float64], n_bins: int) -> tuple[ExactSum, ...]:
    """The sum of *values* by bin, without rounding: `exact_sum` of each bin, in one go.

    Args:
        bins: of each value, shape (n,), each in [0, n_bins).
        values: finite, shape (n,); n up to 2**26.
    """
    mantissa, exponent = np.frexp(values)
    integers = (mantissa * 2.0**MANTISSA_BITS).astype(np.int64)
    lowest = int(exponent.min(initial=0))
    n_exponents = int(exponent.max(initial=0)) - lowest + 1
    # Values of one bin and one exponent are integers in one unit; few such pairs occur.
    pairs, place = np.unique(bins * n_exponents + (exponent - lowest), return_inverse=True)
    totals = [0] * n_bins
    # Halves of the mantissa, so that a float64 adds up to 2**26 of them without rounding.
    for part, shift in ((integers >> HALF_BITS, HALF_BITS), (integers & (2**HALF_BITS - 1), 0)):
        for pair, count in zip(pairs.tolist(), np.bincount(place, weights=part).tolist(), strict=True):
            where, step = divmod(pair, n_exponents)
            totals[where] += int(count) << (step + lowest - MANTISSA_BITS + shift - SMALLEST_EXPONENT)
    return tuple(ExactSum(total) for total in totals)


def spectra_to_json(
    analysis: Analysis, spectra: Mapping[str, Mapping[SpectrumKey, ExactSpectrum]], folds: list[int]
) -> dict[str, Any]:
    """The spectra of the events of *folds*, as `summary.json` keeps them: by name of the bins, then `sums` by policy,
    fraction held out, part and dataset.

    Args:
        spectra: by dataset.
    """
    kept: dict[str, Any] = {}
    for wanted, bins in wanted_spectra(analysis).items():
        name, policy, held_out, fraction = wanted
        section = kept.setdefault(name, {"variables": bins.variables, "edges": bins.edges, "sums": {}})
        section["sums"].setdefault(policy, {})[split_name(held_out, fraction)] = {
            part: {
                dataset: _to_json(reduce(add, (found[fold, part, wanted] for fold in folds)).rounded)
                for dataset, found in spectra.items()
            }
            for part in get_args(Part)
        }
    return kept


def spectra_of(summary: Summary, fold: int, part: Part, training: Training) -> dict[str, Spectrum]:
    """By dataset, the events of the training folds of *fold* that its model learns from, or those held out to stop it, in
    the bins of `training.flatten`; empty without it.

    Raises:
        InputError: `summary.json` was written before the configuration asked for these bins.
    """
    if training.flatten is None:
        return {}
    return spectra_in(FlatBins.of(training.flatten), summary, fold, part, training)


def spectra_in(bins: FlatBins, summary: Summary, fold: int, part: Part, training: Training) -> dict[str, Spectrum]:
    """The same in *bins*: those of `training.flatten`, or finer ones."""
    section = summary.content["folds"][str(fold)].get("spectra", {}).get(bins.name, {"sums": {}})
    sums = (
        section["sums"].get(training.negative_weights, {}).get(split_name(training.validation_fraction, training.fraction))
    )
    if sums is None:
        raise InputError(
            f"summary.json has no spectra of {' and '.join(bins.variables)} in the bins of training.flatten, with negative"
            f" weights under {training.negative_weights!r} and validation_fraction {training.validation_fraction:g}."
            " Expected those of the configuration. Run `summarise` again."
        )
    return {
        dataset: Spectrum(np.array(kept["n_events"], dtype=np.int64), np.array(kept["sumw"], dtype=np.float64))
        for dataset, kept in sums[part].items()
    }


def _to_json(spectrum: Spectrum) -> dict[str, Any]:
    return {"n_events": spectrum.n_events.tolist(), "sumw": spectrum.sumw.tolist()}
