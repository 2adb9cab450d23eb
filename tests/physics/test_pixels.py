"""Images of jets: what each step keeps, and where it puts things."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.physics.objects import Objects
from pipeline.physics.pixels import Points, centred, flipped, normalised, pixels, points_of, rotated

RADIUS = 0.2
GRID = {"size": 25, "half_width": 1.0}


def points(*jets):
    """From one list of (x, y, pt) a jet."""
    flat = np.array([one for jet in jets for one in jet], dtype=float).reshape(-1, 3)
    row = np.repeat(np.arange(len(jets)), [len(jet) for jet in jets]).astype(np.int64)
    return Points(row, len(jets), *flat.T)


def drawn(n_jets, *, seed=1):
    """Jets with 0 to 40 constituents."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 41, n_jets)
    n = counts.sum()
    return Points(np.repeat(np.arange(n_jets), counts), n_jets, *rng.normal(0, 0.2, (2, n)), rng.exponential(20, n))


def together(one, *, size=RADIUS):
    return flipped(rotated(centred(one, radius=size), radius=size))


def in_turn(one, angle):
    cosine, sine = np.cos(angle), np.sin(angle)
    return one.moved(cosine * one.x - sine * one.y, sine * one.x + cosine * one.y)


def test_points_are_measured_from_the_axis_around_the_circle():
    jets = Objects(np.array([0, 0]), 1, {"eta": np.array([1.0, -1.0]), "phi": np.array([3.1, 0.0])})
    one = Objects(np.array([0, 1]), 2, {"pt": np.ones(2), "eta": np.array([1.5, -1.5]), "phi": np.array([-3.1, 0.25])})

    found = points_of(one, jets)

    assert (found.n_jets, found.jet.tolist()) == (2, [0, 1])
    assert found.x == pytest.approx([0.5, -0.5])
    assert found.y == pytest.approx([2 * np.pi - 6.2, 0.25])


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), size=st.integers(1, 40))
def test_the_image_keeps_the_sum_of_momentum_inside(seed, size):
    one = drawn(20, seed=seed)
    everything = pixels(one, size=size, half_width=5.0)
    inside = (np.abs(one.x) < 0.25) & (np.abs(one.y) < 0.25)

    assert everything.sum(axis=(1, 2)) == pytest.approx(one.total(one.pt), rel=1e-5)
    assert pixels(one, size=size, half_width=0.25).sum(axis=(1, 2)) == pytest.approx(one.total(one.pt * inside), rel=1e-5)


def loop_pixels(one, *, size, half_width):
    image = np.zeros((one.n_jets, size, size))
    edges = np.linspace(-half_width, half_width, size + 1)
    for jet, x, y, pt in zip(one.jet, one.x, one.y, one.pt, strict=True):
        for row, column in itertools.product(range(size), range(size)):
            if edges[column] <= x < edges[column + 1] and edges[row] <= y < edges[row + 1]:
                image[jet, size - 1 - row, column] += pt
    return image


@pytest.mark.parametrize("size", [1, 4, 7])
def test_it_is_the_loop_over_constituents_and_pixels(size):
    one = drawn(6, seed=size)

    np.testing.assert_allclose(
        pixels(one, size=size, half_width=0.3), loop_pixels(one, size=size, half_width=0.3), rtol=1e-6
    )


def test_up_is_the_first_row_and_right_the_last_column():
    image = pixels(points([(0.5, 0.5, 1.0), (-0.5, 0.5, 2.0), (-0.5, -0.5, 4.0)]), size=2, half_width=1.0)

    assert image.tolist() == [[[2, 1], [4, 0]]]
    assert image.dtype == np.float32


def test_what_lies_outside_is_not_on_the_image():
    edge = points([(1.0, 0.0, 1.0), (0.0, 1.0, 1.0), (-1.001, 0.0, 1.0), (0.0, 30.0, 1.0), (-1.0, -1.0, 5.0)], [])

    assert pixels(edge, **GRID).sum(axis=(1, 2)).tolist() == [5, 0]


