"""The table of all benchmarks: `python -m benchmarks [--events N] [names...]`."""

from __future__ import annotations

import importlib
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.setting import make_setting
from pipeline.errors import InputError, nearest
from pipeline.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.ratio import Ratio

BENCHMARKS = (
    "start",
    "roc",
    "select_and_fill",
    "score",
    "workers",
    "overhead",
    "stream_objects",
    "stream_cold",
    "stream_warm",
    "stream_particles",
    "stream_jets",
    "stream_top_pairs",
    "memory",
)


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--events", type=click.IntRange(2000), default=200_000, show_default=True, help="how many are read, of all datasets"
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("results/benchmarks.json"), show_default=True)
@click.option("--scratch", type=click.Path(path_type=Path), default=Path(".scratch/benchmarks"), show_default=True)
def main(names: tuple[str, ...], events: int, out: Path, scratch: Path) -> None:
    """Compare the pipeline's speed with that of the same work done by hand, on one core.

    NAMES are of the benchmarks to run; without any, all. A missed goal is told in the table and is no failure; a wrong
    result is.
    """
    # Read when TensorFlow is first imported.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    ratios = []
    try:
        for ratio in run(names or BENCHMARKS, events, scratch):
            ratios.append(ratio)
            write_json(out, merged(out, [ratio.to_json()]))  # what is measured stays if the next is stopped
    except InputError as error:
        raise click.UsageError(str(error)) from error
    show(ratios, events)


def run(names: tuple[str, ...], events: int, scratch: Path) -> Iterator[Ratio]:
    """Run the benchmarks called *names*, one after the other, each when it is asked for.

    Raises:
        InputError: there is no such benchmark.
    """
    for name in names:
        if name not in BENCHMARKS:
            raise InputError(f"No benchmark {name!r}. {nearest(name, BENCHMARKS)} Correct the name.")
    setting = make_setting(scratch, events)
    for name in names:
        click.echo(f"{name} ...", err=True)
        yield importlib.import_module(f"benchmarks.{name}").run(setting)


def merged(path: Path, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """*rows*, and those of other benchmarks that *path* holds from before."""
    names = {row["name"] for row in rows}
    before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else []
    return [row for row in before if row["name"] not in names] + rows


def show(ratios: list[Ratio], events: int) -> None:
    """Print the table."""
    table = Table(title=f"Speed of the pipeline, as part of that of the same by hand ({events:,} events)")
    for column in ("benchmark", "ratio", "from", "to", "goal", ""):
        table.add_column(column, justify="left" if column == "benchmark" else "right")
    for ratio in ratios:
        numbers = (f"{value:.2f}" for value in (ratio.ratio, ratio.low, ratio.high, ratio.goal))
        table.add_row(ratio.name, *numbers, "reached" if ratio.ok else "missed")
    Console().print(table)


if __name__ == "__main__":
    main()
