"""The settings of a regression, and what is made of a network's outputs."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.config import Analysis, Sequence
from pipeline.errors import InputError
from pipeline.tasks.regression_answers import answered, best_jets
from pipeline.tasks.regression_loss import exchanges
from tests.toy_regression import ANALYSIS, TASK

JETS = {"collection": "jets", "partons": ["q", "r", "s"], "symmetric": [["r", "s"]]}
COLLECTIONS = {"jets": Sequence(features=("pt",), max_objects=4)}


def test_a_network_answers_momenta_then_a_probability_of_each_jet_for_each_parton(regression):
    outputs = regression().task.outputs_for(COLLECTIONS)

    assert [head.name for head in outputs.heads] == ["momenta", "assignment"]
    assert outputs.head("momenta")[0].shape == (2, 3)
    assert outputs.head("assignment")[1] == slice(6, 10)
    assert outputs.names[:4] == ("a_px", "a_py", "a_pz", "b_px")
    assert outputs.targets == ("a_px", "a_py", "a_pz", "b_px", "b_py", "b_pz", "jet_of_q")
    assert (outputs.size, outputs.activation) == (10, "linear")


def test_an_assignment_alone_has_one_head(regression):
    outputs = regression(objects={}, systems={}, response={}, against={}).task.outputs_for(COLLECTIONS)

    assert [head.name for head in outputs.heads] == ["assignment"]
    assert outputs.activation == "softmax"
    assert outputs.targets == ("jet_of_q",)


def test_momenta_alone_have_one_head(regression):
    outputs = regression(assignment=None, coordinates="pt_eta_phi_mass").task.outputs_for({})

    assert outputs.head("assignment") is None
    assert outputs.names[:5] == ("a_pt", "a_eta", "a_cos_phi", "a_sin_phi", "a_mass")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objects": {}, "assignment": None, "systems": {}, "response": {}}, "has neither objects nor assignment"),
        ({"objects": {"a": {}, "b": {}}}, r"task\.objects\.a\.mass_gev: is missing"),
        ({"processes": ["sigg"]}, r"task\.processes: 'sigg' is not known\. Nearest: 'sig'"),
        ({"systems": {"a": ["a", "b"]}}, r"task\.systems\.a: has the name of an object"),
        ({"systems": {"ab": ["a", "bb"]}}, r"task\.systems\.ab: 'bb' is not known"),
        ({"on_shell": ["a"]}, r"task\.on_shell: 'a' is not known\. Nearest: 'ab'"),
        (
            {"on_shell": ["ab"], "coordinates": "pt_eta_phi_mass", "objects": {"a": {"mass_gev": 1.0}, "b": {}}},
            r"task\.objects\.b\.mass_gev: is missing; a system of task\.on_shell is made of it",
        ),
        ({"response": {"a_mas": {"edges": [0, 1]}}}, r"'a_mas' is no <object>_<variable>\. Nearest: 'a_mass'"),
        ({"reference": "measured2"}, r"task\.reference: 'measured2' is not known\. Nearest: 'measured'"),
        ({"assignment": {"partons": ["q"], "collection": "jet"}}, r"has no padded collection 'jet'\. Nearest: 'jets'"),
        ({"assignment": {"partons": ["q"], "symmetric": [["q", "z"]]}}, r"symmetric: 'z' is not known"),
        ({"loss": {"kind": "mse", "weights": {"pt": 2.0}}}, r"task\.loss\.weights: 'pt' is not known"),
        ({"efficiency": {"objects": ["a", "a"]}}, "'a' is listed twice"),
    ],
)
def test_what_does_not_fit_is_told(regression, changes, message):
    with pytest.raises(ValidationError, match=message):
        regression(**changes)


def test_jets_that_the_yaml_orders_cannot_be_counted(regression):
    task = regression().task
    ordered = {"jets": Sequence(features=("pt",), max_objects=4, order_by="pt")}

    with pytest.raises(ValueError, match="but jet_of_<parton> counts them as the processor orders them"):
        task._check_collection("inputs.all", ordered)


def test_a_model_may_learn_one_part_alone(regression):
    task = regression().task
    momenta, assignment = (task.outputs_for(COLLECTIONS, (head,)) for head in ("momenta", "assignment"))

    assert (momenta.size, assignment.size) == (6, 4)
    assert momenta.targets == assignment.targets == task.outputs_for(COLLECTIONS).targets
    assert np.isnan(answered(task, momenta, np.ones((1, 6), dtype=np.float32), COLLECTIONS, {})[0]).tolist() == [
        False
    ] * 8 + [True]
    assert np.isnan(answered(task, assignment, np.ones((1, 4), dtype=np.float32), COLLECTIONS, {})[0]).tolist() == [
        True
    ] * 8 + [False]


def test_momenta_are_made_of_assigned_jets_where_a_network_gives_none(regression):
    partons = ["b_had", "q1", "q2", "b_lep"]
    changes = {
        "objects": {name: {"mass_gev": 1.0} for name in ("w_had", "b_lep")},
        "systems": {},
        "response": {},
        "against": {},
    }
    task = regression(**changes, assignment={"partons": partons, "momenta": "top_pair"}).task
    p4 = ("px", "py", "pz", "energy")
    collections = {"jets": Sequence(features=p4, max_objects=4), "lepton": p4, "met": ("px", "py")}
    jets = np.array([[[30, 0, 0, 30], [0, 40, 0, 40], [0, 0, 50, 50], [60, 0, 0, 60]]], dtype=np.float32)
    tensors = {"jets": jets, "jets_mask": np.ones((1, 4)), "lepton": jets[:, 0], "met": jets[:, 1, :2]}
    alone, both = (task.outputs_for(collections, heads) for heads in (("assignment",), ()))
    scores = np.eye(4, dtype=np.float32)[[2, 0, 1, 3]].reshape(
        1, 16
    )  # b_had is jet 2, the W is jets 0 and 1, b_lep is jet 3

    found = dict(zip(task.answers.names, answered(task, alone, scores, collections, tensors)[0].tolist(), strict=True))
    given = np.concatenate([np.ones((1, 6), dtype=np.float32), scores], axis=1)

    assert (found["w_had_pt"], found["b_lep_pt"]) == (50, 60)
    assert found["w_had_mass"] == pytest.approx(np.sqrt(70**2 - 50**2))
    assert answered(task, both, given, collections, tensors)[0, 0] == pytest.approx(np.sqrt(2))  # its own answer


def test_a_head_that_is_not_there_is_told(regression):
    models = {"both": {"architecture": "both", "inputs": "all", "heads": ["momentum"]}}

    with pytest.raises(ValidationError, match=r"models\.both\.heads: 'momentum' is not known\. Nearest: 'momenta'"):
        Analysis.model_validate({"name": "toy", **ANALYSIS, "models": models, "task": {**TASK, "reference": None}})


def test_a_network_s_outputs_become_four_vectors_and_jets(regression):
    task = regression().task
    outputs = task.outputs_for(COLLECTIONS)
    scores = np.array([[3, 4, 0, 0, -2, 0, 0.1, 0.2, 0.6, 0.1]], dtype=np.float32)

    found = dict(zip(task.answers.names, answered(task, outputs, scores, COLLECTIONS, {})[0].tolist(), strict=True))

    assert (found["a_pt"], found["a_eta"], found["a_mass"]) == (5, 0, 10)
    assert found["b_phi"] == pytest.approx(-np.pi / 2)
    assert found["jet_of_q"] == 2


def test_the_answers_of_a_method_without_a_network_are_left_as_they_are(regression):
    task = regression().task
    scores = np.full((2, task.answers.size), np.nan, dtype=np.float32)

    assert answered(task, task.answers, scores, COLLECTIONS, {}) is scores


def test_an_answer_that_is_not_finite_is_refused(regression):
    task = regression().task
    scores = np.zeros((2, 10), dtype=np.float32)
    scores[1, 4] = np.inf

    with pytest.raises(InputError, match="A network answers inf for b_py"):
        answered(task, task.outputs_for(COLLECTIONS), scores, COLLECTIONS, {})


@settings(max_examples=50)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(0, 2**31))
def test_jets_are_those_of_the_loop(n_partons, n_jets, seed):
    table = np.random.default_rng(seed).random((5, n_partons, n_jets))
    table[:, :, n_jets // 2 + 1 :] = 0  # padding

    assert best_jets(table).tolist() == [loop(event) for event in table]


def loop(table):
    """One event: the best pair of what is left, again and again."""
    jets, free = [-1.0] * len(table), set(range(table.shape[1]))
    while True:
        pairs = [(table[p, j], -p, -j) for p in range(len(table)) for j in free if jets[p] < 0 and table[p, j] > 0]
        if not pairs:
            return jets
        _, parton, jet = max(pairs)
        jets[-parton] = float(-jet)
        free.remove(-jet)


def test_no_jet_is_given_twice():
    jets = best_jets(np.random.default_rng(3).random((500, 4, 5)))

    assert all(len(set(event)) == 4 for event in jets.tolist())


def test_exchanges_are_all_permutations_within_the_groups():
    found = exchanges(("a", "q", "r", "s", "t"), (("q", "r"), ("s", "t")))
    expected = [
        (0, *first, *second) for first in itertools.permutations((1, 2)) for second in itertools.permutations((3, 4))
    ]

    assert sorted(found) == sorted(expected)
    assert exchanges(("a", "b"), ()) == [(0, 1)]


def test_training_does_not_depend_on_what_is_only_evaluated(regression):
    first, second = (regression(reference=name, efficiency={"delta_r": 0.3}).task for name in ("both", "measured"))

    assert first != second
    assert first.model_dump(exclude=first.evaluated) == second.model_dump(exclude=second.evaluated)


def test_what_turns_the_truth_must_turn_every_input():
    inputs = {"picture": {"jet": {"kind": "image", "pixels": 5, "half_width": 1.0}, **ANALYSIS["inputs"]["all"]}}
    models = {"both": {"architecture": "both", "inputs": "picture"}}
    task = {**TASK, "reference": None, "augment": ["rotate_phi"]}

    with pytest.raises(ValidationError, match=r"task\.augment: turns the truth, but not inputs\.picture of model 'both'"):
        Analysis.model_validate({"name": "toy", **ANALYSIS, "inputs": inputs, "models": models, "task": task})
