"""Bad input ends with a message that says what, where and what to do, with exit code 2, and with no product."""

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from tests.toy_analysis import make_toy, write_toy


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    """A folder with the analysis `toy`, which is the current one."""
    monkeypatch.chdir(tmp_path)
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    return tmp_path


def run(*command):
    return CliRunner().invoke(main, [*command, "--config", "config/toy.yaml"], catch_exceptions=False)


def refused(result, *parts):
    """Exit code 2 and one message with all *parts*."""
    assert result.exit_code == 2, result.output
    assert result.output.startswith("error: ")
    for part in parts:
        assert part in result.output


def test_good_input_goes_through(toy):
    assert run("plan").exit_code == 0
    assert run("summarise").exit_code == 0


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        (lambda path: path.unlink(), ("No file b.root", "Nearest: 's.root'")),
        (lambda path: path.write_bytes(b""), ("b.root", "0 bytes")),
        (lambda path: path.write_bytes(b"no root file" * 100), ("b.root is not a ROOT file",)),
        (lambda path: path.write_bytes(path.read_bytes()[:2000]), ("b.root",)),
    ],
    ids=["missing", "empty", "garbage", "truncated"],
)
def test_a_bad_file_is_named_and_there_is_no_plan(toy, damage, parts):
    damage(toy / "b.root")

    refused(run("plan"), "config/toy.yaml", *parts)

    assert not (toy / "results").exists()


def test_a_missing_branch_is_named_with_the_nearest(toy, make_nano):
    make_nano(toy / "b.root", 60, drop=("MET_pt",))

    refused(run("plan"), "b.root", "no 'MET_pt'", "'MET_phi'")


def test_a_file_that_changes_after_the_plan_is_refused(toy, make_nano):
    run("plan")
    make_nano(toy / "b.root", 60, first=1000)

    refused(run("summarise"), "b.root changed after the plan was made", "Run the stage 'plan' again")

    assert not (toy / "results/toy/summary.json").exists()


def test_no_selected_events_are_told_with_the_cutflow(toy):
    write_toy(toy, selection={"met_min_gev": 1e6})
    run("plan")

    refused(run("summarise"), "Dataset 's' has no selected events", "all: 60, met: 0", "Loosen `selection`")

    assert not (toy / "results/toy/summary.json").exists()


def test_a_class_that_is_missing_in_a_fold_is_named(toy, make_nano):
    make_nano(toy / "b.root", 1)
    run("plan")

    refused(run("summarise"), "Class 'b' has no selected events in fold", "use fewer folds")


def test_an_input_that_is_not_a_number_is_named_with_its_event(toy):
    write_toy(toy, selection={"nan_at_met_gev": 17.0})
    run("plan")

    refused(run("summarise"), "input event.met is nan for run 1, luminosity block 1, event 7 in s.root, entries 0 to 60")

    assert not (toy / "results/toy/summary.json").exists()


def test_a_wrong_setting_of_the_processor_is_told(toy):
    write_toy(toy, selection={"met_minimum": 3.0})

    refused(run("plan"), "config/toy.yaml: selection.met_minimum", "Expected the settings of processors/toy.py")


def test_a_wrong_option_of_a_model_is_told(toy):
    write_toy(toy, models={"m": {"architecture": "bdt", "inputs": "all", "options": {"max_deep": 3}}})

    refused(run("plan"), "models.m.options.max_deep", "Nearest: 'max_depth'")


def test_an_observable_that_the_processor_does_not_give_is_told_in_the_first_pass(toy):
    axis = {"label": "x", "bins": 6, "start": 0.0, "stop": 60.0}
    write_toy(toy, histograms={"a": {"observable": "mett", **axis}, "b": {"observable": "event.me", **axis}})
    run("plan")

    refused(run("summarise"), "processors/toy.py does not give: 'mett' (a), 'event.me' (b)", "Nearest: 'met'", "'event.met'")

    assert not (toy / "results/toy/summary.json").exists()


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("max_depth", "deep", "Invalid Parameter format for max_depth expect int but value='deep'"),
        ("subsample", 3, "value 3"),
    ],
)
def test_a_wrong_value_of_an_option_is_told_with_its_model(option, value, reason, toy):
    write_toy(toy, models={"m": {"architecture": "bdt", "inputs": "all", "options": {option: value}}})
    run("plan")
    run("summarise")

    refused(run("train", "--model", "m", "--fold", "0"), f"Model 'm' cannot be built: {reason}", "Correct models.m.options")

    assert not (toy / "results/toy/models/m").exists()


def test_a_label_that_cannot_be_drawn_is_told_before_files_are_read(toy):
    write_toy(toy, models={"m": {"architecture": "bdt", "inputs": "all", "label": "$\\mell$"}})
    for name in ("s", "b"):
        (toy / f"{name}.root").unlink()

    refused(run("plan"), "models.m.label of config/toy.yaml", "Unknown symbol: \\mell")


def test_stages_out_of_order_say_which_is_missing(toy):
    refused(run("summarise"), "plan.json", "The stage 'plan' writes it")
    run("plan")
    refused(run("train", "--model", "m", "--fold", "0"), "summary.json", "The stage 'summarise' writes it")
    run("summarise")
    refused(run("score", "--dataset", "s"), "model.json", "The stage 'train' writes it")


def test_all_stages_by_hand_score_each_event(toy):
    for command in (["plan"], ["summarise"], *(["train", "--model", "m", "--fold", str(fold)] for fold in (0, 1))):
        assert run(*command).exit_code == 0
    for dataset in ("s", "b"):
        result = run("score", "--dataset", dataset)
        assert result.exit_code == 0, result.output

    import uproot

    scores = uproot.concatenate("results/toy/scores/s.root:Scores", library="np")
    np.testing.assert_array_equal(np.sort(scores["event"]), np.arange(60))


def test_an_input_can_be_histogrammed_by_its_collection(toy):
    axis = {"label": "x", "bins": 6, "start": 0.0, "stop": 60.0}
    write_toy(toy, histograms={"input": {"observable": "event.met", **axis}}, models={})
    run("plan")
    run("summarise")

    assert run("score", "--dataset", "s").exit_code == 0

    import uproot

    with uproot.open("results/toy/histograms/s.root") as file:
        # MET of event e is 10 + e GeV, and every fifth weight is -2.5 instead of 2.5.
        assert file["input"].values().tolist() == [0.0, *[15.0] * 5]


def test_an_input_that_does_not_exist_is_named_with_the_nearest(toy):
    axis = {"label": "x", "bins": 6, "start": 0.0, "stop": 60.0}
    write_toy(toy, models={})
    run("plan")
    run("summarise")
    # Another histogram does not make the summary again.
    write_toy(toy, histograms={"input": {"observable": "event.mett", **axis}}, models={})

    refused(run("score", "--dataset", "s"), "wants observable 'event.mett'", "Nearest: 'event.met'")
