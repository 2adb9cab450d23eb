from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.statistics.bootstrap import ReplicaCounts, poisson_multiplicities
from pipeline.statistics.hashing import mix64
from pipeline.statistics.roc import RocCurve, auc_of_counts, paired_difference

COUNTS = st.lists(st.integers(0, 20), min_size=1, max_size=12)


def exact_auc(sig, bkg, sig_weights, bkg_weights) -> float:
    """Every signal event against every background event; a tie counts half."""
    wins = (sig[:, None] > bkg[None, :]) + 0.5 * (sig[:, None] == bkg[None, :])
    return float(sig_weights @ wins @ bkg_weights / (sig_weights.sum() * bkg_weights.sum()))


def curve(sig, bkg, sumw2=None) -> RocCurve:
    sig, bkg = (np.atleast_2d(np.asarray(counts, dtype=float).T).T for counts in (sig, bkg))
    edges = np.linspace(0, 1, len(sig) + 1)
    return RocCurve.from_counts(edges, sig, bkg, bkg_sumw2=bkg[:, 0] if sumw2 is None else np.asarray(sumw2))


@st.composite
def two_samples(draw):
    sig, bkg = draw(COUNTS), draw(COUNTS)
    n = min(len(sig), len(bkg))
    assume(sum(sig[:n]) > 0 and sum(bkg[:n]) > 0)
    return np.array(sig[:n], dtype=float), np.array(bkg[:n], dtype=float)


def gaussian_counts(n, n_replicas, *, n_bins=2000, shift=1.0, seed=0):
    """Scores of two Gaussians, in bins and with replicas, and the scores themselves."""
    rng = np.random.default_rng(seed)
    samples, tables = [], []
    for mean, first in ((shift, 0), (0.0, n)):
        scores = rng.normal(mean, 1, n)
        bins = np.clip(((scores + 6) / 13 * n_bins).astype(np.int64), 0, n_bins - 1)
        replicas = ReplicaCounts.empty(n_bins, n_replicas, 1)
        replicas.fill(bins, np.ones(n, np.int64), mix64(np.arange(first, first + n)))
        samples.append(scores)
        tables.append(replicas.counts.astype(float))
    return samples, tables


@given(two_samples())
def test_efficiencies_fall_from_one_to_zero(samples):
    roc = curve(*samples)

    for eff in (roc.sig_eff[:, 0], roc.bkg_eff[:, 0]):
        assert (eff[0], eff[-1]) == (1.0, 0.0)
        assert (np.diff(eff) <= 0).all()


@given(two_samples())
def test_background_efficiency_rises_with_the_signal_efficiency(samples):
    bkg_eff = curve(*samples).bkg_eff_at(np.linspace(0.01, 1, 50))[:, 0]

    assert (np.diff(bkg_eff) >= -1e-12).all()
    assert ((bkg_eff >= 0) & (bkg_eff <= 1)).all()


@given(two_samples())
def test_auc_of_exchanged_classes_is_one_minus_the_auc(samples):
    sig, bkg = samples

    assert curve(sig, bkg).auc.value + curve(bkg, sig).auc.value == pytest.approx(1, abs=1e-12)


@given(samples=two_samples(), factors=st.tuples(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6)))
def test_scaling_the_weights_changes_nothing(samples, factors):
    (sig, bkg), (a, b) = samples, factors
    plain, scaled = curve(sig, bkg), curve(a * sig, b * bkg, b**2 * bkg)

    np.testing.assert_allclose(plain.sig_eff, scaled.sig_eff, atol=1e-12)
    np.testing.assert_allclose(plain.bkg_eff, scaled.bkg_eff, atol=1e-12)
    np.testing.assert_allclose(plain.bkg_eff_binomial, scaled.bkg_eff_binomial, rtol=1e-9, atol=1e-12)
    assert plain.auc.value == pytest.approx(scaled.auc.value, abs=1e-12)


@given(two_samples())
def test_binned_auc_counts_ties_half(samples):
    sig, bkg = samples
    values = np.arange(len(sig), dtype=float)

    assert exact_auc(values, values, sig, bkg) == pytest.approx(curve(sig, bkg).auc.value, abs=1e-12)
    assert curve(sig, bkg).auc.value == auc_of_counts(sig[:, None], bkg[:, None])[0]


