import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.kinematics import delta_r
from pipeline.physics.objects import Objects
from pipeline.simulation.leptons import relative_isolation


@given(st.lists(st.integers(0, 8), min_size=1, max_size=4), st.integers(0, 2**32 - 1))
def test_the_isolation_is_that_of_two_loops(counts, seed):
    rng = np.random.default_rng(seed)
    event = np.repeat(np.arange(len(counts)), counts)
    n = len(event)
    columns = {"pt": rng.uniform(1, 20, n), "eta": rng.uniform(-0.4, 0.4, n), "phi": rng.uniform(2.8, 3.6, n)}
    found = Objects(event, len(counts), {**columns, "pdg_id": rng.choice([11, -13, 22, 211, 130], n)})
    leptons = found.where(np.abs(found["pdg_id"]) < 20)
    slow = []
    for a in range(len(leptons)):
        around = 0.0
        for b in range(n):
            near = delta_r(leptons["eta"][a], leptons["phi"][a], found["eta"][b], found["phi"][b]) < 0.3
            if event[b] == leptons.event[a] and near and abs(found["pdg_id"][b]) not in (11, 13):
                around += found["pt"][b]
        slow.append(around / leptons["pt"][a])

    assert slow == pytest.approx(relative_isolation(leptons, found).tolist())
