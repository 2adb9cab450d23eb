"""Training weights: classes balanced or in proportion to their cross sections, with mean 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Analysis, Training
from pipeline.errors import InputError
from pipeline.stream.summary import Counts
from pipeline.stream.training_stream import apply_policy
from pipeline.stream.weights import training_factors
from tests.toy_analysis import ANALYSIS

XSEC = {"s": 2.0, "b": 30.0, "c": 5.0}
# Two datasets of the class b, one of s.
DATASETS = {
    name: {"process": "sig" if name == "s" else "bkg", "xsec_pb": xsec, "files": ["x.root"]} for name, xsec in XSEC.items()
}
TOY = Analysis.model_validate({"name": "toy", **ANALYSIS, "datasets": DATASETS})
SUMW = {"s": 1000.0, "b": 400.0, "c": 50.0}

weights = st.lists(st.floats(-1, 10).filter(lambda w: abs(w) > 1e-3), min_size=1, max_size=20).map(
    lambda found: np.array([*found, 15.0 * len(found)])  # so that their sum is positive
)


def counts(weight):
    return Counts(
        n_events=len(weight),
        sumw=float(weight.sum()),
        sumw_absolute=float(np.abs(weight).sum()),
        sumw_positive=float(np.maximum(weight, 0).sum()),
        sumw2=float((weight**2).sum()),
    )


def trained(found, policy, *, balance):
    """By dataset, the weights that training sees."""
    training = Training(class_balance=balance, negative_weights=policy)
    factors = training_factors(TOY, training, SUMW, {name: counts(weight) for name, weight in found.items()})
    return {name: apply_policy(weight, policy) * factors[name] for name, weight in found.items()}


policies = pytest.mark.parametrize("policy", ["keep", "absolute", "zero"])


@policies
@given(s=weights, b=weights, c=weights)
def test_balanced_classes_have_the_same_sum_and_the_mean_weight_is_one(policy, s, b, c):
    seen = trained({"s": s, "b": b, "c": c}, policy, balance=True)

    assert seen["s"].sum() == pytest.approx(seen["b"].sum() + seen["c"].sum(), rel=1e-9)
    assert np.concatenate(list(seen.values())).mean() == pytest.approx(1, rel=1e-9)


@policies
@pytest.mark.parametrize("balance", [True, False])
@given(s=weights, b=weights, c=weights)
def test_datasets_of_a_class_keep_their_cross_sections(policy, balance, s, b, c):
    found = {"s": s, "b": b, "c": c}

    seen = trained(found, policy, balance=balance)

    expected = {name: XSEC[name] / SUMW[name] * found[name].sum() for name in "bc"}
    assert seen["b"].sum() / seen["c"].sum() == pytest.approx(expected["b"] / expected["c"], rel=1e-9)


@policies
@given(s=weights, b=weights, c=weights)
def test_without_balance_classes_keep_their_cross_sections_and_the_mean_weight_is_one(policy, s, b, c):
    found = {"s": s, "b": b, "c": c}

    seen = trained(found, policy, balance=False)

    expected = {name: XSEC[name] / SUMW[name] * found[name].sum() for name in "sbc"}
    for name in "bc":
        assert seen[name].sum() / seen["s"].sum() == pytest.approx(expected[name] / expected["s"], rel=1e-9)
    assert np.concatenate(list(seen.values())).mean() == pytest.approx(1, rel=1e-9)


def test_two_classes_of_one_event_each_can_be_checked_by_eye():
    found = {"s": np.array([1.0]), "b": np.array([1.0]), "c": np.array([1.0])}

    balanced = trained(found, "keep", balance=True)

    # s: 1.5 of 3; b: 30 / 400 = 0.075 and c: 5 / 50 = 0.1 share the other 1.5.
    assert {name: weight[0] for name, weight in balanced.items()} == pytest.approx(
        {"s": 1.5, "b": 1.5 * 0.075 / 0.175, "c": 1.5 * 0.1 / 0.175}
    )


def test_a_dataset_without_events_leaves_the_class_to_the_other():
    seen = trained({"s": np.ones(4), "b": np.zeros(0), "c": np.ones(2)}, "keep", balance=True)

    assert seen["s"].sum() == pytest.approx(seen["c"].sum())


@pytest.mark.parametrize(
    ("weight", "policy", "told"),
    [(np.zeros(0), "absolute", "0"), (np.array([1.0, -3.0]), "keep", "-0.004"), (np.array([-3.0]), "zero", "0")],
    ids=["no events", "negative sum", "nothing positive"],
)
@pytest.mark.parametrize("balance", [True, False])
def test_a_class_without_weight_is_told(weight, policy, told, balance):
    found = {"s": weight, "b": np.ones(3), "c": np.ones(3)}

    with pytest.raises(InputError, match=rf"^Class 's' has sum of weights {told} in the training folds, after selection\."):
        trained(found, policy, balance=balance)
