"""A file that can no longer be read: an error by name, or, where that is allowed, left out as if it were not listed."""

import json
import shutil

import pytest
import uproot
from click.testing import CliRunner

from pipeline.cli import main
from tests.toy_analysis import ANALYSIS, make_toy, write_toy

# One file has three ranges; a cluster of 300 weights is large enough to be compressed, so that damage is noticed.
N_EVENTS, CLUSTER = 900, 300
FILES = [f"s_{i}.root" for i in range(4)]
DATA = {"process": "data", "is_mc": False, "files": ["d_0.root", "d_1.root"]}
STAGES = (
    ["summarise"],
    *(["train", "--model", "m", "--fold", fold] for fold in "01"),
    *(["score", "--dataset", dataset] for dataset in "sb"),
    ["evaluate"],
)
PRODUCTS = ("metrics.json", "roc.json", "yields.json", "histograms.json", "models/m/fold0/history.csv")


def run(*command):
    return CliRunner().invoke(main, [*command, "--config", "config/toy.yaml"], catch_exceptions=False)


def refused(result, *parts):
    """Exit code 2 and one message with all *parts*."""
    assert result.exit_code == 2, result.output
    for part in parts:
        assert part in result.output


def write(folder, files=FILES, *, allowed=0, **datasets):
    """The toy analysis on *files* of the signal; three boosting rounds are enough."""
    bkg = ANALYSIS["datasets"]["b"]
    datasets = {"s": {**ANALYSIS["datasets"]["s"], "files": list(files)}, "b": bkg, **datasets}
    write_toy(
        folder,
        datasets=datasets,
        reading={"range_entries": CLUSTER, "allow_unreadable_files": allowed},
        processes={**ANALYSIS["processes"], "data": {"label": "D"}},
        training={"epochs": 3},
    )


def damage(path):
    """Overwrite the weights of the second of three ranges, in the middle of their basket."""
    with uproot.open(path) as file:
        start = file["Events/genWeight"].member("fBasketSeek")[1] + 70
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 40)


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    """A folder with the analysis `toy` on four files of signal and one of background, which is the current one."""
    monkeypatch.chdir(tmp_path)
    make_toy(tmp_path, pytestconfig.rootpath, make_nano, n_events=N_EVENTS, cluster_entries=CLUSTER)
    for i, name in enumerate(FILES):
        make_nano(tmp_path / name, N_EVENTS, first=i * N_EVENTS, cluster_entries=CLUSTER)
    return tmp_path


def products(folder):
    summary = json.loads((folder / "results/toy/summary.json").read_text(encoding="utf-8"))
    counted = {key: summary[key] for key in ("cutflow", "selected", "folds", "repeated_events")}
    return counted | {name: (folder / "results/toy" / name).read_text(encoding="utf-8") for name in PRODUCTS}


def failed(folder, stage):
    """The ledger that a failed stage has left: planned, done, failed and not done, and what failed."""
    ledger = json.loads((folder / "results/toy/failed" / f"{stage}.json").read_text(encoding="utf-8"))
    counts = tuple(ledger[key] for key in ("planned", "done", "failed", "not_done"))
    return counts, [(part["path"], part["entries"]) for part in ledger["failed_ranges"]]


def test_a_file_damaged_after_the_plan_is_named(toy):
    write(toy)
    run("plan")
    damage(toy / "s_2.root")

    refused(run("summarise"), "error: s_2.root, entries 300 to 600 of dataset 's', cannot be read", "'summarise' again")

    assert not (toy / "results/toy/summary.json").exists()
    # Two files of three ranges are done, and three ranges of a file and two of the next one are not, as one ends the stage.
    assert failed(toy, "summarise") == ((15, 6, 1, 8), [("s_2.root", [300, 600])])


def test_what_a_failed_stage_left_goes_when_it_succeeds(toy):
    write(toy)
    run("plan")
    shutil.copy(toy / "s_2.root", toy / "whole.root")
    damage(toy / "s_2.root")
    assert run("summarise").exit_code == 2
    shutil.move(toy / "whole.root", toy / "s_2.root")
    for stage in STAGES:
        assert run(*stage).exit_code == 0

    assert not list((toy / "results/toy/failed").iterdir())


def test_a_file_that_is_left_out_gives_the_results_of_never_having_listed_it(toy):
    write(toy, allowed=1)
    run("plan")
    damage(toy / "s_2.root")
    for stage in STAGES:
        assert run(*stage).exit_code == 0
    found = products(toy)
    ledger = json.loads((toy / "results/toy/summary.json").read_text(encoding="utf-8"))["ledger"]

    write(toy, [name for name in FILES if name != "s_2.root"])
    for stage in (["plan"], *STAGES):
        assert run(*stage).exit_code == 0

    assert products(toy) == found
    assert [(file["dataset"], file["path"]) for file in ledger["skipped_files"]] == [("s", "s_2.root")]
    assert "entries 300 to 600" in ledger["skipped_files"][0]["reason"]
    assert (ledger["planned"], ledger["done"], ledger["skipped"]) == (15, 12, 3)
    assert (ledger["entries_done"], ledger["selected"]) == (4 * N_EVENTS, 4 * N_EVENTS)


