"""A regression from ROOT files to results: scales of the training folds, a method without a network, a network."""

import csv
import json
import shutil

import numpy as np
import pytest
import uproot

from pipeline.config import check_plugins, load_analysis
from pipeline.errors import InputError
from pipeline.events.planning import make_plan
from pipeline.files import write_json
from pipeline.learning.score import score
from pipeline.learning.summarise import summarise
from pipeline.learning.train import train
from pipeline.results.evaluate import evaluate
from pipeline.results.plot import list_drawings, read_products
from pipeline.results.report import report
from pipeline.statistics.hashing import event_hash, fold_of
from pipeline.stream.cache import ChunkCache
from pipeline.stream.model_weights import model_weights
from pipeline.stream.summary import Summary
from pipeline.stream.training_stream import TrainingStream
from pipeline.stream.truth import in_coordinates
from tests.toy_regression import MEASURED, TASK, make_toy_regression, write_toy_regression

N_EVENTS = 1200
XYZ = ("px", "py", "pz")
ONLY_MEASURED = {"measured": {"architecture": "measured", "inputs": "all"}}


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """Folder, columns of the file, analysis and plan; the working directory is that folder."""
    folder = tmp_path_factory.mktemp("regression")
    columns = make_toy_regression(folder, n_events=N_EVENTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        analysis = load_analysis("config/toy.yaml")
        check_plugins(analysis)
        plan = make_plan(analysis, {"s": ["s.root"]}, reads=["Token_pt"])
        summarise(analysis, plan, "results/toy/summary.json")
        yield folder, columns, analysis, plan


@pytest.fixture(scope="module")
def summary(toy):
    return Summary.load("results/toy/summary.json")


def trained(toy, summary, models, out):
    """Train, score and evaluate with *models*; metrics.json."""
    _, _, analysis, plan = toy
    for model in models:
        for fold in range(analysis.folds):
            train(analysis, plan, summary, model=model, fold=fold, out=out / "models" / model / f"fold{fold}")
    score(analysis, plan, "s", out)
    sums = {"sumw": {"s": plan.sumw("s")}, "sumw2": {"s": plan.dataset("s").sumw2}}
    evaluate(analysis, out, **sums)
    return json.loads((out / "metrics.json").read_text())


@pytest.fixture(scope="module")
def measured(toy, summary, tmp_path_factory):
    """Results of the method without a network alone, and their folder."""
    folder, columns, _, plan = toy
    write_toy_regression(folder, models=ONLY_MEASURED)
    analysis = load_analysis("config/toy.yaml")
    write_toy_regression(folder)
    out = tmp_path_factory.mktemp("measured") / "toy"
    return trained((folder, columns, analysis, plan), summary, ["measured"], out), out


@pytest.fixture(scope="module")
def both(toy, summary, tmp_path_factory):
    """Results of the network and of the method without one, and their folder."""
    out = tmp_path_factory.mktemp("both") / "toy"
    return trained(toy, summary, ["both", "measured"], out), out


def folds_of(columns):
    return fold_of(event_hash(columns["run"], columns["luminosityBlock"], columns["event"]), 2)


@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("name", ["a", "b"])
def test_scales_are_those_of_the_training_folds_and_of_the_events_that_have_the_object(toy, summary, fold, name):
    _, columns, analysis, _ = toy
    given = columns[f"Truth_{name}"].astype(np.float64)
    chosen = (folds_of(columns) != fold) & np.isfinite(given).all(axis=1)
    table = in_coordinates(given[chosen], XYZ)
    outputs = summary.scaled(analysis.task.outputs_for(analysis.inputs["all"]), fold)
    place = slice(0, 3) if name == "a" else slice(3, 6)

    np.testing.assert_allclose(outputs.mean[place], table.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(outputs.spread[place], table.std(axis=0), rtol=1e-4)
    assert outputs.mean[6:].tolist() == [0] * 4
    assert outputs.spread[6:].tolist() == [1] * 4


def test_an_angle_is_not_scaled(toy, tmp_path):
    folder, _, _, plan = toy
    write_toy_regression(folder, task={**TASK, "coordinates": "pt_eta_phi_mass"})
    analysis = load_analysis("config/toy.yaml")
    write_toy_regression(folder)
    summarise(analysis, plan, tmp_path / "summary.json", scratch=ChunkCache(tmp_path, 1e9))
    outputs = Summary.load(tmp_path / "summary.json").scaled(analysis.task.outputs_for(analysis.inputs["all"]), 0)
    angles = [i for i, name in enumerate(outputs.names) if "phi" in name]

    assert len(angles) == 4
    assert outputs.mean[angles].tolist() == [0] * 4
    assert outputs.spread[angles].tolist() == [1] * 4
    assert (outputs.spread[[0, 1]] != 1).all()


def test_an_axis_that_the_processor_does_not_give_is_told_in_the_first_pass(toy, tmp_path):
    folder, _, _, plan = toy
    write_toy_regression(folder, task={**TASK, "against": {"n_jet": {"edges": [0, 1]}}})
    analysis = load_analysis("config/toy.yaml")
    write_toy_regression(folder)

    with pytest.raises(InputError, match=r"task\.against of config/toy\.yaml wants 'n_jet', .* Nearest: 'n_jets'"):
        summarise(analysis, plan, tmp_path / "summary.json", scratch=ChunkCache(tmp_path, 1e9))


def test_a_summary_of_other_targets_is_refused(toy, summary):
    folder = toy[0]
    write_toy_regression(folder, task={**TASK, "coordinates": "pt_eta_phi_mass"})
    other = load_analysis("config/toy.yaml")
    write_toy_regression(folder)

    with pytest.raises(InputError, match="was made with other targets"):
        summary.check_made_for(other)


def stream_of(toy, summary, folder, analysis, fold=0):
    plan = toy[3]
    made = model_weights(analysis, plan, summary, "measured", fold)
    training = analysis.training_of("measured")
    return TrainingStream(analysis, plan, "all", fold, training, made.factors, made.n_events, ChunkCache(folder, 1e9))


def test_batches_bring_each_event_of_the_other_folds_with_its_own_truth(toy, summary, tmp_path):
    _, columns, analysis, _ = toy
    rows = [
        *stream_of(toy, summary, tmp_path, analysis).epoch(0),
        *stream_of(toy, summary, tmp_path, analysis).epoch(0, "validation"),
    ]
    inputs = np.concatenate([one.tensors["seen"] for one in rows])
    targets = np.concatenate([one.targets for one in rows])
    chosen = folds_of(columns) != 0
    expected = np.concatenate(
        [
            np.stack([columns["Seen_px"][:, 0], columns["Seen_py"][:, 0]], axis=1),
            in_coordinates(columns["Truth_a"].astype(np.float64), XYZ),
            columns["Truth_jet"][:, np.newaxis],
        ],
        axis=1,
    )[chosen]
    found = np.concatenate([inputs[:, :2], targets[:, :3], targets[:, -1:]], axis=1)

    np.testing.assert_allclose(found[found[:, 0].argsort()], expected[expected[:, 0].argsort()], rtol=1e-6)


def test_only_training_events_turn_and_otherwise_in_each_epoch(toy, summary, tmp_path):
    folder = toy[0]
    write_toy_regression(folder, task={**TASK, "augment": ["rotate_phi", "reflect_eta"]})
    turned = load_analysis("config/toy.yaml")
    write_toy_regression(folder)
    plain, stream = (stream_of(toy, summary, tmp_path, analysis) for analysis in (toy[2], turned))

    def table(rows):
        found = np.concatenate([np.concatenate([one.tensors["seen"], one.targets], axis=1) for one in rows])
        return found[np.hypot(found[:, 0], found[:, 1]).argsort()]

    np.testing.assert_array_equal(table(stream.epoch(0, "validation")), table(plain.epoch(0, "validation")))
    first, again, other, before = (table(s.epoch(n)) for s, n in ((stream, 1), (stream, 1), (stream, 2), (plain, 1)))
    np.testing.assert_array_equal(first, again)
    assert np.nanmax(np.abs(first - other)) > 10
    # What was seen and the truth turn by one angle: the angle between them stays.
    for one in (first, other):
        between, expected = ((t[:, 0] * t[:, 6] + t[:, 1] * t[:, 7]) for t in (one, before))
        np.testing.assert_allclose(between, expected, rtol=1e-3, atol=1)


def test_a_method_without_a_network_measures_on_the_training_events_of_its_fold(toy, measured):
    _, out = measured
    _, columns, _, _ = toy
    seen, true = columns["Seen_px"][:, 0], in_coordinates(columns["Truth_a"].astype(np.float64), XYZ)[:, 0]
    factors = {}
    for fold in (0, 1):
        kept = json.loads((out / f"models/measured/fold{fold}/baseline.json").read_text())
        factors[fold] = kept["parameters"]["factor"]
        chosen = folds_of(columns) != fold
        # The validation events of the fold are left out as well: near, but not the same.
        assert factors[fold] == pytest.approx(np.abs(true[chosen]).sum() / np.abs(seen[chosen]).sum(), rel=0.02)
    assert factors[0] != factors[1]


def test_each_event_is_answered_with_what_was_measured_without_it(toy, measured):
    _, out = measured
    _, columns, _, _ = toy
    factor = np.array(
        [json.loads((out / f"models/measured/fold{k}/baseline.json").read_text())["parameters"]["factor"] for k in (0, 1)]
    )
    with uproot.open(out / "scores/s.root") as file:
        columns_written = file["Scores"].arrays(["fold", "measured_a_pt", "measured_b_pt"], library="np")
    seen = np.hypot(columns["Seen_px"][:, 0], columns["Seen_py"][:, 0])

    np.testing.assert_array_equal(columns_written["fold"], folds_of(columns))
    np.testing.assert_allclose(columns_written["measured_a_pt"], factor[columns_written["fold"]] * seen, rtol=1e-5)
    assert np.isnan(columns_written["measured_b_pt"]).all()


def test_the_resolution_is_that_of_the_answers_in_the_friend_tree(toy, measured):
    metrics, out = measured
    _, columns, _, _ = toy
    with uproot.open(out / "scores/s.root") as file:
        answers = file["Scores"].arrays(["measured_a_pt", "weight"], library="np")
    response = answers["measured_a_pt"] / columns["Truth_a"][:, 0] - 1
    order = response.argsort()
    sums = np.cumsum(answers["weight"][order])
    low, middle, high = (response[order][(sums >= f * sums[-1]).argmax()] for f in (0.158655, 0.5, 0.841345))

    assert metrics["measured"]["bias"]["a_pt"]["value"] == pytest.approx(middle, abs=0.005)
    assert metrics["measured"]["sigma68"]["a_pt"]["value"] == pytest.approx((high - low) / 2 / (1 + middle), rel=0.05)


def test_response_matrices_are_in_the_root_file(measured):
    with uproot.open(measured[1] / "histograms.root") as file:
        names = file.classnames(cycle=False)

    assert names["response/all/measured_a_pt"] == "TH2D"
    assert names["response/full/measured_ab_mass"] == "TH2D"


def test_a_training_without_losses_has_an_empty_history_and_no_figure(measured, toy):
    _, out = measured
    with (out / "models/measured/fold0/history.csv").open(encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == []

    write_toy_regression(toy[0], models=ONLY_MEASURED)
    analysis = load_analysis("config/toy.yaml")
    write_toy_regression(toy[0])
    names = [drawing.name for drawing in list_drawings(read_products(analysis, out))]

    assert "measured_loss" not in names
    assert {"a_pt_spectrum", "a_pt_residual", "a_pt_response", "a_pt_resolution_n_jets_all"} <= set(names)


def test_a_parameter_that_is_not_finite_is_refused(toy, summary, tmp_path):
    folder, _, analysis, plan = toy
    path = folder / "models/measured.py"
    path.write_text(MEASURED.replace('{"factor": total[0] / total[1]}', '{"factor": float("nan")}'), encoding="utf-8")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.delitem(__import__("sys").modules, "models.measured", raising=False)
            with pytest.raises(InputError, match="measures factor = nan on its training events"):
                train(analysis, plan, summary, model="measured", fold=0, out=tmp_path / "toy/models/measured/fold0")
    finally:
        path.write_text(MEASURED, encoding="utf-8")


@pytest.mark.slow
def test_a_network_learns_momenta_and_jets(both):
    metrics, _ = both

    assert metrics["both"]["efficiency"]["event"]["value"] > 0.6
    assert metrics["both"]["assignment"]["q"]["value"] > 0.9
    assert abs(metrics["both"]["bias"]["a_phi"]["value"]) < 0.05
    assert metrics["both"]["sigma68"]["a_pt"]["value"] < 0.25


@pytest.mark.slow
def test_a_network_answers_in_gev(both, toy):
    """The saved network undoes the scales itself: what it gives are the momenta."""
    _, out = both
    _, columns, _, _ = toy
    with uproot.open(out / "scores/s.root") as file:
        answers = file["Scores"].arrays(["both_a_pt", "both_jet_of_q"], library="np")

    assert np.corrcoef(answers["both_a_pt"], columns["Truth_a"][:, 0])[0, 1] > 0.9
    assert np.median(answers["both_a_pt"] / columns["Truth_a"][:, 0]) == pytest.approx(1, abs=0.1)
    assert set(answers["both_jet_of_q"].tolist()) <= {0.0, 1.0, 2.0, 3.0}


@pytest.mark.slow
def test_methods_are_compared_on_the_same_events(both):
    metrics, _ = both
    paired = metrics["both"]["paired"]["measured"]

    assert paired["sigma68"]["a_pt"]["value"] == pytest.approx(
        metrics["both"]["sigma68"]["a_pt"]["value"] - metrics["measured"]["sigma68"]["a_pt"]["value"]
    )
    assert paired["efficiency"]["a"]["stat"] > 0
    assert "event" not in paired["efficiency"]


def test_the_report_shows_what_was_reached(measured, toy, tmp_path):
    """All that it reads is there but the figures, of which there are none."""
    (folder, _, _, plan), (_, out) = toy, measured
    write_toy_regression(folder, models=ONLY_MEASURED)
    analysis = load_analysis("config/toy.yaml")
    plan.save(out / "plan.json")
    shutil.copy("results/toy/summary.json", out / "summary.json")
    write_json(out / "figures/index.json", [])
    report(analysis, out, config_path="config/toy.yaml", logs_dir=tmp_path, out=tmp_path / "report.html", code_digest="none")
    write_toy_regression(folder)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert "σ68, events of class full" in page
    assert "1 models, each trained 2 times." in page
    assert "Overtraining" not in page
