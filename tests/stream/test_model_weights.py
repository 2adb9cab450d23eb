"""The weights of one model of one fold: of the events that it learns from, and only where both parts can be used."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.events.plan import DatasetPlan, Plan, PlannedFile
from pipeline.learning.range_summary import ExactCounts
from pipeline.statistics.sums import exact_sum
from pipeline.stream.flattening import FlatBins
from pipeline.stream.model_weights import model_weights
from pipeline.stream.summary import Summary, counts_to_json
from pipeline.stream.training_check import check_trainings
from pipeline.stream.weights import apply_policy
from tests.toy_analysis import ANALYSIS

DATASETS = {
    name: {"process": "sig" if name == "s" else "bkg", "xsec_pb": xsec, "files": [f"{name}.root"]}
    for name, xsec in {"s": 1.0, "b": 30.0, "c": 5.0}.items()
}
MET = {"edges": [0.0, 20.0, 40.0]}
PARTS = ("training", "validation")


def analysis(**training):
    return Analysis.model_validate({"name": "toy", **ANALYSIS, "datasets": DATASETS, "training": training})


PLAN = Plan(
    "toy",
    9,
    0,
    tuple(
        DatasetPlan(name, True, (PlannedFile(name, "TTree", name, 1, 9, (0, 9), 9, 10.0, 10.0, "Runs"),))
        for name in DATASETS
    ),
)


def exact_counts(weight):
    parts = (weight, np.abs(weight), np.maximum(weight, 0.0), weight**2)
    return ExactCounts(len(weight), tuple(exact_sum(part) for part in parts))


def summary(one, found, *, folds=2):
    """The summary of *found*: by part and dataset, the weights of its events, the same for every fold; all in the first bin
    of two but the last event of each."""
    folded = {
        part: {"0.2": {name: counts_to_json(exact_counts(weight).rounded) for name, weight in weights.items()}}
        for part, weights in found.items()
    }
    flatten = one.training_of("m").flatten
    if flatten is not None:
        policy = one.training_of("m").negative_weights
        sums = {part: {name: spectrum(weight, policy) for name, weight in of.items()} for part, of in found.items()}
        folded["spectra"] = {FlatBins.of(flatten).name: {"sums": {policy: {"0.2": sums}}}}
    return Summary({"folds": {str(fold): folded for fold in range(folds)}})


def spectrum(weight, policy):
    seen = apply_policy(weight, policy)
    parts = (seen[:-1], seen[-1:])
    return {"n_events": [int((part != 0).sum()) for part in parts], "sumw": [float(part.sum()) for part in parts]}


def made(found, **training):
    one = analysis(**training)
    return model_weights(one, PLAN, summary(one, found), "m", 0)


def both(s, b, c):
    """The same weights in both parts."""
    weights = {name: np.array(weight, dtype=np.float64) for name, weight in (("s", s), ("b", b), ("c", c))}
    return {part: dict(weights) for part in PARTS}


def weights(*large):
    """Weights of a dataset, of either sign, and some *large* ones."""
    return st.lists(st.floats(-3, 3).filter(lambda w: abs(w) > 1e-3), max_size=6).map(lambda w: np.array([*w, *large]))


# Both classes have a positive sum; the dataset c of the class b may have a negative one.
samples = st.fixed_dictionaries(
    {part: st.fixed_dictionaries({"s": weights(20.0), "b": weights(20.0), "c": weights()}) for part in PARTS}
)


@pytest.mark.parametrize("policy", ["absolute", "zero"])
@pytest.mark.parametrize("flatten", [None, {"variables": {"met": MET}}], ids=["plain", "flat"])
@given(found=samples)
def test_no_weight_is_negative_without_negative_weights(flatten, policy, found):
    """Whatever the weights are: otherwise the model is refused."""
    try:
        of_model = made(found, negative_weights=policy, flatten=flatten)
    except InputError:
        return

    for part in PARTS:
        assert all((apply_policy(w, policy) * of_model.factors[n] >= 0).all() for n, w in found[part].items())
    assert all(factors.min() >= 0 for factors in of_model.flat.values())


@given(found=samples)
def test_the_training_events_alone_are_balanced_with_mean_one_and_those_held_out_change_nothing(found):
    try:
        of_model = made(found)
    except InputError:
        return

    learned = found["training"]
    seen = {name: np.abs(weight) * of_model.factors[name] for name, weight in learned.items()}
    n_events = sum(map(len, learned.values()))
    assert seen["s"].sum() == pytest.approx(n_events / 2)
    assert seen["b"].sum() + seen["c"].sum() == pytest.approx(n_events / 2)
    assert of_model.factors == made({**found, "validation": {name: np.ones(9) for name in DATASETS}}).factors


@pytest.mark.parametrize("policy", ["absolute", "zero"])
def test_a_dataset_with_a_negative_sum_is_told_by_its_name(policy):
    """Its class's sum is positive, so that its share would be learned with negative weights."""
    found = both([1, 1], [5, 5], [1, -2])

    with pytest.raises(
        InputError,
        match=r"^Model 'm', fold 0: Dataset 'c' has sum of weights -1 in its 2 training events, after selection: .*"
        rf" Expected at least 0 with negative_weights: {policy}\. Add files",
    ):
        made(found, negative_weights=policy)

    assert made(found, negative_weights="keep").factors["c"] > 0


