"""The whole chain on files behind URLs: the same results, to the last bit, as on the same files on disk."""

import json

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.config import load_analysis
from pipeline.events.plan import Plan
from pipeline.events.pool import pool
from pipeline.events.replicas import joined
from pipeline.events.site_slots import site_slots
from pipeline.stream.read_chunk import read_chunk
from pipeline.stream.select import processor_digest
from tests.cluster.servers import free_port
from tests.toy_analysis import ANALYSIS, make_toy, write_toy

pytestmark = pytest.mark.servers

N_EVENTS, CLUSTER = 900, 300
STAGES = (
    ["plan"],
    ["summarise"],
    *(["train", "--model", "m", "--fold", fold] for fold in "01"),
    *(["score", "--dataset", dataset] for dataset in "sb"),
    ["evaluate"],
)
PRODUCTS = ("metrics.json", "roc.json", "yields.json", "histograms.json", "models/m/fold0/history.csv")


def results_of(folder, files, *, parallel=(), **reading):
    """Run all stages on *files* of the two datasets; the texts of the results. Those *parallel* have two workers."""
    datasets = {name: {**ANALYSIS["datasets"][name], "files": [files[name]]} for name in "sb"}
    write_toy(folder, datasets=datasets, training={"epochs": 3}, reading={"range_entries": CLUSTER, **reading})
    for stage in STAGES:
        options = ["--workers", "2"] if stage[0] in parallel else []
        result = CliRunner().invoke(main, [*stage, *options, "--config", "config/toy.yaml"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
    return {name: (folder / "results/toy" / name).read_text(encoding="utf-8") for name in PRODUCTS}


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    """Function that makes the analysis `toy` in a folder that is the current one; its files, by dataset."""

    def make(*, rntuple=False):
        monkeypatch.chdir(tmp_path)
        make_toy(tmp_path, pytestconfig.rootpath, make_nano, n_events=0)
        for i, name in enumerate("sb"):
            make_nano(tmp_path / f"{name}.root", N_EVENTS, first=i * 50, cluster_entries=CLUSTER, rntuple=rntuple)
        return {name: str(tmp_path / f"{name}.root") for name in "sb"}

    return make


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_files_on_servers_give_the_results_of_files_on_disk(toy, tmp_path, xrootd, nginx, rntuple):
    files = toy(rntuple=rntuple)
    expected = results_of(tmp_path, files)

    for server in (xrootd, nginx):
        assert results_of(tmp_path, {name: server.add(path) for name, path in files.items()}) == expected


def test_one_file_at_a_time_and_two_workers_change_nothing(toy, tmp_path, xrootd):
    files = toy()
    expected = results_of(tmp_path, files)

    there = {name: xrootd.add(path) for name, path in files.items()}

    assert results_of(tmp_path, there, parallel=["summarise"], max_opens_per_site=1) == expected


def test_a_replica_that_no_server_gives_changes_nothing(toy, tmp_path, xrootd):
    files = toy()
    expected = results_of(tmp_path, files)
    dead = f"root://127.0.0.1:{free_port()}//gone.root"

    replicas = {name: [dead, xrootd.add(path)] for name, path in files.items()}

    assert results_of(tmp_path, replicas) == expected
    plan = json.loads((tmp_path / "results/toy/plan.json").read_text(encoding="utf-8"))
    assert [dataset["files"][0]["path"] for dataset in plan["datasets"]] == [joined(replicas[name]) for name in "sb"]


def test_with_a_limit_a_range_gives_its_slot_and_its_file_back(toy, tmp_path, nginx):
    files = toy()
    signal = {**ANALYSIS["datasets"]["s"], "files": [nginx.add(files["s"])]}
    write_toy(tmp_path, reading={"max_opens_per_site": 1}, datasets={**ANALYSIS["datasets"], "s": signal})
    assert CliRunner().invoke(main, ["plan", "--config", "config/toy.yaml"]).exit_code == 0
    analysis = load_analysis("config/toy.yaml")
    part = Plan.load("results/toy/plan.json").ranges(["s"])[0]
    file = pool().get(part.path)

    selected, _ = read_chunk(analysis, part, code=processor_digest(analysis), for_training=False)

    assert len(selected) == part.entries
    assert file.file.closed
    with site_slots(part.path, 1):
        assert [path.name for path in (tmp_path / ".scratch/sites").iterdir()] == [f"127.0.0.1_{nginx.port}"]
