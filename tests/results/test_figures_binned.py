import hist
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.results.figures.binned import Binned, add, from_hist, is_uniform

CONTENTS = st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4)


def binned(values, outside=0.0, edges=(0.0, 1.0, 2.0, 3.0, 4.0)):
    return Binned(np.array(edges), np.array(values, dtype=float), np.abs(np.array(values, dtype=float)), outside)


@pytest.mark.parametrize("flow", [True, False], ids=["with flow", "without flow"])
def test_a_histogram_becomes_the_arrays_that_a_loop_counts(flow):
    histogram = hist.Hist(hist.axis.Variable([0, 1, 3], name="x", flow=flow), storage=hist.storage.Weight())
    events = [(-1.0, 2.0), (0.5, 1.5), (0.6, -0.5), (2.0, 1.0), (9.0, 4.0)]
    histogram.fill([x for x, _ in events], weight=[w for _, w in events])

    expected = [sum(w for x, w in events if low <= x < high) for low, high in ((0, 1), (1, 3))]
    squares = [sum(w**2 for x, w in events if low <= x < high) for low, high in ((0, 1), (1, 3))]
    arrays = from_hist(histogram)
    assert expected == arrays.values.tolist()
    assert squares == arrays.variances.tolist()
    assert (6.0 if flow else 0.0) == arrays.outside
    assert arrays.edges.tolist() == [0.0, 1.0, 3.0]


@given(CONTENTS, CONTENTS)
def test_adding_is_commutative_and_adds_what_is_outside(first, second):
    left, right = binned(first, outside=1.0), binned(second, outside=2.0)

    assert add([left, right]).values.tolist() == add([right, left]).values.tolist()
    assert add([left, right]).outside == 3.0


@given(st.lists(st.floats(0.01, 1e6), min_size=4, max_size=4), st.floats(0.01, 1e3))
def test_a_normalised_shape_has_area_one_and_forgets_the_scale(values, scale):
    shape = binned(values).normalised()
    scaled = Binned(shape.edges, np.array(values) * scale, np.array(values) * scale**2).normalised()

    assert shape.values.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(scaled.values, shape.values, rtol=1e-9)
    np.testing.assert_allclose(scaled.errors, shape.errors, rtol=1e-9)


def test_a_histogram_without_positive_area_stays_as_it_is():
    empty = binned([0.0, 0.0, 0.0, 0.0])

    assert empty.normalised() is empty
    assert empty.outside_fraction == 0.0


def test_heights_are_per_width_only_where_the_widths_differ():
    assert binned([1, 1, 1, 1]).per_width.tolist() == [1, 1, 1, 1]
    assert binned([1, 1, 1, 1], edges=(0.0, 1.0, 2.0, 4.0, 8.0)).per_width.tolist() == [1, 1, 0.5, 0.25]


def test_edges_that_differ_by_rounding_are_uniform():
    assert is_uniform(np.linspace(0, 0.3, 4))
    assert not is_uniform(np.array([0.0, 0.1, 0.2001]))
