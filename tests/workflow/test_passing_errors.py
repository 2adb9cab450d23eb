"""A read that fails once, wherever ranges are worked on, costs time and no event."""

import json

import pytest
from click.testing import CliRunner
from distributed import LocalCluster

from pipeline.cli import main
from tests.products import products
from tests.toy_analysis import PROCESSOR, make_toy, write_toy

# In every process, the first read of a column and some after it fail as on a disk behind a network.
FAILING = """
import errno, os, pathlib
from pipeline.events import local_source
read, calls = local_source.LocalSource._read, []
def failing(self, start, stop):
    calls.append(start)
    if len(calls) % 60 == 1:
        pathlib.Path(f"failed-{os.getpid()}").touch()
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
    return read(self, start, stop)
local_source.LocalSource._read = failing
"""
N_EVENTS = 60


def run(*command):
    result = CliRunner().invoke(main, [*command, "--config", "config/toy.yaml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    """The analysis `toy` with its plan, and what `summarise` and `score` make of it when nothing fails."""
    monkeypatch.chdir(tmp_path)
    make_toy(tmp_path, pytestconfig.rootpath, make_nano, n_events=N_EVENTS)
    write_toy(tmp_path, models={}, reading={"range_entries": 20})
    run("plan")
    return tmp_path


@pytest.fixture
def farm(toy):
    """The address of a dask scheduler with two workers, which somebody else has started."""
    with LocalCluster(
        2, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


@pytest.mark.slow
@pytest.mark.parametrize("place", ["local", "dask"])
def test_reads_that_fail_once_cost_no_event(place, toy, request):
    where = ("--workers", "2") if place == "local" else ("--scale", request.getfixturevalue("farm"))
    run("summarise", "--scale", "sync")
    run("score", "--dataset", "s", "--scale", "sync")
    expected = products(toy / "results")
    (toy / "processors/toy.py").write_text(PROCESSOR + FAILING, encoding="utf-8")
    run("summarise", *where)
    run("score", "--dataset", "s", *where)

    assert len(list(toy.glob("failed-*"))) >= 2
    ledger = json.loads((toy / "results/toy/scores/s.ledger.json").read_text(encoding="utf-8"))
    assert (ledger["done"], ledger["skipped"], ledger["entries_done"]) == (3, 0, N_EVENTS)
    found = products(toy / "results")
    assert {name for name in expected if found[name] != expected[name]} <= {"toy/summary.json"}  # it names the processor
