"""The workflow as a user runs it: products, what is made again after an edit, and what is said about bad input."""

import json

import awkward as ak
import numpy as np
import pytest
import uproot

from pipeline.config import load_analysis
from pipeline.statistics.hashing import event_hash, fold_of
from tests.workflow.conftest import Project


def read(project: Project, name: str):
    return json.loads((project.results / name).read_text(encoding="utf-8"))


def remade(project: Project) -> set[str]:
    """The rules that a dry run would run."""
    lines = project.snakemake("--cores", "1", "--dry-run", "--quiet", "reason").splitlines()
    return {line.split()[1].rstrip(":") for line in lines if line.startswith(("rule ", "localrule "))} - {"all"}


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
                assert seen + summary["validation"]["0.2"][dataset] == summary["training"][dataset]["n_events"]
            assert open_model(finished.results / f"models/{model}/fold{fold}")


def test_the_ledger_accounts_for_every_range(finished):
    ledger = read(finished, "summary.json")["ledger"]

    # Files of 1600 and 800 events in clusters of 1000, cut at 500: four and two ranges for each of two datasets.
    assert (ledger["planned"], ledger["done"], ledger["skipped"]) == (12, 12, 0)
    assert ledger["entries_done"] == 4800


def test_a_second_run_has_nothing_to_do(finished):
    assert remade(finished) == set()


@pytest.mark.parametrize(
    ("path", "old", "new", "expected"),
    [
        ("config/small.yaml", "title: HH", "title: More HH", {"plot", "report"}),
        ("config/small.yaml", "bins: 40", "bins: 20", {"score", "evaluate", "plot", "report"}),
        ("config/small.yaml", "dropout: 0.1", "dropout: 0.2", {"train", "summarise", "score", "evaluate", "plot", "report"}),
        ("pipeline/results/figures/roc.py", "import", "import sys\nimport", {"plot", "report"}),
        ("models/dnn.py", "units=(128", "units=(64", {"train", "score", "evaluate", "plot", "report"}),
    ],
    ids=["title", "binning", "dropout", "figure", "architecture"],
)
def test_an_edit_makes_again_what_depends_on_it_and_nothing_else(path, old, new, expected, finished):
    before = (finished.folder / path).read_text(encoding="utf-8")
    try:
        finished.edit(path, old, new)
        assert remade(finished) == expected
    finally:
        (finished.folder / path).write_text(before, encoding="utf-8")


def test_scores_are_refused_when_the_inputs_have_changed_since_training(finished):
    path = "config/small.yaml"
    before = (finished.folder / path).read_text(encoding="utf-8")
    try:
        finished.edit(path, "- met_phi", "- met")
        arguments = ("score", "--config", path, "--dataset", "hh_bbww")
        output = finished.run("pipeline", *arguments, fails=True)
    finally:
        (finished.folder / path).write_text(before, encoding="utf-8")

    assert "was trained with inputs" in output
    assert "Traceback" not in output


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


def test_a_misspelt_key_is_told_in_one_line(new_project):
    project = new_project()
    project.edit("config/small.yaml", "xsec_pb: 39.24", "xsec: 39.24")

    output = project.snakemake("--cores", "1", "--dry-run", fails=True)

    assert "datasets.tt_dilep.xsec: is no key of this section. Nearest: 'xsec_pb'" in output
    assert "Traceback" not in output


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
