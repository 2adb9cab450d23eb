"""Training weights: classes balanced or in proportion to their cross sections, with mean 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.config import Analysis, Training
from pipeline.errors import InputError
from pipeline.stream.spectra import Spectrum
from pipeline.stream.summary import Counts
from pipeline.stream.weights import apply_policy, flat_factors, flattening, training_factors
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
    [(np.zeros(0), "absolute", "0"), (np.array([1.0, -3.0]), "keep", "-0.004"), (np.array([3.0, -3.0]), "zero", "0")],
    ids=["no events", "negative sum", "as much negative as positive"],
)
@pytest.mark.parametrize("balance", [True, False])
def test_a_class_without_weight_is_told(weight, policy, told, balance):
    found = {"s": weight, "b": np.ones(3), "c": np.ones(3)}

    with pytest.raises(InputError, match=rf"^Class 's' has sum of weights {told} in its training events, after selection\."):
        trained(found, policy, balance=balance)


FLATTEN = {"variables": {"pt": {"edges": [0.0, 20.0, 50.0, 90.0]}, "eta": {"bins": 2, "start": -2.0, "stop": 2.0}}}
N_BINS = 6


def spectrum(weight, bins, policy):
    seen = apply_policy(weight, policy)
    return Spectrum(np.bincount(bins[seen != 0], minlength=N_BINS), np.bincount(bins, weights=seen, minlength=N_BINS))


def flattened(found, bins, policy, *, balance=True, max_weight=None):
    """By dataset, the weights that training sees after flattening; *bins* of each event, by dataset."""
    flatten = {**FLATTEN, "max_weight": max_weight}
    training = Training.model_validate({"class_balance": balance, "negative_weights": policy, "flatten": flatten})
    sums = {name: counts(weight) for name, weight in found.items()}
    spectra = {name: spectrum(weight, bins[name], policy) for name, weight in found.items()}
    flat = flat_factors(TOY, training, SUMW, sums, spectra)
    seen = trained(found, policy, balance=balance)
    return {name: weight * flat[TOY.class_of(name)][bins[name]] for name, weight in seen.items()}


def heights(seen, bins, names):
    return sum(np.bincount(bins[name], weights=seen[name], minlength=N_BINS) for name in names)


@st.composite
def binned_weights(draw):
    """By dataset, weights and bins; every bin of a dataset that has events has a positive sum."""
    found, bins = {}, {}
    for name in XSEC:
        where = draw(st.lists(st.integers(0, N_BINS - 1), min_size=1, max_size=12))
        small = draw(st.lists(st.floats(-1, 10).filter(lambda w: abs(w) > 1e-3), min_size=len(where), max_size=len(where)))
        bins[name] = np.array([*where, *sorted(set(where))])
        found[name] = np.array([*small, *(15.0 * len(where) for _ in set(where))])
    return found, bins


@policies
@pytest.mark.parametrize("balance", [True, False])
@given(made=binned_weights())
def test_every_class_is_flat_in_the_bins_where_it_has_events(policy, balance, made):
    found, bins = made

    seen = flattened(found, bins, policy, balance=balance)

    for names in ("s", "bc"):
        filled = np.unique(np.concatenate([bins[name] for name in names]))
        total = sum(seen[name].sum() for name in names)
        np.testing.assert_allclose(heights(seen, bins, names)[filled], total / len(filled), rtol=1e-9)


@policies
@pytest.mark.parametrize("balance", [True, False])
@pytest.mark.parametrize("max_weight", [None, 1.5])
@given(made=binned_weights())
def test_flattening_keeps_the_sum_of_each_class_and_so_the_mean_weight(policy, balance, max_weight, made):
    found, bins = made
    before = trained(found, policy, balance=balance)

    seen = flattened(found, bins, policy, balance=balance, max_weight=max_weight)

    for names in ("s", "bc"):
        assert sum(seen[n].sum() for n in names) == pytest.approx(sum(before[n].sum() for n in names), rel=1e-9)
    assert np.concatenate(list(seen.values())).mean() == pytest.approx(1, rel=1e-9)


@policies
@given(made=binned_weights())
def test_datasets_of_a_class_keep_their_shares_of_each_bin(policy, made):
    found, bins = made
    before = trained(found, policy, balance=True)

    seen = flattened(found, bins, policy)

    of_b = [heights(weights, bins, "b") / np.maximum(heights(weights, bins, "bc"), 1e-300) for weights in (before, seen)]
    np.testing.assert_allclose(of_b[0], of_b[1], rtol=1e-9)


def test_flattening_can_be_checked_by_eye():
    found = {"s": np.ones(4), "b": np.ones(2), "c": np.ones(2)}
    bins = {"s": np.array([0, 0, 0, 1]), "b": np.array([2, 2]), "c": np.array([2, 5])}

    seen = flattened(found, bins, "keep")

    # Each class has the sum 4. That of s is shared by two bins of three events and of one.
    assert seen["s"] == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])
    # b: 0.075 pb an event, c: 0.1. Bin 2 has 0.25 pb in three events, bin 5 has 0.1; both get 2.
    assert seen["b"] == pytest.approx([2 * 0.075 / 0.25] * 2)
    assert seen["c"] == pytest.approx([2 * 0.1 / 0.25, 2])


def test_a_limited_bin_stays_below_the_others_which_are_flat():
    found = {"s": np.ones(16), "b": np.ones(2), "c": np.ones(2)}
    bins = {"s": np.repeat([0, 1, 2], [10, 5, 1]), "b": np.array([0, 1]), "c": np.array([0, 1])}

    seen = flattened(found, bins, "keep", max_weight=2.0)

    mean = seen["s"].mean()
    # Bin 2 has one event of weight 2 times the mean; the others share the remaining 14 of 16.
    np.testing.assert_allclose(np.unique((seen["s"] / mean).round(9)), [0.7, 1.4, 2.0])
    assert heights(seen, bins, "s")[:3] / mean == pytest.approx([7, 7, 2])


def slow_flattening(spectrum, most):
    """Raise the common level until the sum is right, by bisection."""
    low, high = 0.0, most * spectrum.max()
    for _ in range(200):
        level = (low + high) / 2
        low, high = (level, high) if np.minimum(level, most * spectrum).sum() < spectrum.sum() else (low, level)
    return np.minimum(level / spectrum, most)


@given(spectrum=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30), most=st.floats(1.001, 1e4))
def test_the_limited_factors_are_those_of_a_search_for_the_level(spectrum, most):
    given_ = np.array(spectrum)

    np.testing.assert_allclose(flattening(given_, most), slow_flattening(given_, most), rtol=1e-6)


@given(spectrum=st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30))
def test_a_limit_that_is_not_reached_changes_nothing(spectrum):
    given_ = np.array(spectrum)

    np.testing.assert_allclose(flattening(given_, 1e13), flattening(given_), rtol=1e-12)


def test_a_bin_of_negative_sum_is_told_with_its_edges():
    found = {"s": np.array([3.0, 1.0, -2.0]), "b": np.ones(2), "c": np.ones(2)}
    bins = {"s": np.array([0, 3, 3]), "b": np.array([0, 1]), "c": np.array([0, 1])}

    with pytest.raises(
        InputError,
        match=r"^Class 's' has sum of weights -0\.002 pb in bin eta 0 to 2, pt 0 to 20 of training\.flatten, in its"
        r" training events; so in 1 of 6 bins\. Expected more than 0 where there are events\. Use wider bins, or negative_w",
    ):
        flattened(found, bins, "keep")


def test_a_bin_whose_events_have_no_weight_is_an_empty_one():
    found = {"s": np.array([3.0, 1.0, -2.0, -1.0]), "b": np.ones(2), "c": np.ones(2)}
    bins = {"s": np.array([0, 1, 1, 2]), "b": np.array([0, 1]), "c": np.array([0, 1])}

    seen = flattened(found, bins, "zero")

    assert heights(seen, bins, "s")[:3] == pytest.approx([2, 2, 0])


def test_without_flattening_there_are_no_factors_of_bins():
    sums = {name: counts(np.ones(2)) for name in XSEC}

    assert flat_factors(TOY, Training(), SUMW, sums, {}) == {}


def auc(weight, other, value, value_of_other):
    """Weighted probability that *value* of an event is below that of another, pairs of equal values counted half."""
    below = value[:, np.newaxis] < value_of_other
    equal = value[:, np.newaxis] == value_of_other
    return weight @ (below + 0.5 * equal) @ other / weight.sum() / other.sum()


def test_a_variable_that_separated_the_classes_does_not_after_flattening_in_fine_bins():
    rng = np.random.default_rng(1)
    pt = {"s": 20 + rng.exponential(60, 4000), "b": 20 + rng.exponential(15, 4000), "c": 20 + rng.exponential(15, 400)}
    # Fine where there are many events, and wide at the ends so that every bin has events of both classes.
    edges = [20.0, *np.geomspace(20.5, 90, 59).tolist(), 1000.0]
    training = Training.model_validate({"flatten": {"variables": {"pt": {"edges": edges}}}})
    bins = {name: np.searchsorted(edges[1:-1], values, side="right") for name, values in pt.items()}
    found = {name: np.ones(len(values)) for name, values in pt.items()}
    sums = {name: counts(weight) for name, weight in found.items()}
    spectra = {name: Spectrum(*(np.bincount(where, minlength=60),) * 2) for name, where in bins.items()}

    factors, flat = training_factors(TOY, training, SUMW, sums), flat_factors(TOY, training, SUMW, sums, spectra)

    before = {name: np.full(len(values), factors[name]) for name, values in pt.items()}
    after = {name: weight * flat[TOY.class_of(name)][bins[name]] for name, weight in before.items()}
    b_and_c = np.concatenate([pt["b"], pt["c"]])
    areas = [auc(np.concatenate([w["b"], w["c"]]), w["s"], b_and_c, pt["s"]) for w in (before, after)]
    assert areas[0] == pytest.approx(0.8, abs=0.02)
    assert areas[1] == pytest.approx(0.5, abs=0.01)
