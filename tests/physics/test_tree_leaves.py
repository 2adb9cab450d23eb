import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.physics.jet_trees import COMPONENTS
from pipeline.physics.kinematics import Momentum, delta_r
from pipeline.physics.tree_leaves import at_most
from tests.physics.made_jets import drawn, jets


def four(constituents, jet=0):
    return np.stack([constituents[name][constituents.event == jet] for name in COMPONENTS], axis=1)


def test_a_soft_particle_goes_to_the_nearest_of_the_hard_ones():
    given = jets([(50.0, 0.0, 0.0, 0.0), (40.0, 0.5, 3.1, 0.0), (2.0, 0.5, -3.1, 0.0), (1.0, 0.1, 0.1, 0.0)])
    (first, second), parts = four(at_most(given, 2)), four(given)

    np.testing.assert_allclose(first, parts[0] + parts[3])
    np.testing.assert_allclose(second, parts[1] + parts[2])


def test_the_sum_may_be_harder_than_the_one_before():
    given = jets([(20.0, 0.0, 0.0, 0.0), (19.0, 1.0, 0.0, 0.0), (2.0, 1.0, 0.1, 0.0)])
    leaves = at_most(given, 2)

    assert np.hypot(leaves["px"], leaves["py"]).tolist() == pytest.approx([20.99, 20], abs=0.02)


def slow(parts, n):
    """One particle after the other to the nearest of the hardest *n*."""
    p = Momentum(*parts.T)
    kept = parts[:n].copy()
    for soft in range(n, len(parts)):
        distances = [delta_r(p.eta[soft], p.phi[soft], p.eta[hard], p.phi[hard]) for hard in range(min(n, len(parts)))]
        kept[int(np.argmin(distances))] += parts[soft]
    return kept[np.argsort(-np.hypot(kept[:, 0], kept[:, 1]), kind="stable")]


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), counts=st.lists(st.integers(0, 15), max_size=5), n=st.integers(1, 9))
def test_it_is_the_slow_loop_and_keeps_the_sum(seed, counts, n):
    given = drawn(np.random.default_rng(seed), counts)
    leaves = at_most(given, n)

    assert leaves.counts.tolist() == [min(count, n) for count in counts]
    for jet in range(len(counts)):
        np.testing.assert_allclose(four(leaves, jet), slow(four(given, jet), n), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(four(leaves, jet).sum(axis=0), four(given, jet).sum(axis=0), rtol=1e-12, atol=1e-9)


def test_jets_with_room_are_as_they_were():
    given = drawn(np.random.default_rng(2), [3, 5])

    assert at_most(given, 5) is given
