"""The command line: one command a stage. Nothing heavy is imported before a command runs, so that --help answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pipeline.errors import PipelineError
from pipeline.files import refusal
from pipeline.parent import end_with_parent

EXISTING = click.Path(path_type=Path)
CONFIG = click.option("--config", "config", type=EXISTING, required=True, help="config/<analysis>.yaml")
RESULTS = click.option(
    "--results", type=EXISTING, default=Path("results"), show_default=True, help="where products are; one folder an analysis"
)
WORKERS = click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="processes that read ranges")
SIZE = click.option("--size", type=float, default=1.0, show_default=True, help="factor on the events of simulated datasets")


SCALE = click.option(
    "--scale",
    envvar="NANOLOOM_SCALE",
    help="where ranges are worked on: sync, local, htcondor, or a dask scheduler's address; without it, as the YAML says",
)
CHECKPOINT = click.option(
    "--checkpoint-seconds",
    type=float,
    default=30.0,
    show_default=True,
    help="how often a training that may be killed is kept",
)
JSON = click.option("--json", "as_json", is_flag=True, help="for machines")


class _Commands(click.Group):
    """Prints a `PipelineError`, or that a disk is full, as one line; anything else is our bug and keeps its traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            end_with_parent()
            return super().invoke(ctx)
        except (PipelineError, OSError) as error:
            told = error if isinstance(error, PipelineError) else refusal(error)
            if told is None:
                raise
            click.echo(f"error: {told}", err=True)
            ctx.exit(told.exit_code)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="nanoloom")
def main() -> None:
    """nanoloom: from ROOT files to trained networks, histograms and ROC curves.

    `snakemake --cores N` runs these stages in order. Each may be run by hand.
    """


@main.command()
@CONFIG
@click.option("--dataset", required=True, help="a dataset with `simulate`")
@click.option("--index", type=click.IntRange(0), required=True, help="which of its files")
@click.option("--events", type=click.IntRange(1), help="how many it holds; the analysis says it if this is not given")
@click.option("--output", type=EXISTING, required=True, help="the ROOT file to write")
def simulate(config: Path, dataset: str, index: int, events: int | None, output: Path) -> None:
    """Make one simulated file."""
    from pipeline.progress import Progress
    from pipeline.simulation.datasets import events_of_file, simulate_dataset_file

    analysis = _analysis(config)
    n_events = events or events_of_file(analysis, dataset, index)
    with Progress(f"simulate {dataset} {index}", n_events) as progress:
        simulate_dataset_file(analysis, dataset, index, n_events=n_events, out=output, progress=progress.advance_to)


@main.command()
@CONFIG
@click.option("--dataset", required=True, help="a dataset with `fetch`")
@click.option("--output", type=EXISTING, required=True, help="the folder to write")
def fetch(config: Path, dataset: str, output: Path) -> None:
    """Bring the files of a dataset out of a Python package's source distribution."""
    from pipeline.events.stages import fetch_dataset

    fetch_dataset(_analysis(config), dataset, output)


@main.command()
@CONFIG
@RESULTS
@SIZE
@WORKERS
@SCALE
def plan(config: Path, results: Path, size: float, workers: int, scale: str | None) -> None:
    """Look into every file and cut it into ranges; says what is wrong with which file."""
    from pipeline.events.stages import plan_analysis
    from pipeline.progress import Progress
    from pipeline.results.labels import check_labels

    analysis = _analysis(config)
    check_labels(analysis)
    with _spread(analysis, scale, workers) as pool, Progress("plan", unit="files") as progress:
        plan_analysis(analysis, results, size=size, workers=pool or 1, progress=progress)


@main.command()
@CONFIG
@RESULTS
@WORKERS
@SCALE
def summarise(config: Path, results: Path, workers: int, scale: str | None) -> None:
    """Count the selected events and find the scales of the inputs."""
    from pipeline.events.plan import Plan
    from pipeline.learning.summarise import summarise as run
    from pipeline.progress import Progress

    analysis = _analysis(config)
    folder = results / analysis.name
    planned = Plan.load(folder / "plan.json")
    with (
        _spread(analysis, scale, workers) as pool,
        Progress("summarise", sum(part.entries for part in planned.ranges())) as progress,
    ):
        run(analysis, planned, folder / "summary.json", workers=pool or 1, progress=progress.range_done)


