"""The tables of the report: from the contents of products to rows of text."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from pipeline.results.report_labels import html_label
from pipeline.results.rounding import lumi_text, p_text, with_error
from pipeline.statistics.uncertainty import efficiency_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.config import Analysis
    from pipeline.events.plan import DatasetPlan, Plan

SIGNIFICANT = 2.0
COSTS = (
    "Parameters: of networks; of trees, nodes and leaves. Training: wall time of one fold on the threads that are pinned. Speed:"
    " of one thread, without reading and building inputs. Errors of the last two come from the folds."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table.

    Args:
        head: its first cell; HTML when it is `Markup`.
        cells: the others.
        marked: shown with a light background.
    """

    head: str
    cells: tuple[str, ...]
    marked: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; the first of *columns* stands over the heads of the rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    caption: str = ""


def metrics_table(analysis: Analysis, metrics: Mapping[str, Any]) -> Table:
    """One row for each model; the best AUC is marked, and all that are not significantly below it."""
    points = sorted({point for entry in metrics.values() for point in entry["rejection"]}, key=float)
    costs = cost_columns(metrics)
    columns = ("Model", "AUC", "Accuracy", *(f"Rejection at {float(point):.0%}" for point in points), "Test events", *costs)
    leading = leaders(metrics)
    rows = [
        Row(
            label_of(analysis, model),
            (
                measured(entry["auc"]),
                measured(entry["accuracy"]),
                *(measured(entry["rejection"].get(point)) for point in points),
                f"{entry['n_test']:,}",
                *(cells[model] for cells in costs.values()),
            ),
            marked=model in leading,
        )
        for model, entry in metrics.items()
    ]
    caption = (
        "Rejection: one over the background efficiency, at that signal efficiency. Errors are statistical, one standard"
        " deviation, of the test events. Marked: the best AUC, and every model less than two standard errors of the paired"
        " difference below it."
    ) + (f" {COSTS}" if costs else "")
    return Table(columns, tuple(rows), caption)


