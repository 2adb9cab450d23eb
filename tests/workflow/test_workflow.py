"""The workflow as a user runs it: products, what is made again after an edit, and what is said about bad input."""

import csv
import json
import re
import time

import awkward as ak
import numpy as np
import psutil
import pytest
import uproot

from pipeline.config import load_analysis
from pipeline.statistics.hashing import event_hash, fold_of
from tests.workflow.conftest import Project


def read(project: Project, name: str):
    return json.loads((project.results / name).read_text(encoding="utf-8"))


def slow(*case):
    """A case that the quick tests leave out."""
    return pytest.param(*case, marks=pytest.mark.slow)


def commands_below(process: int, stage: str) -> list[psutil.Process]:
    """The processes below one that run the command of *stage*."""
    running = psutil.process_iter(["cmdline", "ppid"])
    return [child for child in running if stage in (child.info["cmdline"] or ()) and child.info["ppid"] == process]


def wait_for(something, *, within_s: float = 60):
    """What *something* gives, as soon as that is true."""
    deadline = time.monotonic() + within_s
    while not (given := something()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return given


def remade(project: Project, *config: str) -> set[str]:
    """The jobs that a dry run would run: the rule, and the dataset and file, or the model, that it is for."""
    output = project.snakemake("--cores", "1", "--dry-run", "--quiet", "reason", config=config)
    _, *parts = re.split(r"^(?:local)?rule (\w+):$", output, flags=re.MULTILINE)
    wildcards = [re.search(r"wildcards: (.*)", text) for text in parts[1::2]]
    keys = [re.findall(r"(?:dataset|index|model)=(\w+)", found[1]) if found else [] for found in wildcards]
    return {" ".join([rule, *names]) for rule, names in zip(parts[::2], keys, strict=True)} - {"all"}


def test_a_run_leaves_every_product(finished):
    expected = {"plan.json", "summary.json", "metrics.json", "roc.json", "yields.json", "histograms.root", "histograms.json"}

    assert expected | {"report.html"} <= {path.name for path in finished.results.iterdir()}
    assert {path.suffix for path in (finished.results / "figures").glob("[!.]*")} == {".pdf", ".png", ".json"}
    assert not list(finished.folder.glob("**/*.part*"))


def test_metrics_have_a_value_and_an_error(finished):
    metrics = read(finished, "metrics.json")

    assert set(metrics) == {"dnn_phi", "bdt_phi"}
    for model in metrics.values():
        assert 0.6 < model["auc"]["value"] < 1
        assert 0 < model["auc"]["stat"] < 0.1
        assert set(model["rejection"]) == {"0.3", "0.5", "0.7"}
        assert model["n_test"] == sum(
            read(finished, "summary.json")["selected"][d]["n_events"] for d in ("hh_bbww", "tt_dilep")
        )


def test_the_sum_of_each_histogram_is_cross_section_times_luminosity_times_efficiency(finished):
    analysis = load_analysis(finished.folder / "config/small.yaml")
    plan = {dataset["name"]: dataset for dataset in read(finished, "plan.json")["datasets"]}
    with uproot.open(finished.results / "histograms.root") as file:
        for name, dataset in analysis.datasets.items():
            scores = uproot.concatenate(f"{finished.results}/scores/{name}.root:Scores", "weight", library="np")["weight"]
            generated = sum(part["sumw"] for part in plan[name]["files"])
            expected = dataset.xsec_pb * 1000 * analysis.lumi_inv_fb * scores.sum() / generated
            for histogram in analysis.histograms:
                assert file[f"datasets/{name}/{histogram}"].values(flow=True).sum() == pytest.approx(expected, rel=1e-9)
            for model in analysis.models:
                assert file[f"datasets/{name}/{model}_score"].values(flow=True).sum() == pytest.approx(expected, rel=1e-9)


def test_an_event_is_scored_once_by_the_model_that_has_not_seen_it(finished):
    from pipeline.learning.score import open_model

    analysis = load_analysis(finished.folder / "config/small.yaml")
    for name in analysis.datasets:
        scores = uproot.concatenate(f"{finished.results}/scores/{name}.root:Scores", library="np")
        keys = event_hash(scores["run"], scores["luminosityBlock"], scores["event"])
        assert len(np.unique(keys)) == len(keys) == read(finished, "summary.json")["selected"][name]["n_events"]
        np.testing.assert_array_equal(fold_of(keys, analysis.folds), scores["fold"])
        np.testing.assert_allclose(scores["dnn_phi_tt"] + scores["dnn_phi_hh"], 1, atol=1e-5)

    for model in analysis.models:
        for fold in range(analysis.folds):
            record = json.loads((finished.results / f"models/{model}/fold{fold}/model.json").read_text(encoding="utf-8"))
            summary = read(finished, "summary.json")["folds"][str(fold)]
            for dataset, seen in record["events_seen"].items():
                assert seen == summary["training"]["0.2"][dataset]["n_events"]
            with (finished.results / f"models/{model}/fold{fold}/history.csv").open(encoding="utf-8") as file:
                epochs = list(csv.DictReader(file))
            for dataset, seen in record["events_seen"].items():  # each is a class of its own
                assert {row[f"n_events_{analysis.class_of(dataset)}"] for row in epochs} == {str(seen)}
            assert {row["n_events"] for row in epochs} == {str(sum(record["events_seen"].values()))}
            cost = json.loads((finished.results / f"models/{model}/fold{fold}/cost.json").read_text(encoding="utf-8"))
            assert cost["n_parameters"] == record["n_parameters"] > 0
            assert cost["train_seconds"] > 0
            assert cost["rows_per_second"] > 1000
            assert open_model(finished.results / f"models/{model}/fold{fold}")


def test_the_ledger_accounts_for_every_range(finished):
    ledger = read(finished, "summary.json")["ledger"]

    # Files of 1600 and 800 events in clusters of 1000, cut at 500: four and two ranges for each of two datasets.
    assert (ledger["planned"], ledger["done"], ledger["skipped"]) == (12, 12, 0)
    assert ledger["entries_done"] == 4800


def test_a_second_run_has_nothing_to_do(finished):
    assert remade(finished) == set()


SHOWN = {"evaluate", "plot", "report"}
SCORED = {"score hh_bbww", "score tt_dilep", *SHOWN}
TRAINED = {"train dnn_phi", "train bdt_phi", *SCORED}
PLANNED = {"plan", "summarise", *TRAINED}
YAML = "config/small.yaml"
CARDS = "pipeline/simulation/cards"
FUTURE = "from __future__ import annotations"


def simulated(dataset: str, *files: int) -> set[str]:
    """The jobs that simulate these files."""
    return {f"simulate {dataset} {index}" for index in files}


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        (YAML, "title: HH", "title: More HH", {"report"}),
        (YAML, "bins: 40", "bins: 20", SCORED),
        (YAML, "dropout: 0.1", "dropout: 0.2", {"train dnn_phi", *SCORED}),
        ("pipeline/results/figures/roc.py", FUTURE, f"{FUTURE}\nimport sys", {"plot", "report"}),
        ("models/dnn.py", "units=(128", "units=(64", {"train dnn_phi", *SCORED}),
        (f"{CARDS}/tt_dilep.yaml", "description: ", "description: our ", {*simulated("tt_dilep", 0, 1), *PLANNED}),
        slow(YAML, "label: BDT", "label: Trees", SHOWN),
        slow(YAML, "Top++ 2.0", "Top++ 2", {"report"}),
        slow(YAML, "xsec_pb: 39.24", "xsec_pb: 39.0", TRAINED),
        slow(YAML, "range_entries: 500", "range_entries: 600", PLANNED),
        slow(YAML, "per_file: 1600", "per_file: 2400", {*simulated("hh_bbww", 0), *simulated("tt_dilep", 0), *PLANNED}),
        slow("pipeline/stream/training_stream.py", FUTURE, f"{FUTURE}\nimport sys", TRAINED),
        slow("pipeline/learning/xgboost_learner.py", FUTURE, f"{FUTURE}\nimport sys", {"train bdt_phi", *SCORED}),
        slow("pipeline/learning/score.py", FUTURE, f"{FUTURE}\nimport sys", SCORED),
        slow("pipeline/scale/ordered.py", FUTURE, f"{FUTURE}\nimport sys", set()),
        slow(f"{CARDS}/higgs.yaml", "description: ", "description: our ", set()),
    ],
    ids=lambda value: "" if isinstance(value, set) else str(value).partition("\n")[0],
)  # fmt: skip
def test_an_edit_makes_again_what_depends_on_it_and_nothing_else(path, old, new, expected, finished):
    before = (finished.folder / path).read_text(encoding="utf-8")
    try:
        finished.edit(path, old, new)
        assert remade(finished) == expected
    finally:
        (finished.folder / path).write_text(before, encoding="utf-8")