def test_workers_leave_out_the_same_file(toy):
    write(toy, allowed=1)
    run("plan")
    damage(toy / "s_2.root")
    found = {}
    for workers in "12":
        assert run("summarise", "--workers", workers).exit_code == 0
        found[workers] = json.loads((toy / "results/toy/summary.json").read_text(encoding="utf-8"))

    assert found["1"] == found["2"]


def test_a_second_damaged_file_is_one_too_many(toy):
    write(toy, allowed=1)
    run("plan")
    damage(toy / "s_1.root")
    damage(toy / "s_2.root")

    refused(run("summarise"), "s_2.root, entries 300 to 600", "Skipped already: s_1.root", "allow_unreadable_files = 1")


def test_a_file_that_the_plan_skipped_is_not_skipped_again(toy):
    (toy / "s_0.root").write_bytes(b"")
    write(toy, allowed=2)
    run("plan")
    damage(toy / "s_2.root")

    assert run("summarise").exit_code == 0
    ledger = json.loads((toy / "results/toy/summary.json").read_text(encoding="utf-8"))["ledger"]
    assert [file["path"] for file in ledger["skipped_files"]] == ["s_0.root", "s_2.root"]
    assert run("train", "--model", "m", "--fold", "0").exit_code == 0


def test_a_dataset_that_loses_its_last_file_is_an_error(toy):
    write(toy, allowed=1)
    run("plan")
    damage(toy / "b.root")

    refused(run("summarise"), "Without the files that cannot be read, b: all of its 1 files are unreadable")


def test_a_changed_file_is_never_left_out(toy, make_nano):
    write(toy, allowed=1)
    run("plan")
    make_nano(toy / "s_2.root", N_EVENTS, first=5000, cluster_entries=CLUSTER)

    refused(run("summarise"), "s_2.root changed after the plan was made", "Run the stage 'plan' again")


def test_a_file_of_data_is_never_left_out(toy, make_nano):
    for i in range(2):
        make_nano(toy / f"d_{i}.root", N_EVENTS, first=i * N_EVENTS, cluster_entries=CLUSTER, is_mc=False)
    write(toy, allowed=1, d=DATA)
    assert run("plan").exit_code == 0
    (toy / "d_1.root").unlink()

    refused(run("summarise"), "No file d_1.root", "Of data no file is skipped", "correct lumi_inv_fb")
    refused(run("plan"), "No file d_1.root", "Of data none is", "correct lumi_inv_fb")


def test_a_file_damaged_after_the_summary_is_named_and_asks_for_a_new_one(toy):
    write(toy, allowed=1)
    run("plan")
    assert run("summarise").exit_code == 0
    damage(toy / "s_2.root")
    # Otherwise train has what summarise has read.
    shutil.rmtree(toy / ".scratch")

    refused(run("train", "--model", "m", "--fold", "0"), "s_2.root, entries 300 to 600", "run 'summarise' again")

    (planned, done, n_failed, n_left), ranges = failed(toy, "train_m_fold0")
    assert (planned, n_failed) == (15, 1) == (done + n_failed + n_left, n_failed)
    assert ranges == [("s_2.root", [300, 600])]


def test_a_file_damaged_after_the_training_is_named_by_score(toy):
    write(toy)
    run("plan")
    for stage in STAGES[:3]:
        assert run(*stage).exit_code == 0
    damage(toy / "s_2.root")
    shutil.rmtree(toy / ".scratch")

    refused(run("score", "--dataset", "s"), "s_2.root, entries 300 to 600")

    assert failed(toy, "score_s") == ((12, 7, 1, 4), [("s_2.root", [300, 600])])


def test_a_dataset_may_be_empty_in_a_fold_when_its_class_is_not(toy, make_nano):
    make_nano(toy / "few.root", 1)
    write(toy, few={**ANALYSIS["datasets"]["s"], "files": ["few.root"]})
    for stage in (["plan"], *STAGES[:-1], ["score", "--dataset", "few"], ["evaluate"]):
        result = run(*stage)
        assert result.exit_code == 0, result.output

    folds = json.loads((toy / "results/toy/summary.json").read_text(encoding="utf-8"))["folds"]
    assert sorted(fold["test"]["few"]["n_events"] for fold in folds.values()) == [0, 1]
    yields = json.loads((toy / "results/toy/yields.json").read_text(encoding="utf-8"))["datasets"]
    assert yields["few"]["n_selected"] == 1
