from itertools import pairwise

import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from pipeline.events.clusters import cluster_boundaries, cut_ranges

sizes = st.lists(st.integers(1, 30), max_size=12)


def boundaries_of(cluster_sizes):
    edges = [0]
    for size in cluster_sizes:
        edges.append(edges[-1] + size)
    return edges


@given(sizes, st.integers(1, 40))
def test_ranges_tile_the_file_without_gap_or_overlap(cluster_sizes, cap):
    boundaries = boundaries_of(cluster_sizes)
    ranges = cut_ranges(boundaries, cap)
    entries = [entry for start, stop in ranges for entry in range(start, stop)]
    assert entries == list(range(boundaries[-1]))


@given(sizes, st.integers(1, 40))
def test_no_range_is_empty_or_above_the_cap(cluster_sizes, cap):
    assert all(0 < stop - start <= cap for start, stop in cut_ranges(boundaries_of(cluster_sizes), cap))


@given(sizes, st.integers(30, 60))
def test_clusters_that_fit_are_never_split(cluster_sizes, cap):
    boundaries = boundaries_of(cluster_sizes)
    assert {edge for part in cut_ranges(boundaries, cap) for edge in part} <= set(boundaries)


@given(sizes, st.integers(30, 60))
def test_neighbouring_ranges_would_not_have_fitted_into_one(cluster_sizes, cap):
    boundaries = boundaries_of(cluster_sizes)
    for (start, _), (_, stop) in pairwise(cut_ranges(boundaries, cap)):
        first_of_next = min(edge for edge in boundaries if edge > _middle(boundaries, start, stop, cap))
        assert first_of_next - start > cap


def _middle(boundaries, start, stop, cap):
    """The last boundary up to which a range from *start* may reach."""
    return max(edge for edge in boundaries if edge - start <= cap and edge < stop)


def test_a_cluster_above_the_cap_is_split_at_multiples_of_it():
    assert cut_ranges([0, 3, 28, 30], 10) == [(0, 3), (3, 13), (13, 23), (23, 30)]


def test_a_file_without_events_has_no_range():
    assert cut_ranges([0], 10) == []


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_clusters_are_those_that_were_written(make_nano, tmp_path, rntuple):
    path = make_nano(tmp_path / "a.root", 10, cluster_entries=4, rntuple=rntuple)
    with uproot.open(path) as file:
        assert cluster_boundaries(file["Events"], ["event", "Muon_pt"]) == (0, 4, 8, 10)


def test_baskets_that_do_not_begin_together_are_no_boundary():
    class Tree:
        num_entries = 12

        def common_entry_offsets(self, filter_name):
            baskets = {"a": {0, 3, 6, 9, 12}, "b": {0, 6, 12}, "c": {0, 5, 12}}
            return sorted(set.intersection(*(offsets for name, offsets in baskets.items() if filter_name(name))))

    assert cluster_boundaries(Tree(), ["a", "b"]) == (0, 6, 12)
    assert cluster_boundaries(Tree(), ["a", "b", "c"]) == (0, 12)
