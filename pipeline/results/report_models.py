"""What the report says of the models: other tables for each kind of task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pipeline.results import report_tables as tables
from pipeline.results.report_labels import html_label
from pipeline.results.report_spread import spread_tables
from pipeline.results.report_tables import Row, Table, measured
from pipeline.results.rounding import with_error
from pipeline.sizes import smaller_models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.config import Analysis

# Of a regression, in the order of the columns.
PARTS = {"efficiency": "Efficiency", "assignment": "Jet of", "bias": "Median residual", "sigma68": "σ68"}
# Differences of more than so many standard errors are marked.
SIGNIFICANT = 3.0


def model_tables(analysis: Analysis, metrics: Mapping[str, Any]) -> list[tuple[str, Table]]:
    """The tables with their titles; the first has none. Nothing without models."""
    shown = _shown(analysis, metrics)
    if not shown:
        return []
    of_kind = _regression if analysis.task.kind == "regression" else _classification
    return [*of_kind(analysis, shown), *spread_tables(analysis, shown)]


def best_of(analysis: Analysis, metrics: Mapping[str, Any]) -> Markup:
    """The sentence on what the models reached; nothing without models."""
    metrics = _shown(analysis, metrics)
    if not metrics:
        return Markup()
    text = Markup(" {} models, each trained {} times.").format(len(metrics), analysis.folds)
    known = {model: entry["auc"] for model, entry in metrics.items() if entry.get("auc", {}).get("value") is not None}
    if known:
        best = max(known, key=lambda model: known[model]["value"])
        auc = with_error(known[best]["value"], known[best]["stat"])
        return text + Markup(" The best AUC is {}, of {}.").format(auc, tables.label_of(analysis, best))
    return text


def _shown(analysis: Analysis, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """Without those that are other trainings of a model."""
    return {model: metrics[model] for model in analysis.shown().models if model in metrics}


def _classification(analysis: Analysis, metrics: Mapping[str, Any]) -> list[tuple[str, Table]]:
    found = [("", tables.metrics_table(analysis, metrics))]
    smaller = smaller_models(analysis)
    whole = {model: entry for model, entry in metrics.items() if model not in smaller}
    if len(whole) > 1:
        found.append(("Paired differences of AUC", tables.paired_table(analysis, whole)))
    flattening = tables.flattening_table(analysis, metrics)
    if flattening.rows:
        found.append(("Flattened variables alone", flattening))
    return [*found, ("Overtraining", tables.overtraining_table(analysis, metrics))]


def _regression(analysis: Analysis, metrics: Mapping[str, Any]) -> list[tuple[str, Table]]:
    classes = next(iter(metrics.values()))["classes"]
    groups = {"all selected events": metrics}
    for name in classes:
        groups[f"events of class {name}"] = {model: entry["classes"][name] for model, entry in metrics.items()}
    found = []
    for group, entries in groups.items():
        for part, title in PARTS.items():
            table = _part_table(analysis, entries, part)
            if table.rows:
                found.append((f"{title}, {group}", table))
    costs = tables.costs_table(analysis, metrics)
    if costs.rows:
        found.append(("Costs", costs))
    reference = analysis.task.reference
    return found if reference is None else [*found, *_paired(analysis, groups, reference)]


def _part_table(analysis: Analysis, entries: Mapping[str, Any], part: str) -> Table:
    """One row for each model, one column for each number of one *part* of the metrics."""
    names = list(dict.fromkeys(name for entry in entries.values() for name in entry.get(part, {})))
    rows = [
        Row(tables.label_of(analysis, model), tuple(measured(entry.get(part, {}).get(name)) for name in names))
        for model, entry in entries.items()
        if entry.get(part)
    ]
    caption = "Errors are statistical, one standard deviation, from bootstrap replicas. –: not answered, or no events."
    return Table(("Model", *(_title(analysis, name) for name in names)), tuple(rows), caption)


def _paired(analysis: Analysis, groups: Mapping[str, Mapping[str, Any]], reference: str) -> list[tuple[str, Table]]:
    found = []
    for group, entries in groups.items():
        others = {
            model: entry["paired"][reference] for model, entry in entries.items() if reference in entry.get("paired", {})
        }
        names = [
            (part, name)
            for part in ("efficiency", "assignment", "sigma68")
            for name in dict.fromkeys(name for other in others.values() for name in other.get(part, {}))
        ]
        rows = [
            Row(
                tables.label_of(analysis, model),
                tuple(measured(other.get(part, {}).get(name)).replace("-", "−", 1) for part, name in names),
                marked=_is_better(other.get("efficiency", {}).get("event") or other.get("assignment", {}).get("event")),
            )
            for model, other in others.items()
        ]
        if rows and names:
            columns = ("Model − reference", *(f"{PARTS[part]}: {_title(analysis, name)}" for part, name in names))
            caption = (
                f"Differences to {analysis.models[reference].label or reference} on the same events, from the same bootstrap"
                f" replicas. Marked: the event efficiency is better by more than {SIGNIFICANT:g} standard errors."
            )
            found.append((f"Paired differences, {group}", Table(columns, tuple(rows), caption)))
    return found


def _is_better(difference: Mapping[str, Any] | None) -> bool:
    if difference is None or difference["value"] is None or not difference["stat"]:
        return False
    return bool(difference["value"] > SIGNIFICANT * difference["stat"])


def _title(analysis: Analysis, name: str) -> str:
    """What a column is of: an object or `<object>_<variable>` by its label."""
    quantity = analysis.task.quantity(name)
    body, variable = quantity or (name, "")
    particle = analysis.task.objects.get(body)
    label = html_label((particle.label if particle is not None else None) or body)
    return Markup("{} {}").format(label, variable).strip() if variable else label
