"""Counts of a regression: the same from any chunks, as a loop over events would count, and what follows from them."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.physics.kinematics import delta_r, momentum
from pipeline.statistics.bootstrap import poisson_multiplicities
from pipeline.statistics.hashing import salted
from pipeline.statistics.sums import Quantum
from pipeline.tasks.regression_counts import RegressionCounts
from pipeline.tasks.regression_results import evaluate
from pipeline.tasks.residuals import AXES, N_BINS

UNIT = Quantum.of_typical_weight(1.5)
N = 60


def counts_of(analysis, events, parts=None):
    """Counts of *events*, added chunk by chunk."""
    counts = analysis.task.counts_for(analysis, "s", UNIT)
    for part in parts or [slice(None)]:
        counts.add(analysis.task.entries_of(analysis, "s", UNIT, seen={}, **taken(events, part)))
    return counts


def taken(events, part):
    return {
        key: {name: np.asarray(array)[part] for name, array in value.items()} if isinstance(value, dict) else value[part]
        for key, value in events.items()
    }


def same(first, second):
    return (
        np.array_equal(first.replicas.counts, second.replicas.counts)
        and np.array_equal(first.sumw, second.sumw)
        and np.array_equal(first.sumw2, second.sumw2)
        and np.array_equal(first.n_events, second.n_events)
        and all(
            np.array_equal(one.sumw, second.histograms.histograms[name].sumw)
            for name, one in first.histograms.histograms.items()
        )
    )


@pytest.fixture(scope="module")
def analysis(regression):
    return regression()


@settings(max_examples=20)
@given(cuts=st.lists(st.integers(0, N), max_size=4))
def test_chunks_do_not_change_the_counts(cuts, analysis, answered_events):
    events, edges = answered_events(N), [0, *sorted(cuts), N]
    parts = [slice(*pair) for pair in pairwise(edges)]

    assert same(counts_of(analysis, events), counts_of(analysis, events, parts))


def test_the_order_of_events_changes_nothing(analysis, answered_events):
    events = answered_events(N)
    order = np.random.default_rng(5).permutation(N)

    assert same(counts_of(analysis, events), counts_of(analysis, taken(events, order)))


def test_counts_add_and_have_a_zero(analysis, answered_events):
    events = answered_events(N)
    first, second = (counts_of(analysis, taken(events, part)) for part in (slice(20), slice(20, None)))
    empty = counts_of(analysis, taken(events, slice(0)))

    assert same(first + second, counts_of(analysis, events))
    assert same(first + second, second + first)
    assert same(first + empty, first)


def test_save_and_load_is_the_identity(analysis, answered_events, tmp_path):
    counts = counts_of(analysis, answered_events(N))
    counts.save(tmp_path / "s.npz")
    loaded = RegressionCounts.load(tmp_path / "s.npz")

    assert loaded.by == counts.by
    assert same(loaded, counts)


def test_counts_of_another_task_do_not_add(analysis, regression, answered_events):
    other = regression(variables=["pt"])

    with pytest.raises(ValueError, match="answers differ"):
        counts_of(analysis, answered_events(5)) + counts_of(other, answered_events(5))


def test_counts_add_whatever_figures_call_a_system(analysis, regression, answered_events):
    other = regression(system_labels={"ab": "A and B"})

    assert same(
        counts_of(analysis, answered_events(5)) + counts_of(other, answered_events(5)),
        counts_of(analysis, answered_events(5)) + counts_of(analysis, answered_events(5)),
    )


def reached(analysis, events, folder):
    folder.mkdir()
    counts_of(analysis, events).save(folder / "s.npz")
    return evaluate(analysis, folder, {"s": 2.0})


def replicated(analysis, events):
    keys = salted(events["keys"], "dataset s")
    drawn = poisson_multiplicities(keys, analysis.bootstrap_replicas, analysis.seed)
    return np.concatenate([np.ones((len(keys), 1)), drawn], axis=1) * events["weights"][:, np.newaxis]


def test_efficiencies_are_those_of_a_loop(analysis, answered_events, tmp_path):
    events = answered_events(N)
    found = reached(analysis, events, tmp_path / "x").metrics["both"]
    weights, passed, could = replicated(analysis, events), {}, {}
    truth, answers = events["truth"], events["unseen"]["both"].astype(np.float64)
    for i in range(N):
        near = {}
        for place, name in enumerate("ab"):
            true, answer = truth[name][i].astype(np.float64), answers[i, 4 * place : 4 * place + 4]
            if np.isfinite(true).all():
                close = delta_r(answer[1], answer[2], true[1], true[2]) < 0.4
                near[name] = bool(close and abs(answer[0] / true[0] - 1) < 0.5)
        targets = dict(near)
        if len(near) == 2:
            targets["event"] = all(near.values())
        for name, is_found in targets.items():
            could[name] = could.get(name, 0) + weights[i]
            passed[name] = passed.get(name, 0) + weights[i] * is_found

    for name in ("a", "b", "event"):
        ratio = passed[name] / could[name]
        assert found["efficiency"][name]["value"] == pytest.approx(ratio[0])
        assert found["efficiency"][name]["stat"] == pytest.approx(ratio[1:].std(ddof=1))


def test_assignments_are_counted_where_there_is_a_jet(analysis, answered_events, tmp_path):
    events = answered_events(N)
    found = reached(analysis, events, tmp_path / "x").metrics["both"]
    jets, weights = events["truth"]["jet_of_q"], events["weights"]
    right = events["unseen"]["both"][:, -1] == jets
    expected = weights[right & (jets >= 0)].sum() / weights[jets >= 0].sum()

    assert found["assignment"]["q"]["value"] == pytest.approx(expected)
    assert found["assignment"]["event"] == found["assignment"]["q"]


def test_residuals_of_sums_are_those_of_their_momenta(analysis, answered_events, tmp_path):
    """The mass of the system, event by event, in the bins of its histogram."""
    events = answered_events(N)
    products = reached(analysis, events, tmp_path / "x")
    expected = np.zeros(N_BINS)
    for i in range(N):
        if np.isfinite(events["truth"]["b"][i]).all():
            true = sum((momentum(*events["truth"][name][i].astype(float)) for name in "b"), momentum(*truth_a(events, i)))
            given = events["unseen"]["both"][i].astype(float)
            answer = momentum(*given[:4]) + momentum(*given[4:8])
            expected[AXES["mass"].bins(np.array([answer.mass / true.mass - 1]))[0]] += events["weights"][i]

    histogram = products.test["s"].histograms["both_ab_mass_residual"]
    np.testing.assert_allclose(histogram.sumw * UNIT.value, expected, atol=1e-9)


def test_a_system_on_shell_has_the_masses_of_its_objects(regression, answered_events, tmp_path):
    """The methods differ in masses alone; so do their own sums, but not those of objects with the masses of the YAML."""
    events, analysis = answered_events(N), regression(on_shell=["ab"])
    names = analysis.task.answers.names
    events["unseen"]["measured"] = events["unseen"]["both"].copy()
    events["unseen"]["both"][:, names.index("a_mass")] *= 3.0
    heavy = events["unseen"]["both"].astype(float)
    products = reached(analysis, events, tmp_path / "on")
    found, other = products.metrics, reached(regression(), events, tmp_path / "off").metrics
    expected = np.zeros(N_BINS)
    for i in range(N):
        if np.isfinite(events["truth"]["b"][i]).all():
            true = sum((momentum(*events["truth"][name][i].astype(float)) for name in "b"), momentum(*truth_a(events, i)))
            answer = momentum(*heavy[i, :3], 10.0) + momentum(*heavy[i, 4:7], 10.0)
            expected[AXES["mass"].bins(np.array([answer.mass / true.mass - 1]))[0]] += events["weights"][i]

    histogram = products.test["s"].histograms["both_ab_mass_residual"]
    np.testing.assert_allclose(histogram.sumw * UNIT.value, expected, atol=1e-9)
    assert found["both"]["sigma68"]["ab_mass"] == found["measured"]["sigma68"]["ab_mass"]
    assert other["both"]["sigma68"]["ab_mass"] != other["measured"]["sigma68"]["ab_mass"]
    # Its objects keep the masses that they are given.
    assert found["both"]["sigma68"]["a_mass"] != found["measured"]["sigma68"]["a_mass"]


def truth_a(events, i):
    return events["truth"]["a"][i].astype(float)


def test_classes_add_up_to_all_events(analysis, answered_events, tmp_path):
    found = reached(analysis, answered_events(N), tmp_path / "x").metrics["both"]

    assert list(found["classes"]) == ["full", "rest"]
    assert found["n_test"] == sum(entry["n_test"] for entry in found["classes"].values()) == N


def test_what_a_method_does_not_answer_is_left_out(analysis, answered_events, tmp_path):
    found = reached(analysis, answered_events(N), tmp_path / "x").metrics["measured"]

    assert set(found["efficiency"]) == {"a"}
    assert not [name for name in found["sigma68"] if not name.startswith("a_")]


def test_a_mass_that_is_given_is_no_answer(regression, answered_events, tmp_path):
    analysis, events = regression(coordinates="px_py_pz"), answered_events(N)
    mass = analysis.task.objects["a"].mass_gev
    answers = events["unseen"]["both"].copy()
    answers[:, analysis.task.answers.names.index("a_mass")] = mass
    found = reached(analysis, {**events, "unseen": {**events["unseen"], "both": answers}}, tmp_path / "x").metrics

    assert "a_mass" not in found["both"]["sigma68"]
    assert {"a_pt", "ab_mass"} <= set(found["both"]["sigma68"])
    assert "a_mass" in found["measured"]["sigma68"]


def test_differences_to_the_reference_are_paired(analysis, answered_events, tmp_path):
    events = answered_events(400)
    found = reached(analysis, events, tmp_path / "x").metrics
    paired = found["both"]["paired"]["measured"]
    own, other = (found[model]["sigma68"]["a_pt"] for model in ("both", "measured"))

    assert paired["sigma68"]["a_pt"]["value"] == pytest.approx(own["value"] - other["value"])
    assert paired["sigma68"]["a_pt"]["value"] < 0
    assert "paired" not in found["measured"]


def test_the_difference_of_a_method_to_its_twin_has_no_error(analysis, answered_events, tmp_path):
    events = answered_events(N)
    events["unseen"]["measured"] = events["unseen"]["both"]
    paired = reached(analysis, events, tmp_path / "x").metrics["both"]["paired"]["measured"]

    assert {(v["value"], v["stat"]) for part in paired.values() for v in part.values() if v["value"] is not None} == {(0, 0)}


def test_a_difference_knows_that_both_saw_the_same_events(analysis, answered_events, tmp_path):
    """Two methods that err alike differ by less than their errors say."""
    events = answered_events(2000)
    twin = events["unseen"]["both"].copy()
    twin[:, 0] *= 1.01
    events["unseen"]["measured"] = twin
    found = reached(analysis, events, tmp_path / "x").metrics
    difference = found["both"]["paired"]["measured"]["efficiency"]["event"]

    assert difference["stat"] < 0.3 * found["both"]["efficiency"]["event"]["stat"]


def test_a_perfect_method_is_perfect(analysis, answered_events, tmp_path):
    events = answered_events(N)
    perfect = np.concatenate(
        [events["truth"]["a"], events["truth"]["b"], events["truth"]["jet_of_q"][:, np.newaxis]], axis=1
    )
    events["unseen"]["both"] = perfect
    found = reached(analysis, events, tmp_path / "x").metrics["both"]

    assert {entry["value"] for entry in found["efficiency"].values()} == {1.0}
    assert {entry["value"] for entry in found["assignment"].values()} == {1.0}
    assert max(abs(entry["value"]) for entry in found["bias"].values()) < 0.01


def test_curves_add_up_to_the_whole(regression, answered_events, tmp_path):
    """With one bin that holds every event, a curve is the number of the table."""
    analysis = regression(against={"n_jets": {"edges": [0, 6]}, "pt": {"edges": [0, 1e6]}})
    found = reached(analysis, answered_events(N), tmp_path / "x").metrics["both"]

    for axis in ("n_jets", "pt"):
        (point,) = found["curves"][axis]["all"]["efficiency"]["a"]
        assert point == found["efficiency"]["a"]
    (point,) = found["curves"]["n_jets"]["all"]["efficiency"]["event"]
    assert point == found["efficiency"]["event"]
    (point,) = found["curves"]["n_jets"]["all"]["sigma68"]["ab_mass"]
    assert point["value"] == pytest.approx(found["sigma68"]["ab_mass"]["value"], rel=0.1)


def test_events_are_in_the_bins_of_a_curve_that_a_loop_finds(regression, answered_events, tmp_path):
    analysis = regression(against={"a_pt": {"edges": [0, 40, 80]}})
    events = answered_events(N)
    found = reached(analysis, events, tmp_path / "x").metrics["both"]
    points = found["curves"]["a_pt"]["all"]["efficiency"]["a"]
    pt, weights = events["truth"]["a"][:, 0], events["weights"]
    alone = []
    for low, high in ((0, 40), (40, 80)):
        some = taken(events, (pt >= low) & (pt < high))
        alone.append(reached(analysis, some, tmp_path / f"{low}").metrics["both"]["efficiency"]["a"])

    assert points == alone
    assert (pt >= 80).any()
    assert weights.any()


def test_matrices_hold_every_answered_event(analysis, answered_events, tmp_path):
    events = answered_events(N)
    products = reached(analysis, events, tmp_path / "x")
    matrix = products.matrices["response/all/both_ab_mass"]
    both = np.isfinite(events["truth"]["b"]).all(axis=1)

    assert matrix.values(flow=True).sum() == pytest.approx(2 * events["weights"][both].sum())
    assert matrix.variances(flow=True).sum() == pytest.approx(4 * (events["weights"][both] ** 2).sum(), rel=1e-6)
    parts = [products.matrices[f"response/{name}/both_ab_mass"].values(flow=True) for name in ("full", "rest")]
    np.testing.assert_allclose(sum(parts), matrix.values(flow=True))


def test_the_projection_of_a_matrix_is_the_spectrum_of_the_truth(analysis, answered_events, tmp_path):
    products = reached(analysis, answered_events(N), tmp_path / "x")
    matrix = products.matrices["response/all/both_a_pt"].values(flow=True)
    truth = products.test["s"].histograms["truth_a_pt"]

    np.testing.assert_allclose(matrix.sum(axis=0), 2 * truth.sumw * UNIT.value)


def test_data_have_answers_but_no_residuals(regression, answered_events):
    analysis = regression()
    events = {**answered_events(N), "truth": {}}
    counts = counts_of(analysis, events)

    assert not counts.replicas.counts.any()
    assert counts.histograms.histograms["both_a_pt"].sumw.any()
    assert not counts.histograms.histograms["truth_a_pt"].sumw.any()


def test_results_are_json(analysis, answered_events, tmp_path):
    content = reached(analysis, answered_events(N), tmp_path / "x").metrics

    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_counts_of_other_models_are_refused(analysis, regression, answered_events, tmp_path):
    counts_of(analysis, answered_events(5)).save(tmp_path / "s.npz")

    with pytest.raises(InputError, match=r"counted for another task .* Run the stage `score` for s again"):
        evaluate(regression(variables=["pt"]), tmp_path, {"s": 1.0})


def test_counts_serve_as_well_when_costs_are_asked_for_later(analysis, regression, answered_events, tmp_path):
    counts_of(analysis, answered_events(N)).save(tmp_path / "s.npz")
    first, later = (evaluate(one, tmp_path, {"s": 1.0}).metrics for one in (analysis, regression(costs="events")))

    assert first == later


def test_no_truth_at_all_is_an_error(analysis, answered_events, tmp_path):
    counts_of(analysis, taken(answered_events(5), slice(0))).save(tmp_path / "s.npz")

    with pytest.raises(InputError, match="No selected event of s has truth"):
        evaluate(analysis, tmp_path, {"s": 1.0})


def test_an_unknown_class_of_events_is_told(analysis, answered_events):
    events = answered_events(5)
    events["truth"]["event_class"][2] = 7

    with pytest.raises(InputError, match=r"'event_class' is 7 .* Expected 0 to 1, for full, rest"):
        counts_of(analysis, events)


def test_an_axis_that_is_not_there_is_told(regression, answered_events):
    with pytest.raises(InputError, match=r"no 'n_jet' to draw curves against\. Nearest: 'n_jets'"):
        counts_of(regression(against={"n_jet": {"edges": [0, 1]}}), answered_events(5))


def test_an_assignment_alone_is_evaluated(regression, answered_events, tmp_path):
    analysis = regression(objects={}, systems={}, response={}, against={"n_jets": {"edges": [0, 7]}})
    events = answered_events(N)
    events["unseen"] = {model: answers[:, -1:] for model, answers in events["unseen"].items()}
    whole = reached(regression(), answered_events(N), tmp_path / "x").metrics["both"]
    alone = reached(analysis, events, tmp_path / "y").metrics["both"]

    assert alone["assignment"] == whole["assignment"]
    assert "efficiency" not in alone
    assert alone["curves"]["n_jets"]["all"]["efficiency"]["assignment"] == [whole["assignment"]["event"]]


def test_a_model_of_momenta_alone_has_no_assignment(analysis, answered_events, tmp_path):
    events = answered_events(N)
    events["unseen"]["both"][:, -1] = np.nan
    found = reached(analysis, events, tmp_path / "x").metrics["both"]

    assert "assignment" not in found
    assert "event" in found["efficiency"]


def test_partons_that_may_be_exchanged_are_right_either_way(regression, answered_events, tmp_path):
    assignment = {"partons": ["q", "r", "s"], "symmetric": [["r", "s"]]}
    analysis = regression(assignment=assignment)
    events = answered_events(3)
    for name, jets in (("q", [0, 0, 0]), ("r", [1, 1, 1]), ("s", [2, 2, -1])):
        events["truth"][f"jet_of_{name}"] = np.array(jets, dtype=np.float32)
    events["weights"] = np.ones(3)
    # Exchanged; one quark with the jet of b; exchanged, and the other has no jet.
    given = np.array([[0, 2, 1], [0, 0, 2], [0, 3, 1]], dtype=np.float32)
    events["unseen"] = {m: np.concatenate([a[:, :-1], given], axis=1) for m, a in events["unseen"].items()}
    found = reached(analysis, events, tmp_path / "x").metrics["both"]["assignment"]

    assert {name: entry["value"] for name, entry in found.items()} == pytest.approx(
        {"q": 1.0, "r": 2 / 3, "s": 1.0, "event": 1 / 2}
    )


def test_an_axis_of_several_numbers_an_event_is_refused(regression, answered_events):
    events = answered_events(5)
    events["observables"] = {"jet_pt": np.ones((5, 2))}

    with pytest.raises(InputError, match="'jet_pt' has several numbers an event"):
        counts_of(regression(against={"jet_pt": {"edges": [0, 1]}}), events)
