import math

import numpy as np
import pytest

from pipeline.simulation.clustering import Clustered
from pipeline.simulation.met import gen_met, jet_shift, raw_met

NONE = np.array([], dtype=np.int64)


def test_missing_momentum_balances_the_candidates(objects):
    found = objects([0, 0, 2], 3, pt=[30.0, 40.0, 5.0], phi=[0.0, math.pi / 2, math.pi])
    x, y = raw_met(found, 0.0, np.random.default_rng(1))

    assert x == pytest.approx([-30, 0, 5])
    assert y == pytest.approx([-40, 0, 0])


def test_noise_has_the_width_of_the_detector(objects):
    nothing = objects([], 20_000, pt=np.zeros(0), phi=np.zeros(0))
    x, y = raw_met(nothing, 12.0, np.random.default_rng(1))

    assert [np.std(x), np.std(y)] == pytest.approx([12, 12], rel=0.02)


def jet_of(objects, pdg_ids, pt):
    """One jet along φ = 0, corrected by 1.1, of candidates of *pt* each."""
    n = len(pdg_ids)
    found = objects([0] * n, 1, pdg_id=pdg_ids, pt=np.full(n, pt), eta=np.zeros(n), phi=np.zeros(n), mass=np.zeros(n))
    total = 1.1 * n * pt
    jets = objects([0], 1, pt=[total], px=[total], py=[0.0], correction=[1.1])
    return Clustered(jets, np.zeros(n, dtype=np.int64), np.arange(n), NONE, NONE), found


SHIFTS = {
    "hadrons": ([211, 130], 20.0, -4.0),
    "a muon keeps its momentum": ([211, -13], 20.0, -2.0),
    "an electron needs no correction": ([11, 22], 20.0, 0.0),
    "too soft": ([211, 130], 6.0, 0.0),
}


@pytest.mark.parametrize(("pdg_ids", "pt", "shift"), SHIFTS.values(), ids=SHIFTS)
def test_corrected_jets_shift_the_missing_momentum(objects, pdg_ids, pt, shift):
    x, y = jet_shift(*jet_of(objects, pdg_ids, pt))

    assert x == pytest.approx([shift])
    assert y == pytest.approx([0.0])


def test_the_generators_missing_momentum_is_that_of_its_neutrinos(objects):
    particles = objects([0, 0, 0], 2, pdg_id=[12, -14, 13], status=[1, 1, 1], px=[1.0, 2.0, 50.0], py=[3.0, 4.0, 50.0])

    assert [value.tolist() for value in gen_met(particles)] == [[3.0, 0.0], [7.0, 0.0]]