@main.command()
@CONFIG
@RESULTS
@click.option("--model", required=True, help="name of the model")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="trials that run at a time")
@SCALE
@CHECKPOINT
def tune(config: Path, results: Path, model: str, workers: int, scale: str | None, checkpoint_seconds: float) -> None:
    """Search good settings of one model, as `tune` in the YAML says."""
    from pipeline.events.plan import Plan
    from pipeline.learning.tune import tune as run
    from pipeline.progress import Progress
    from pipeline.stream.summary import Summary

    analysis = _analysis(config)
    folder = results / analysis.name
    summary = Summary.load(folder / "summary.json")
    most = analysis.tune[model].trials if model in analysis.tune else None
    with (
        _spread(analysis, scale, workers) as pool,
        Progress(f"tune {model}", most, unit="trials") as progress,
    ):
        run(
            analysis,
            summary.accounted(Plan.load(folder / "plan.json"), analysis),
            summary,
            model=model,
            out=folder / "tune" / model,
            workers=pool,
            checkpoint_seconds=checkpoint_seconds,
            progress=progress.advance_to,
        )


@main.command()
@CONFIG
@RESULTS
@click.option("--model", required=True, help="name of the model")
@click.option("--fold", type=click.IntRange(0), required=True, help="the fold whose events it must not see")
@click.option("--workers", type=click.IntRange(0), default=0, show_default=True, help="processes that read beside it")
@SCALE
@CHECKPOINT
def train(
    config: Path, results: Path, model: str, fold: int, workers: int, scale: str | None, checkpoint_seconds: float
) -> None:
    """Train one model for one fold."""
    from pipeline.events.plan import Plan
    from pipeline.learning.train import train as run
    from pipeline.progress import Progress
    from pipeline.stream.summary import Summary

    analysis = _analysis(config)
    folder = results / analysis.name
    summary = Summary.load(folder / "summary.json")
    epochs = analysis.training_of(model).epochs if model in analysis.models else None
    with (
        _spread(analysis, scale, workers, beside=True) as pool,
        Progress(f"train {model} fold {fold}", epochs, unit="epochs") as progress,
    ):
        run(
            analysis,
            summary.accounted(Plan.load(folder / "plan.json"), analysis),
            summary,
            model=model,
            fold=fold,
            out=folder / "models" / model / f"fold{fold}",
            workers=pool,
            checkpoint_seconds=checkpoint_seconds,
            progress=progress.epoch_done,
        )


@main.command()
@CONFIG
@RESULTS
@WORKERS
@SCALE
@click.option("--dataset", required=True, help="name of the dataset")
def score(config: Path, results: Path, workers: int, scale: str | None, dataset: str) -> None:
    """Score the events of a dataset with every model, and fill the histograms."""
    from pipeline.datasets import get_dataset
    from pipeline.events.plan import Plan
    from pipeline.learning.score import score as run
    from pipeline.progress import Progress
    from pipeline.stream.summary import Summary

    analysis = _analysis(config)
    get_dataset(analysis, dataset)
    folder = results / analysis.name
    planned = Summary.load(folder / "summary.json").accounted(Plan.load(folder / "plan.json"), analysis)
    with (
        _spread(analysis, scale, workers) as pool,
        Progress(f"score {dataset}", sum(part.entries for part in planned.ranges([dataset]))) as progress,
    ):
        run(analysis, planned, dataset, folder, workers=pool or 1, progress=progress.range_done)


