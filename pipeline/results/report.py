"""The stage `report`: one page with everything, in one file that needs nothing else."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from pipeline.events.plan import Plan
from pipeline.files import read_json, replacing
from pipeline.results import report_tables as tables
from pipeline.results.report_labels import html_label
from pipeline.results.report_models import best_of, model_tables
from pipeline.results.report_runs import package_versions, runs_table
from pipeline.results.rounding import lumi_text

if TYPE_CHECKING:
    from pipeline.config import Analysis

MADE_BY = {"summary": "summarise", "metrics": "evaluate", "yields": "evaluate", "figures/index": "plot"}


@dataclass(frozen=True, slots=True)
class Image:
    """A figure with its content in the page."""

    name: str
    source: str
    caption: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Figures of one kind; *caption* where all of them share it."""

    title: str
    images: tuple[Image, ...]
    caption: str

    @property
    def anchor(self) -> str:
        """Name of its place in the page."""
        return self.title.lower().replace(" ", "-")


def report(
    analysis: Analysis,
    results_dir: str | Path,
    *,
    config_path: str | Path,
    logs_dir: str | Path,
    out: str | Path,
    code_digest: str,
) -> None:
    """Write the report of *analysis* to *out*.

    Args:
        analysis: the analysis.
        results_dir: its folder, `results/<analysis>`, with the products of `plan`, `summarise`, `evaluate` and `plot`.
        config_path: its YAML, shown as it is.
        logs_dir: where Snakemake's benchmarks are, `<logs_dir>/<stage>/<analysis>/*.tsv`; they may be missing.
        out: the HTML file.
        code_digest: of the code as it is now.

    Raises:
        InputError: a product is missing; names the stage that makes it.
    """
    folder = Path(results_dir)
    products = {name: read_json(folder / f"{name}.json", made_by=stage) for name, stage in MADE_BY.items()}
    records = _records(analysis, folder)
    page = _template().render(
        analysis=analysis,
        title=html_label(analysis.title),
        lumi=html_label(lumi_text(analysis.lumi_inv_fb)),
        summary=summary(analysis, products),
        galleries=galleries(folder / "figures", products["figures/index"]),
        **_tables(analysis, products, Plan.load(folder / "plan.json")),
        trainings=tables.trainings_table(analysis, records),
        trained_with=sorted({record["processor_digest"] for record in records.values()}),
        runs=runs_table(Path(logs_dir), analysis.name),
        config_path=str(config_path),
        config=Path(config_path).read_text(encoding="utf-8"),
        code_digest=code_digest,
        versions=package_versions(),
    )
    with replacing(out) as temporary:
        temporary.write_text(page, encoding="utf-8")


def summary(analysis: Analysis, products: dict[str, Any]) -> Markup:
    """What came out, in a few sentences, as HTML."""
    datasets, metrics = products["yields"]["datasets"], products["metrics"]
    selected = sum(row["n_selected"] for row in datasets.values())
    text = Markup("{:,} events selected from {} datasets.").format(selected, len(datasets))
    return text + best_of(analysis, metrics)


def galleries(folder: Path, index: list[dict[str, str]]) -> list[Gallery]:
    """The figures by group, in the order of *index*, with the PNG files of *folder* inlined."""
    result = []
    for group in dict.fromkeys(row["group"] for row in index):
        rows = [row for row in index if row["group"] == group]
        captions = {row["caption"] for row in rows}
        shared = captions.pop() if len(captions) == 1 else ""
        images = [Image(r["name"], _inlined(folder / f"{r['name']}.png"), "" if shared else r["caption"]) for r in rows]
        result.append(Gallery(group, tuple(images), shared))
    return result


def _tables(analysis: Analysis, products: dict[str, Any], plan: Plan) -> dict[str, Any]:
    metrics, cutflows = products["metrics"], products["summary"]["cutflow"]
    return {
        "models": model_tables(analysis, metrics),
        "cutflows": {dataset: tables.cutflow_table(cuts) for dataset, cuts in cutflows.items() if cuts},
        "yields": tables.yields_table(analysis, products["yields"]),
        "files": tables.files_table(plan),
        "remarks": tables.remarks(plan, products["summary"]["ledger"]),
        "ledger": tables.ledger_table(products["summary"]["ledger"]),
    }


def _records(analysis: Analysis, folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    paths = {(model, fold): folder / "models" / model / f"fold{fold}" / "model.json" for model, fold in _trainings(analysis)}
    return {key: read_json(path, made_by="train") for key, path in paths.items()}


def _trainings(analysis: Analysis) -> list[tuple[str, int]]:
    return [(model, fold) for model in analysis.models for fold in range(analysis.folds)]


def _inlined(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _template() -> Any:
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2")