@pytest.mark.parametrize(
    ("part", "told"),
    [
        ("training", r"no training events: of its 2 in the other folds, validation_fraction 0\.2 draws 2 for validation\."),
        (
            "validation",
            r"no validation events: of its 2 in the other folds, validation_fraction 0\.2 draws 0 for validation\.",
        ),
    ],
)
def test_a_class_without_events_in_one_part_is_told_with_fold_and_remedy(part, told):
    found = both([1, 1], [5, 5], [1, 2])
    found[part]["s"] = np.zeros(0)

    with pytest.raises(InputError, match=rf"^Model 'm', fold 0: Class 's' has {told} Expected .* Add files, loosen"):
        made(found)


def test_a_class_may_get_its_events_from_one_of_its_datasets():
    found = both([1, 1], [5, 5], [])

    assert made(found).n_events == {part: {"s": 2, "b": 2, "c": 0} for part in PARTS}


@pytest.mark.parametrize(
    ("policy", "weight", "told"), [("zero", [-0.5, -0.5], "0"), ("keep", [1.0, -1.5], r"-0\.0\d+")], ids=["zero", "keep"]
)
@pytest.mark.parametrize("flatten", [None, {"variables": {"met": MET}}], ids=["plain", "flat"])
def test_validation_events_without_weight_are_told_before_the_training(flatten, policy, weight, told):
    found = both([9, 9, 1], [5, 5], [1, 2])
    found["validation"]["s"] = np.array(weight)

    with pytest.raises(
        InputError,
        match=rf"^Model 'm', fold 0: Class 's' has sum of weights {told if flatten is None else '.*'} in its validation"
        rf" events, with negative_weights: {policy}\. Expected more than 0.* raise training\.validation_fraction",
    ):
        made(found, negative_weights=policy, flatten=flatten)


def test_a_dataset_that_a_fold_does_not_learn_from_is_warned_of_once(caplog):
    found = both([1, 1], [5, 5], [])
    two = {"m": ANALYSIS["models"]["m"], "n": ANALYSIS["models"]["m"]}
    one = Analysis.model_validate({"name": "toy", **ANALYSIS, "datasets": DATASETS, "models": two})

    check_trainings(one, PLAN, summary(one, found))

    assert [record.getMessage().partition(",")[0] for record in caplog.records] == [
        "Dataset 'c' has no training events in fold 0",
        "Dataset 'c' has no training events in fold 1",
    ]


def test_nothing_is_said_where_every_fold_learns_from_every_dataset(caplog):
    one = analysis()

    check_trainings(one, PLAN, summary(one, both([1, 1], [5, 5], [1])))

    assert not caplog.records