def test_a_training_asks_for_the_memory_of_its_buffer(finished):
    before = (finished.folder / YAML).read_text(encoding="utf-8")
    try:
        (indent,) = re.findall(r"^( +)batch_size: 32$", before, flags=re.MULTILINE)
        finished.edit(YAML, "batch_size: 32\n", f"batch_size: 32\n{indent}shuffle_buffer_mb: 2000\n")
        output = finished.snakemake("--cores", "1", "--dry-run", "--forcerun", "train")
    finally:
        (finished.folder / YAML).write_text(before, encoding="utf-8")
    asked = dict(re.findall(r"model=(\w+), fold=0\n +resources: .*?mem_mb=(\d+)", output))

    # 256 MB without a number.
    assert asked == {"dnn_phi": "5300", "bdt_phi": "1812"}


def test_a_larger_size_makes_again_only_the_last_file_of_each_dataset(finished):
    # 1600 and 800 events become 1600 and 1040.
    assert remade(finished, "size=1.1") == {*simulated("hh_bbww", 1), *simulated("tt_dilep", 1), *PLANNED}


def test_scores_are_refused_when_the_inputs_have_changed_since_training(finished, tmp_path):
    path, folder = "config/small.yaml", tmp_path / "small"
    folder.mkdir()
    (folder / "plan.json").write_bytes((finished.results / "plan.json").read_bytes())
    (folder / "models").symlink_to(finished.results / "models")
    before = (finished.folder / path).read_text(encoding="utf-8")
    try:
        finished.edit(path, "- met_phi", "- met")
        arguments = ("score", "--config", path, "--dataset", "hh_bbww")
        old_summary = finished.run("pipeline", *arguments, fails=True)
        finished.run("pipeline", "summarise", "--config", path, "--results", str(tmp_path))
        new_summary = finished.run("pipeline", *arguments, "--results", str(tmp_path), fails=True)
    finally:
        (finished.folder / path).write_text(before, encoding="utf-8")

    assert "summary.json of 'small' was made with other inputs" in old_summary
    assert "was trained with inputs" in new_summary
    assert "Traceback" not in old_summary + new_summary


