"""Can matplotlib set the labels of an analysis? Asked before a run, because figures come last."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.config import Analysis

# Of pyparsing's reasons some list all that mathtext knows.
LONGEST_REASON = 120


def check_labels(analysis: Analysis) -> None:
    """See that what is between dollar signs in labels and units is mathtext.

    Raises:
        InputError: some is not; says what stops the first one.
    """
    # Here, because it takes longer than the rest of a check.
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for place, text in _labels(analysis):
        dollars = len(re.findall(r"(?<!\\)\$", text))
        if dollars % 2:
            raise _wrong(analysis, place, text, "a dollar sign has no partner")
        if dollars:
            try:
                parser.parse(text)
            except ValueError as error:
                raise _wrong(analysis, place, text, _reason(error)) from error


def _labels(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """What figures show, by its place in the configuration."""
    for key, process in analysis.processes.items():
        yield f"processes.{key}.label", process.label
    for key, axis in analysis.histograms.items():
        yield f"histograms.{key}.label", axis.label
        yield f"histograms.{key}.unit", axis.unit or ""
    for key, model in analysis.models.items():
        yield f"models.{key}.label", model.label or ""


def _reason(error: ValueError) -> str:
    """The last line of matplotlib's message, without the name of the exception and the line number."""
    reason = str(error).splitlines()[-1].partition(": ")[2].partition("  (at char")[0]
    return reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}…"


def _wrong(analysis: Analysis, place: str, text: str, reason: str) -> InputError:
    return InputError(
        f"{place} of config/{analysis.name}.yaml, {text!r}, cannot be set: {reason}."
        " Expected mathtext of matplotlib between dollar signs, with each backslash doubled in double quotes."
        " Correct it there."
    )