def test_binning_moves_the_auc_by_less_than_1e_4():
    (sig, bkg), tables = gaussian_counts(2000, 0)

    assert exact_auc(sig, bkg, np.ones(2000), np.ones(2000)) == pytest.approx(curve(*tables).auc.value, abs=1e-4)


def test_auc_of_gaussians_is_the_normal_distribution_function():
    _, tables = gaussian_counts(200_000, 0)

    # P(s > b) for unit Gaussians one apart is Φ(1 / √2).
    assert curve(*tables).auc.value == pytest.approx(0.5 * (1 + math.erf(0.5)), abs=4 * 0.0009)


def test_auc_agrees_with_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    (sig, bkg), tables = gaussian_counts(2000, 0)
    labels, scores = np.repeat([1, 0], 2000), np.concatenate([sig, bkg])

    assert metrics.roc_auc_score(labels, scores) == pytest.approx(curve(*tables).auc.value, abs=1e-4)


def delong_error(sig, bkg) -> float:
    """Standard deviation of the AUC from placements, DeLong, DeLong and Clarke-Pearson, doi:10.2307/2531595, eq. 5."""
    wins = (sig[:, None] > bkg[None, :]) + 0.5 * (sig[:, None] == bkg[None, :])
    return math.sqrt(wins.mean(axis=1).var(ddof=1) / len(sig) + wins.mean(axis=0).var(ddof=1) / len(bkg))


def test_error_of_the_auc_is_that_of_delong():
    (sig, bkg), tables = gaussian_counts(1000, 1000)

    assert delong_error(sig, bkg) == pytest.approx(curve(*tables).auc.stat, rel=0.08)


def test_error_of_the_auc_covers_the_truth():
    truth = 0.5 * (1 + math.erf(0.5))
    pulls = []
    for seed in range(100):
        _, tables = gaussian_counts(300, 100, n_bins=400, seed=seed)
        auc = curve(*tables).auc
        pulls.append((auc.value - truth) / auc.stat)

    # 100 pulls: their mean is known to 0.1, their spread to 0.07; the bins of the same names bring no correlation.
    assert abs(np.mean(pulls)) < 0.35
    assert np.std(pulls) == pytest.approx(1, abs=0.25)


def test_error_of_the_rejection_at_a_fixed_cut_is_binomial():
    _, (sig, bkg) = gaussian_counts(2000, 1000)
    roc = curve(sig, bkg)
    cut = int(np.argmin(np.abs(roc.bkg_eff[:, 0] - 0.1)))

    assert roc.bkg_eff[cut, 1:].std() == pytest.approx(roc.bkg_eff_binomial[cut], rel=0.1)
    assert roc.bkg_eff_binomial[cut] == pytest.approx(math.sqrt(0.1 * 0.9 / 2000), rel=0.05)


def test_rejection_of_a_curve_that_can_be_counted_by_eye():
    # Bins from low to high scores: at or above the last bin half of the signal and a quarter of the background is kept.
    roc = curve([1, 1, 2], [1, 2, 1])

    assert roc.rejection_at(0.5).value == 4.0
    assert roc.rejection_at(0.75).value == pytest.approx(1 / 0.75)
    assert roc.bkg_eff_at(0.625)[0, 0] == pytest.approx(0.5)
    assert roc.threshold_at([0.5, 0.625])[:] == pytest.approx([2 / 3, 0.5])
    assert roc.rejection_at(0.5).stat is None


def test_two_errors_of_the_rejection_agree_where_the_signal_is_plenty():
    _, (sig, _) = gaussian_counts(200_000, 200)
    _, (_, bkg) = gaussian_counts(2000, 200, seed=5)
    roc = curve(sig, bkg)

    assert roc.rejection_error_binomial(0.5) == pytest.approx(roc.rejection_at(0.5).stat, rel=0.2)