@main.command()
@CONFIG
@RESULTS
def evaluate(config: Path, results: Path) -> None:
    """Make ROC curves, metrics and scaled histograms."""
    from pipeline.events.plan import Plan
    from pipeline.results.evaluate import evaluate as run
    from pipeline.stream.summary import Summary

    analysis = _analysis(config)
    folder = results / analysis.name
    summary = Summary.load(folder / "summary.json")
    planned = summary.accounted(Plan.load(folder / "plan.json"), analysis)
    datasets = {dataset.name: dataset for dataset in planned.datasets}
    sumw = {name: dataset.sumw for name, dataset in datasets.items()}
    sumw2 = {name: dataset.sumw2 for name, dataset in datasets.items()}
    run(analysis, folder, sumw=sumw, sumw2=sumw2, summary=summary)


@main.command()
@CONFIG
@RESULTS
def plot(config: Path, results: Path) -> None:
    """Draw the figures, as PDF and PNG."""
    from pipeline.config import check_plugins
    from pipeline.progress import Progress
    from pipeline.results.labels import check_labels
    from pipeline.results.plot import plot as run

    analysis = _analysis(config)
    check_plugins(analysis)
    check_labels(analysis)
    with Progress("plot", unit="figures") as progress:
        run(analysis, results / analysis.name, progress=progress.step)


@main.command()
@CONFIG
@RESULTS
@click.option("--logs", type=EXISTING, default=Path("logs"), show_default=True, help="where the benchmark files are")
def report(config: Path, results: Path, logs: Path) -> None:
    """Write report.html: one page with everything."""
    from pipeline.digest import code_digest
    from pipeline.results.report import report as run

    analysis = _analysis(config)
    out = results / analysis.name / "report.html"
    folder = results / analysis.name
    run(
        analysis,
        folder,
        config_path=config,
        logs_dir=logs,
        out=out,
        code_digest=code_digest("pipeline", "processors", "models"),
    )


@main.command()
@click.argument("config", type=EXISTING)
def check(config: Path) -> None:
    """Check an analysis: its YAML, what it names, its processor's settings, its models' options and its labels."""
    from pipeline.config import check_plugins
    from pipeline.events.processor import load_processor
    from pipeline.results.labels import check_labels

    analysis = _analysis(config)
    check_plugins(analysis)
    load_processor(analysis)
    check_labels(analysis)
    click.echo(f"{config} is in order: {len(analysis.datasets)} datasets, {len(analysis.models)} models.")


@main.command()
@click.option("--config", "config", type=EXISTING, help="the analysis to be run; without it, all of config/")
@RESULTS
@JSON
def doctor(config: Path | None, results: Path, as_json: bool) -> None:
    """Check whether this place is fit for a run, and say what to do. Ends with 1 if there is a fault."""
    import json

    from pipeline.operations import doctor as place

    findings = place.examine(place.this_machine(config, results))
    if as_json:
        click.echo(json.dumps(place.to_json(findings), indent=1, ensure_ascii=False))
    else:
        click.echo(place.to_text(findings, color=sys.stdout.isatty()))
    sys.exit(1 if place.has_fault(findings) else 0)


@main.command()
@RESULTS
@click.option("--logs", type=EXISTING, default=Path("logs"), show_default=True, help="where the logs of the rules are")
@JSON
def explain(results: Path, logs: Path, as_json: bool) -> None:
    """Say why the last run failed: each job with its last words, and what to do. Ends with 1 if something has."""
    import json

    from pipeline.operations.explain import explain as run

    explanation = run(results.parent, logs=logs)
    if as_json:
        click.echo(json.dumps(explanation.to_json(), indent=1, ensure_ascii=False))
    else:
        click.echo(explanation.to_text(color=sys.stdout.isatty()))
    sys.exit(1 if explanation.failures else 0)


@main.command()
def schema() -> None:
    """Print the JSON schema of an analysis, for editors."""
    import json

    from pipeline.config_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=1, ensure_ascii=False))


def _spread(analysis: Any, said: str | None, workers: int, *, beside: bool = False) -> Any:
    """Where ranges are worked on; one worker on this machine is this process, if it is not to work *beside* it."""
    from pipeline.scale.choice import open_workers, scale_of

    return open_workers(scale_of(analysis.scale, said), workers if beside or workers > 1 else 0)


def _analysis(config: Path) -> Any:
    from pipeline.config import load_analysis

    return load_analysis(config)


if __name__ == "__main__":
    sys.exit(main())
