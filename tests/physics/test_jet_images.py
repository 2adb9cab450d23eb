"""Images as the pixels that are not empty are the same images, and nothing is lost on the way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.physics.jet_images import MOMENTUM, NUMBER, dense, filled, normalised_to, prepared, stacked
from pipeline.physics.pixels import Points, balanced, centred, flipped, pixels, rotated

ALL = (*MOMENTUM, *NUMBER)
GRID = {"size": 9, "half_width": 0.4}
COLOUR = ("charged_pt", "neutral_pt", "charged_multiplicity")


def drawn(n_jets, *, seed=1):
    """Jets with 0 to 40 constituents, and their charges."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 41, n_jets)
    n = counts.sum()
    jets = Points(np.repeat(np.arange(n_jets), counts), n_jets, *rng.normal(0, 0.2, (2, n)), rng.exponential(20, n))
    return jets, rng.integers(-1, 2, n).astype(np.float32)


def images_of(points, charge, channels, **grid):
    found = filled(points, charge, channels, **grid)
    return dense(*stacked(found, int(found.counts.max(initial=1))), size=grid["size"])


def loop_images(points, charge, channels, *, size, half_width):
    """Particle by particle."""
    images = np.zeros((points.n_jets, size, size, len(channels)))
    step = 2 * half_width / size
    for jet, x, y, pt, q in zip(points.jet, points.x, points.y, points.pt, charge, strict=True):
        column, row = int((x + half_width) // step), int((y + half_width) // step)
        if not (0 <= column < size and 0 <= row < size):
            continue
        for place, channel in enumerate(channels):
            kind = channel.split("_")[0] if "_" in channel else "all"
            if kind == "all" or (kind == "charged") == (q != 0):
                images[jet, size - 1 - row, column, place] += pt if channel.endswith("pt") else 1
    return images


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_are_the_loop_over_particles(seed):
    points, charge = drawn(12, seed=seed)

    np.testing.assert_allclose(images_of(points, charge, ALL, **GRID), loop_images(points, charge, ALL, **GRID), rtol=1e-6)


def test_grey_images_are_those_of_all_pixels():
    points, _ = drawn(30)

    np.testing.assert_array_equal(images_of(points, None, ("pt",), **GRID)[..., 0], pixels(points, **GRID))


@settings(max_examples=20)
@given(seed=st.integers(0, 1000), size=st.integers(2, 40))
def test_colours_keep_the_sum_of_momentum_and_the_number_of_particles(seed, size):
    points, charge = drawn(20, seed=seed)
    sums = images_of(points, charge, ALL, size=size, half_width=5.0).sum(axis=(1, 2)).T
    found = dict(zip(ALL, sums, strict=True))

    assert found["pt"] == pytest.approx(points.total(points.pt), rel=1e-5)
    assert found["charged_pt"] + found["neutral_pt"] == pytest.approx(found["pt"], rel=1e-5, abs=1e-4)
    assert found["multiplicity"].tolist() == np.bincount(points.jet, minlength=20).tolist()
    assert (found["charged_multiplicity"] + found["neutral_multiplicity"]).tolist() == found["multiplicity"].tolist()


@pytest.mark.parametrize("cut", [0, 1, 7, 30])
def test_any_chunks_give_the_same_bits(cut):
    points, charge = drawn(30)

    def images(points, charge):
        return images_of(prepared(points, ("centre", "rotate", "flip"), prong_radius=0.2), charge, COLOUR, **GRID)

    parts = []
    for first, stop in ((0, cut), (cut, 30)):
        rows = (points.jet >= first) & (points.jet < stop)
        own = Points(points.jet[rows] - first, stop - first, points.x[rows], points.y[rows], points.pt[rows])
        parts.append(images(own, charge[rows]))

    np.testing.assert_array_equal(images(points, charge), np.concatenate(parts))


def test_each_step_is_done_by_itself_and_in_one_order():
    points, _ = drawn(20)

    def same(steps, expected):
        found = prepared(points, steps, prong_radius=0.2)
        np.testing.assert_array_equal(np.stack([found.x, found.y]), np.stack([expected.x, expected.y]))

    centre = centred(points, radius=0.2)
    same((), points)
    same(("centre",), centre)
    same(("balance",), balanced(points))
    same(("flip", "rotate", "centre"), flipped(rotated(centre, radius=0.2)))


def test_balanced_jets_have_their_mean_at_the_origin():
    points, _ = drawn(20)
    found = balanced(points)

    assert found.total(found.pt * found.x) == pytest.approx(0, abs=1e-9)
    assert found.total(found.pt * found.y) == pytest.approx(0, abs=1e-9)
    neighbours = points.jet[1:] == points.jet[:-1]
    assert np.diff(found.x)[neighbours] == pytest.approx(np.diff(points.x)[neighbours])


@pytest.mark.parametrize("power", [1, 2])
def test_momenta_are_normalised_together_and_numbers_stay(power):
    points, charge = drawn(20)
    before = filled(points, charge, COLOUR, **GRID)
    after = normalised_to(before, COLOUR, power)
    momentum = (after.values[:, :2] ** power).sum(axis=1)
    has = np.bincount(after.jet, weights=before.values[:, :2].sum(axis=1), minlength=20) > 0

    assert np.bincount(after.jet, weights=momentum, minlength=20)[has] == pytest.approx(1)
    np.testing.assert_array_equal(before.values[:, 2], after.values[:, 2])
    ratio = before.values[:, 0] * after.values[:, 1] - before.values[:, 1] * after.values[:, 0]
    assert ratio == pytest.approx(0, abs=1e-9)


def test_jets_without_particles_are_empty_images():
    nothing = Points(np.zeros(0, dtype=np.int64), 2, *np.zeros((3, 0)))
    moved = prepared(nothing, ("centre", "balance", "rotate", "flip"), prong_radius=0.2)

    assert images_of(moved, np.zeros(0), COLOUR, **GRID).tolist() == np.zeros((2, 9, 9, 3)).tolist()