def test_without_background_the_rejection_is_a_lower_limit():
    roc = curve([0, 0, 10], [100, 0, 0])
    rejection = roc.rejection_at(0.5)

    assert (rejection.value, rejection.stat, rejection.limit_cl) == (None, None, 0.95)
    assert rejection.lower_limit == pytest.approx(100 / 2.996, rel=1e-3)
    assert roc.rejection_error_binomial(0.5) is None


def test_without_background_the_band_is_open_above():
    replicas = np.repeat([[0.0], [0.0], [10.0]], 11, axis=1)
    roc = curve(replicas, replicas[::-1] * 10)
    low, high = roc.band([0.5])

    # 1.84 events of 100 is the upper end of Garwood's 68.3 % interval for none.
    assert (low[0], high[0]) == (0.0, pytest.approx(0.0184, rel=1e-2))


def test_band_holds_two_thirds_of_the_replicas():
    _, tables = gaussian_counts(500, 400)
    roc = curve(*tables)
    grid = np.array([0.3, 0.5, 0.8])
    low, high = roc.band(grid)
    replicas = roc.bkg_eff_at(grid)[:, 1:]
    inside = ((replicas >= low[:, None]) & (replicas <= high[:, None])).mean(axis=1)

    assert inside == pytest.approx([0.683] * 3, abs=0.01)


def test_band_without_replicas_is_not_a_number():
    low, high = curve([0, 1], [1, 0]).band([0.5])

    assert np.isnan([low[0], high[0]]).all()


def test_replicas_without_signal_are_left_out():
    sig = np.array([[1.0, 0.0, 1.0, 2.0], [1.0, 0.0, 2.0, 1.0]])
    bkg = np.array([[2.0, 2.0, 1.0, 1.0], [1.0, 1.0, 2.0, 2.0]])
    roc = curve(sig, bkg)
    kept = auc_of_counts(sig[:, [2, 3]], bkg[:, [2, 3]])

    assert roc.auc.stat == pytest.approx(kept.std(ddof=1))
    assert np.isnan(roc.bkg_eff_at(0.5)[0, 1])
    assert np.isfinite(roc.band([0.5])).all()


@pytest.mark.parametrize(
    "samples", [([0, 0], [1, 1]), ([1, 1], [0, 0]), ([1, -1], [1, 1])], ids=["no signal", "no background", "zero sum"]
)
def test_an_empty_class_has_no_curve(samples):
    with pytest.raises(ValueError, match="sums of weights of signal and background"):
        curve(*samples)


def test_with_negative_weights_the_first_cut_that_reaches_an_efficiency_counts():
    # From above the signal efficiency is 0, 0.6, 0.4, 1; 0.5 is first reached inside the last bin.
    roc = curve([6.0, -2.0, 6.0], [1.0, 1.0, 2.0])

    assert roc.bkg_eff_at(0.5)[0, 0] == pytest.approx(0.5 / 0.6 * 0.5)


def test_paired_difference_of_a_model_with_itself_is_nothing():
    auc = np.array([0.9, 0.8, 0.95])
    difference = paired_difference(auc, auc)

    assert (difference.value, difference.stat) == (0.0, 0.0)


def test_paired_error_is_smaller_than_the_unpaired_for_models_that_agree():
    n = 3000
    rng = np.random.default_rng(1)
    truth = np.concatenate([rng.normal(1, 1, n), rng.normal(0, 1, n)])
    draws = poisson_multiplicities(mix64(np.arange(2 * n)), 200, 1).astype(float)
    draws = np.concatenate([np.ones((2 * n, 1)), draws], axis=1)
    areas = []
    for noise in (0.1, 0.2):
        scores = np.clip((truth + rng.normal(0, noise, 2 * n) + 6) * 100, 0, 1299).astype(int)
        tables = [np.zeros((1300, 201)), np.zeros((1300, 201))]
        for table, part in zip(tables, (slice(0, n), slice(n, None)), strict=True):
            np.add.at(table, scores[part], draws[part])
        areas.append(auc_of_counts(*tables))

    unpaired = math.hypot(areas[0][1:].std(), areas[1][1:].std())
    assert 0 < paired_difference(*areas).stat < 0.5 * unpaired