def test_workers_do_not_change_a_bit(finished, tmp_path):
    for workers in ("1", "2"):
        folder = tmp_path / workers / "small"
        folder.mkdir(parents=True)
        (folder / "plan.json").write_bytes((finished.results / "plan.json").read_bytes())
        (folder / "models").symlink_to(finished.results / "models")
        arguments = ("--config", "config/small.yaml", "--results", str(folder.parent), "--workers", workers)
        finished.run("pipeline", "summarise", *arguments)
        finished.run("pipeline", "score", *arguments, "--dataset", "tt_dilep")

    one, two = tmp_path / "1/small", tmp_path / "2/small"
    assert (one / "summary.json").read_bytes() == (two / "summary.json").read_bytes()
    for name in ("evaluations/tt_dilep.npz", "histograms/tt_dilep.npz"):
        first, second = np.load(one / name), np.load(two / name)
        assert all(np.array_equal(first[key], second[key]) for key in first.files)
    first, second = (uproot.concatenate(f"{folder}/scores/tt_dilep.root:Scores") for folder in (one, two))
    assert ak.array_equal(first, second)


@pytest.mark.slow
def test_one_core_and_two_give_the_same_metrics(finished, new_project):
    again = new_project()
    again.snakemake("--cores", "1")

    assert (finished.results / "metrics.json").read_bytes() == (again.results / "metrics.json").read_bytes()
    assert (finished.results / "roc.json").read_bytes() == (again.results / "roc.json").read_bytes()


def test_the_workflow_lints_clean(new_project):
    assert "Congratulations" in new_project().snakemake("--lint")


@pytest.mark.parametrize(
    ("path", "old", "new", "config", "message"),
    [
        (YAML, "xsec_pb: 39.24", "xsec: 39.24", (), "datasets.tt_dilep.xsec: is no key of this section. Nearest: 'xsec_pb'"),
        (YAML, "card: tt_dilep", "card: tt_dilepp", (), "No process card 'tt_dilepp'. Nearest: 'tt_dilep'"),
        (YAML, "title: HH", "title: HH", ("size=abc",), "size is abc. Expected a number above 0"),
    ],
    ids=["key", "card", "size"],
)
def test_bad_input_is_told_in_one_line(path, old, new, config, message, new_project):
    project = new_project()
    project.edit(path, old, new)

    output = project.snakemake("--cores", "1", "--dry-run", config=config, fails=True)

    assert output.startswith("error: ")
    assert message in output
    assert output.count("\n") == 1


def test_a_folder_without_analyses_is_told(new_project, tmp_path):
    project = new_project()

    output = project.run("snakemake", "--cores", "1", "--dry-run", "--directory", str(tmp_path), fails=True)

    assert output.startswith(f"error: No analysis: there is no config/*.yaml in {tmp_path}.")


@pytest.mark.slow
def test_commands_end_with_a_snakemake_that_is_killed(new_project):
    project = new_project()
    running = project.start("snakemake", "--cores", "1", "--config", "analyses=small")
    commands = wait_for(lambda: commands_below(running.pid, "simulate"))

    running.kill()
    running.communicate()

    wait_for(lambda: not any(command.is_running() for command in commands))
    assert not list(project.results.glob("simulated/*.root"))
    project.snakemake("--unlock")
    project.snakemake("--cores", "2", "--rerun-incomplete", "--until", "plan")
    assert not list(project.folder.glob("results/**/*.part*"))


def test_a_dry_run_imports_no_tensorflow(new_project):
    project = new_project()
    (project.folder / "sitecustomize.py").write_text(
        "import sys\nclass No:\n    def find_spec(self, name, *_):\n"
        "        assert name.partition('.')[0] not in ('tensorflow', 'keras', 'coffea', 'numba'), name\n"
        "sys.meta_path.insert(0, No())\n",
        encoding="utf-8",
    )

    project.run("snakemake", "--cores", "1", "--dry-run")
    assert "simulate" in project.run("pipeline", "--help")
