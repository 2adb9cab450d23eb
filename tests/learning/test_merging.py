"""Thousands of ranges add up in the memory of two: that of the total, and of the one that is being added."""

import tracemalloc

import numpy as np
import pytest

from pipeline.events.ledger import Ledger
from pipeline.learning.score import ScoredRange, Total
from pipeline.scale.local import local_workers
from pipeline.scale.ordered import ordered_map
from pipeline.statistics.dataset_histograms import DatasetHistograms, Totals
from pipeline.statistics.histogram import HistogramAxis
from pipeline.statistics.sums import Quantum

FEW_BINS, MANY_BINS = 10_000, 100_000
N_HISTOGRAMS = 2


def empty(n_bins):
    axis = HistogramAxis("x", "x", True, (n_bins - 2.0, 0.0, 1.0))
    return DatasetHistograms.for_axes({f"h{i}": axis for i in range(N_HISTOGRAMS)}, Quantum.of_typical_weight(1.0))


def none():
    """Pictures of an analysis without images."""
    return DatasetHistograms.for_axes({}, Quantum.of_typical_weight(1.0))


def block_bytes(n_bins):
    return N_HISTOGRAMS * n_bins * 3 * 8


def scored(number, n_bins=FEW_BINS):
    """A range of one event, in bin *number* of every histogram."""
    histograms = empty(n_bins)
    for histogram in histograms.histograms.values():
        histogram.count[number] += 1
    histograms.totals += Totals(1, 0, 0)
    return ScoredRange(1, {"event": np.array([number])}, histograms, none(), None)


def large(number):
    return scored(number, MANY_BINS)


class Sink:
    """A tree and a ledger that keep nothing."""

    def extend(self, columns):
        pass

    def done(self, part, *, n_selected, n_events):
        pass

    at = Ledger.at


def added(results, n_ranges, n_bins):
    """The total of *results*, and the most memory that adding them held, in units of one of them."""
    tracemalloc.start()
    try:
        total = Total(Sink(), empty(n_bins), none(), None, Sink())
        for _ in total.add_all(Ledger.each(Sink(), range(n_ranges), results)):
            pass
        return total.histograms, tracemalloc.get_traced_memory()[1] / block_bytes(n_bins)
    finally:
        tracemalloc.stop()


def check(histograms, n_ranges):
    """See that each of so many ranges was added once."""
    assert histograms.totals.n_events == n_ranges
    for histogram in histograms.histograms.values():
        assert histogram.count[:n_ranges].tolist() == [1] * n_ranges
        assert not histogram.count[n_ranges:].any()


def test_2000_partial_histograms_are_merged_in_the_memory_of_two():
    histograms, peak = added(ordered_map(scored, range(2000)), 2000, FEW_BINS)

    check(histograms, 2000)
    assert peak < 2.1


@pytest.mark.slow
def test_results_of_workers_wait_there_and_not_here(tmp_path):
    with local_workers(2, scratch=tmp_path) as workers:
        list(workers.map(large, range(6)))  # starts them
        histograms, peak = added(workers.map(large, range(20)), 20, MANY_BINS)

    check(histograms, 20)
    assert peak < 3.3  # with the message in which the one that is added came


def test_one_result_too_many_would_be_seen():
    def held():
        last = None
        for number in range(20):
            last = (scored(number), last)[0]  # the new one is made while the last one is there
            yield last

    _, peak = added(held(), 20, FEW_BINS)

    assert peak > 2.9
