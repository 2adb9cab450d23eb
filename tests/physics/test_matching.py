import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.physics.kinematics import delta_r
from pipeline.physics.matching import match
from pipeline.physics.objects import Objects

sizes = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=4)


def scattered(counts, rng):
    event = np.repeat(np.arange(len(counts)), counts)
    columns = {"eta": rng.uniform(-1, 1, len(event)), "phi": rng.uniform(-np.pi, np.pi, len(event))}
    return Objects(event, len(counts), columns)


@given(sizes, st.integers(0, 2**32 - 1), st.floats(0.1, 3))
def test_partners_are_those_of_a_greedy_loop(counts, seed, reach):
    rng = np.random.default_rng(seed)
    first, second = (scattered([pair[k] for pair in counts], rng) for k in (0, 1))
    distances = sorted(
        (float(delta_r(first["eta"][a], first["phi"][a], second["eta"][b], second["phi"][b])), a, b)
        for a in range(len(first))
        for b in range(len(second))
        if first.event[a] == second.event[b]
    )
    slow = [-1] * len(first)
    for distance, a, b in distances:
        if distance < reach and slow[a] < 0 and b not in slow:
            slow[a] = b

    assert slow == match(first, second, delta_r_max=reach).tolist()