def test_the_first_prong_moves_to_the_origin():
    jet = [(0.30, 0.1, 60.0), (0.36, 0.1, 30.0), (-0.3, 0.0, 50.0)]
    found = centred(points([], jet), radius=RADIUS)

    assert found.x == pytest.approx([-0.02, 0.04, -0.62])
    assert found.y == pytest.approx([0, 0, -0.1])


@settings(max_examples=30)
@given(seed=st.integers(0, 1000))
def test_rotation_puts_the_second_prong_down(seed):
    one = rotated(centred(drawn(20, seed=seed), radius=RADIUS), radius=RADIUS)
    distance = np.hypot(one.x, one.y)

    for jet in range(20):
        outside = np.flatnonzero((one.jet == jet) & (distance > RADIUS))
        if len(outside):
            seed_of_second = outside[one.pt[outside].argmax()]
            near = outside[
                np.hypot(one.x[outside] - one.x[seed_of_second], one.y[outside] - one.y[seed_of_second]) <= RADIUS
            ]
            assert np.average(one.x[near], weights=one.pt[near]) == pytest.approx(0, abs=1e-9)
            assert np.average(one.y[near], weights=one.pt[near]) < 0


def test_without_a_second_prong_the_longest_axis_is_upright():
    jet = [(0.1, 0.1, 1.0), (-0.1, -0.1, 1.0), (0.01, -0.01, 1.0)]
    found = rotated(points(jet), radius=RADIUS)

    assert found.x[:2] == pytest.approx([0, 0], abs=1e-12)
    assert np.abs(found.y[:2]) == pytest.approx([np.sqrt(0.02)] * 2)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000))
def test_flipping_leaves_no_less_on_the_right(seed):
    one = drawn(20, seed=seed)
    found = flipped(one)

    assert (found.total(found.pt * (found.x > 1e-6)) >= found.total(found.pt * (found.x < -1e-6))).all()
    np.testing.assert_array_equal(np.abs(found.x), np.abs(one.x))
    np.testing.assert_array_equal(found.y, one.y)


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), angle=st.floats(-3.1, 3.1), shift=st.floats(-1, 1), mirrored=st.booleans())
def test_a_jet_that_is_moved_turned_and_mirrored_gives_the_same_points(seed, angle, shift, mirrored):
    one = drawn(20, seed=seed)
    other = in_turn(one.moved(-one.x if mirrored else one.x, one.y), angle)
    other = other.moved(other.x + shift, other.y - shift)
    expected, found = together(one), together(other)

    # The longest axis of a jet without a second prong has two ends.
    second = expected.total((np.hypot(expected.x, expected.y) > RADIUS).astype(float)) > 0
    kept = second[one.jet]
    assert kept.any()
    np.testing.assert_allclose(expected.x[kept], found.x[kept], atol=1e-7)
    np.testing.assert_allclose(expected.y[kept], found.y[kept], atol=1e-7)


def test_normalised_images_have_a_sum_of_squares_of_1():
    image = normalised(pixels(points([], [(0.0, 0.0, 3.0), (0.5, 0.5, 4.0)]), **GRID))

    assert np.square(image).sum(axis=(1, 2)) == pytest.approx([0, 1])
    assert sorted(set(image[1].ravel().tolist())) == pytest.approx([0, 0.6, 0.8])
    assert image.dtype == np.float32


@pytest.mark.parametrize("one", [points(), points([]), points([(0.0, 0.0, 1.0)]), points([], [(0.1, 0.2, 0.0)])])
def test_jets_of_one_or_no_constituent_are_no_exceptions(one):
    image = normalised(pixels(together(one), **GRID))

    assert image.shape == (one.n_jets, 25, 25)
    assert np.isfinite(image).all()


@settings(max_examples=20)
@given(cut=st.integers(0, 30))
def test_any_chunks_give_the_same_images(cut):
    one = drawn(30)
    parts = []
    for first, stop in ((0, cut), (cut, 30)):
        rows = (one.jet >= first) & (one.jet < stop)
        parts.append(Points(one.jet[rows] - first, stop - first, one.x[rows], one.y[rows], one.pt[rows]))

    whole = pixels(together(one), **GRID)
    np.testing.assert_array_equal(whole, np.concatenate([pixels(together(part), **GRID) for part in parts]))