def cost_columns(metrics: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """By title, the cell of each model: what it learned from, its size, the time of its training, its speed; as far as known."""
    found = {}
    if all("n_train" in entry for entry in metrics.values()):
        found["Training events"] = {model: f"{round(mean(entry['n_train'])):,}" for model, entry in metrics.items()}
    if all("parameters" in entry for entry in metrics.values()):
        found["Parameters"] = {model: f"{entry['parameters']:,}" for model, entry in metrics.items()}
        found["Training [s]"] = {model: measured(entry["train_seconds"]) for model, entry in metrics.items()}
        for rows in ("events", "jets"):
            key = f"{rows}_per_second"
            if all(key in entry for entry in metrics.values()):
                found[f"{rows.capitalize()} / s"] = {model: measured(entry[key]) for model, entry in metrics.items()}
    return found


def costs_table(analysis: Analysis, metrics: Mapping[str, Any]) -> Table:
    """What each model costs, where that is not part of another table; without rows where it is not known."""
    costs = cost_columns(metrics)
    rows = [Row(label_of(analysis, model), tuple(cells[model] for cells in costs.values())) for model in metrics]
    return Table(("Model", *costs), tuple(rows) if "Parameters" in costs else (), COSTS)


def flattening_table(analysis: Analysis, metrics: Mapping[str, Any]) -> Table:
    """What flattened variables tell of the class by themselves; models that say the same share a row."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for model, entry in metrics.items():
        for variable, aucs in entry.get("flattening", {}).items():
            key = (variable, *(_between(aucs[when]) for when in ("before", "after")))
            found.setdefault(key, []).append(label_of(analysis, model))
    rows = [Row(variable, (before, after, Markup(", ").join(models))) for (variable, before, after), models in found.items()]
    caption = (
        "AUC of the variable itself, signal against all others, over the training events with their weights before and after"
        " flattening; over the folds, from the lowest to the highest. 0.5: it tells nothing."
    )
    return Table(("Variable", "AUC before", "AUC after", "Models"), tuple(rows), caption)


def _between(values: Sequence[float]) -> str:
    """The lowest and the highest of *values*, or one where they agree.

    >>> _between([0.66412, 0.6649]), _between([0.50002, 0.49998])
    ('0.664 – 0.665', '0.500')
    """
    ends = [f"{end:.3f}" for end in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " – ".join(ends)


def leaders(metrics: Mapping[str, Any]) -> set[str]:
    """The model with the best AUC, and those that are not significantly below it; empty without models."""
    known = {model: entry["auc"]["value"] for model, entry in metrics.items() if entry["auc"]["value"] is not None}
    if not known:
        return set()
    best = max(known, key=lambda model: known[model])
    return {model for model in known if model == best or not _is_above(metrics[best]["paired"].get(model))}


def paired_table(analysis: Analysis, metrics: Mapping[str, Any]) -> Table:
    """Differences of AUC, row minus column, on the same events."""
    labels = [label_of(analysis, model) for model in metrics]
    rows = [
        Row(
            label_of(analysis, model),
            tuple("" if other == model else _difference(entry["paired"].get(other)) for other in metrics),
        )
        for model, entry in metrics.items()
    ]
    caption = "AUC of the row minus AUC of the column, from the same bootstrap replicas of the same events."
    return Table(("Row − column", *labels), tuple(rows), caption)


def overtraining_table(analysis: Analysis, metrics: Mapping[str, Any]) -> Table:
    """AUC of the same events as training and as test events, and the Kolmogorov-Smirnov probability of every class."""
    classes = list(analysis.task.classes) if metrics else []
    rows = [
        Row(label_of(analysis, model), _overtraining_cells(entry.get("overtraining") or {}, classes))
        for model, entry in metrics.items()
    ]
    columns = ("Model", "AUC (train)", "AUC (test)", "Train − test", *(f"p ({key})" for key in classes))
    caption = (
        "A part of the training events is scored twice: by a model that was trained on them (train), and by the one of their"
        " own fold that was not (test). p: how often the largest distance of the two cumulative distributions"
        " (Kolmogorov-Smirnov) fluctuates by more than it is, in bootstrap replicas that draw each event for both; it is not"
        " below 1 / (1 + number of replicas). metrics.json has the p-value for independent samples as well: for samples that"
        " share events it is too large."
    )
    return Table(columns, tuple(rows), caption)


def _overtraining_cells(found: Mapping[str, Any], classes: Sequence[str]) -> tuple[str, ...]:
    tests = found.get("ks", {})
    return (
        measured(found.get("auc_train")),
        measured(found.get("auc_test")),
        _difference(found.get("auc_difference")),
        *(p_text(tests.get(key, {}).get("p_value_replicas")) for key in classes),
    )


def cutflow_table(cuts: Sequence[Mapping[str, Any]]) -> Table:
    """The counts after each cut, with the weighted efficiency of the cut and of all so far."""
    columns = ("Cut", "Events", "Σ weights", "Efficiency", "Cumulative")
    first = cuts[0]
    rows = [
        Row(cut["cut"], (f"{cut['n_events']:,}", f"{cut['sumw']:.6g}", efficiency(cut, before), efficiency(cut, first)))
        for before, cut in zip([first, *cuts], cuts, strict=False)
    ]
    return Table(columns, tuple(rows))


def efficiency(passed: Mapping[str, Any], total: Mapping[str, Any]) -> str:
    """The weighted efficiency of a line of a cutflow with respect to an earlier one, in per cent."""
    if passed is total:
        return ""
    if not total["sumw"]:
        return "–"
    error = float(efficiency_error(passed["sumw"], passed["sumw2"], total["sumw"], total["sumw2"]))
    return f"{with_error(100 * passed['sumw'] / total['sumw'], 100 * error)} %"


def yields_table(analysis: Analysis, yields: Mapping[str, Any]) -> Table:
    """What is expected, or was counted, of every dataset and process."""
    columns = ("Dataset", "Process", "σ [pb]", "Selected", "Efficiency [%]", "Yield")
    rows = [_dataset_row(analysis, name, row) for name, row in yields["datasets"].items()]
    rows += [
        Row(
            html_label(analysis.processes[name].label),
            ("", "", "", "", with_error(row["yield"], row["yield_stat"])),
            marked=True,
        )
        for name, row in yields["processes"].items()
    ]
    lumi = html_label(lumi_text(analysis.lumi_inv_fb))
    caption = Markup("Simulation is scaled to {}; errors are statistical. Marked: sums by process.").format(lumi)
    return Table(columns, tuple(rows), caption)


def ledger_table(ledger: Mapping[str, Any]) -> Table:
    """How many ranges were planned, and how each of them ended."""
    keys = ("planned", "done", "skipped", "entries_done", "selected")
    rows = [Row(name, tuple(f"{part[key]:,}" for key in keys)) for name, part in ledger["datasets"].items()]
    rows.append(Row("all", tuple(f"{ledger[key]:,}" for key in keys), marked=True))
    columns = ("Dataset", "Ranges planned", "Done", "Skipped", "Events read", "Selected")
    return Table(columns, tuple(rows), "Planned = done + skipped; a stage with a range that failed makes no report.")


def files_table(plan: Plan) -> Table:
    """The files of every dataset, and where their sums of weights come from."""
    columns = ("Dataset", "Files", "Skipped", "Events", "Generated", "Σ weights", "Weights from")
    return Table(columns, tuple(_files_row(dataset) for dataset in plan.datasets))


def remarks(plan: Plan, ledger: Mapping[str, Any]) -> list[str]:
    """Which file was skipped and why, and what is unusual in which file."""
    files = [file for dataset in plan.datasets for file in dataset.files]
    return [
        *(f"{file['path']}: {file['reason']}" for file in ledger["skipped_files"]),
        *(f"{file.path}: {text}" for file in files for text in file.notes),
    ]


def trainings_table(analysis: Analysis, records: Mapping[tuple[str, int], Mapping[str, Any]]) -> Table:
    """Every training: its size and how long it went on."""
    keys = ("n_parameters", "epochs", "best_epoch")
    rows = [
        Row(label_of(analysis, model), (str(fold), *(_count(record.get(key)) for key in keys)))
        for (model, fold), record in records.items()
    ]
    return Table(("Model", "Fold", "Parameters", "Epochs", "Best epoch"), tuple(rows))


def label_of(analysis: Analysis, model: str) -> str:
    """The label of *model*, or its name, as HTML."""
    return html_label(analysis.models[model].label or model)


def measured(entry: Mapping[str, Any] | None) -> str:
    """A value with its error, or the limit that it exceeds."""
    if entry is None:
        return "–"
    if entry["value"] is None and entry.get("lower_limit") is not None:
        return f"> {entry['lower_limit']:.3g}"
    return with_error(entry["value"], entry["stat"])


def _difference(entry: Mapping[str, Any] | None) -> str:
    text = "–" if entry is None else measured(entry.get("auc", entry))
    return f"−{text[1:]}" if text.startswith("-") else text


def _is_above(paired: Mapping[str, Any] | None) -> bool:
    if paired is None or paired["auc"]["value"] is None or paired["auc"]["stat"] is None:
        return True
    return bool(paired["auc"]["value"] > SIGNIFICANT * paired["auc"]["stat"])


def _dataset_row(analysis: Analysis, name: str, row: Mapping[str, Any]) -> Row:
    process = html_label(analysis.processes[analysis.datasets[name].process].label)
    xsec = "data" if row["xsec_pb"] is None else f"{row['xsec_pb']:g}"
    percent = "–" if row["efficiency"] is None else with_error(100 * row["efficiency"], 100 * row["efficiency_stat"])
    return Row(name, (process, xsec, f"{row['n_selected']:,}", percent, with_error(row["yield"], row["yield_stat"])))


def _files_row(dataset: DatasetPlan) -> Row:
    sources = sorted({file.weights_from for file in dataset.used})
    counts = tuple(
        f"{count:,}" for count in (len(dataset.files), len(dataset.skipped), dataset.entries, dataset.n_generated)
    )
    return Row(dataset.name, (*counts, f"{dataset.sumw:.6g}", ", ".join(sources)))


def _count(value: Any) -> str:
    return "–" if value is None else f"{value:,}"
