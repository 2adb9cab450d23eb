"""Where a file is cut: at boundaries of clusters, so that nothing is decompressed twice."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def cluster_boundaries(tree: Any, reads: Collection[str]) -> tuple[int, ...]:
    """Entries at which all that is read begins anew: 0, …, number of entries.

    Args:
        tree: of uproot; TTree or RNTuple.
        reads: names of branches of *tree*.

    Returns:
        For a TTree, where the baskets of all *reads* begin together; this may be finer than the clusters that ROOT wrote,
        and is right as well for files whose branches were flushed one by one. For an RNTuple, its clusters.
    """
    if hasattr(tree, "cluster_summaries"):
        offsets = [int(cluster.num_first_entry) for cluster in tree.cluster_summaries]
    else:
        wanted = set(reads)
        offsets = [int(offset) for offset in tree.common_entry_offsets(filter_name=lambda name: name in wanted)]
    n_entries = int(tree.num_entries)
    return tuple(sorted({0, n_entries, *(offset for offset in offsets if offset < n_entries)}))


def cut_ranges(boundaries: Sequence[int], range_entries: int) -> list[tuple[int, int]]:
    """Group whole clusters into ranges (start, stop) of at most *range_entries*; larger clusters are split at that length.

    >>> cut_ranges([0, 4, 8, 10], 8)
    [(0, 8), (8, 10)]
    >>> cut_ranges([0, 2, 12], 5)
    [(0, 2), (2, 7), (7, 12)]
    """
    edges = [boundaries[0]]
    for start, stop in pairwise(boundaries):
        if stop - edges[-1] > range_entries and start > edges[-1]:
            edges.append(start)
        while stop - edges[-1] > range_entries:
            edges.append(edges[-1] + range_entries)
    if boundaries[-1] > edges[-1]:
        edges.append(boundaries[-1])
    return list(pairwise(edges))
