import numpy as np
import pytest

from pipeline.physics.tag_ratio import N_BINS, TagRatio, bin_of


def test_costs_are_twice_the_logarithm_of_the_ratio():
    """Of 100 b jets 90 are in the last bin, of 100 others 10; the rest is in the first."""
    ratio = TagRatio()
    tags = np.array([0.99] * 90 + [0.01] * 10 + [0.99] * 10 + [0.01] * 90)
    ratio.fill(tags, np.arange(200) < 100, np.ones(200))
    costs = ratio.costs()

    assert costs[-1] == pytest.approx(-2 * np.log(9), abs=0.02)
    assert costs[0] == pytest.approx(2 * np.log(9), abs=0.02)
    assert costs[1:-1] == pytest.approx(0, abs=1e-9)


def test_costs_do_not_depend_on_how_many_jets_there_are_of_a_kind():
    rng = np.random.default_rng(1)
    b, other = rng.beta(5, 1, 5000), rng.beta(1, 5, 5000)
    costs = []
    for copies in (1, 7):
        ratio = TagRatio()
        ratio.fill(b, np.ones(5000, bool), np.ones(5000))
        for _ in range(copies):
            ratio.fill(other, np.zeros(5000, bool), np.ones(5000))
        costs.append(ratio.costs())

    assert costs[0] == pytest.approx(costs[1])
    assert (np.diff(costs[0][2:-2]) < 0).all()


def test_nothing_is_forbidden_or_infinite_without_jets_of_a_kind():
    ratio = TagRatio()
    ratio.fill(np.array([0.5]), np.array([True]), np.array([1.0]))

    assert np.isfinite(ratio.costs()).all()
    assert np.abs(ratio.costs()).max() < 2 * np.log(100 * N_BINS) + 1


def test_discriminators_beyond_the_ends_and_missing_ones_have_a_bin():
    """CMS writes -1 for jets without a discriminator."""
    assert bin_of([-1.0, 0.0, np.nan, 0.0499, 0.05, 0.5, 1.0, 2.0]).tolist() == [0, 0, 0, 0, 1, 10, 19, 19]
