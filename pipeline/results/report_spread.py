"""What the report says of models that were trained several times: mean and spread of each number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.results.report_tables import Row, Table, label_of
from pipeline.results.rounding import with_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.config import Analysis

CAPTION = (
    "Mean over the trainings ± spread of one training (standard deviation), with other random numbers on the same events. The"
    " statistical errors of the test events, which all trainings share, are not in it."
)
# Parts of a spread that have a place of their own, and are not numbers of all events.
CLASSES = "classes"


def spread_tables(analysis: Analysis, metrics: Mapping[str, Any]) -> list[tuple[str, Table]]:
    """One table for all events and one for each class of events, with their titles; nothing without repeated trainings."""
    spreads = {model: entry["spread"] for model, entry in metrics.items() if "spread" in entry}
    if not spreads:
        return []
    groups = {"": spreads}
    for name in next(iter(spreads.values())).get(CLASSES, {}):
        groups[f", events of class {name}"] = {model: spread[CLASSES].get(name, {}) for model, spread in spreads.items()}
    return [(f"Spread over trainings{group}", _table(analysis, entries)) for group, entries in groups.items()]


def _table(analysis: Analysis, spreads: Mapping[str, Any]) -> Table:
    numbers = {model: dict(_numbers(spread)) for model, spread in spreads.items()}
    names = list(dict.fromkeys(name for found in numbers.values() for name in found))
    rows = [
        Row(label_of(analysis, model), (_count(found), *(_text(found.get(name)) for name in names)))
        for model, found in numbers.items()
    ]
    return Table(("Model", "Trainings", *names), tuple(rows), CAPTION)


def _numbers(spread: Mapping[str, Any], *above: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each number with its name; those of classes of events are in other tables."""
    for key, entry in spread.items():
        if "std" in entry:
            yield " ".join((*above, key)).replace("_", " "), entry
        elif key != CLASSES:
            yield from _numbers(entry, *above, key)


def _count(found: Mapping[str, Any]) -> str:
    return str(max((entry["n"] for entry in found.values()), default=0))


def _text(entry: Mapping[str, Any] | None) -> str:
    return "–" if entry is None else with_error(entry["mean"], entry["std"])
