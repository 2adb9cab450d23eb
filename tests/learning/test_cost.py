"""What a model costs is counted in its own time, and not in that of the machine's other work."""

import itertools

import numpy as np
import pytest

from pipeline.learning.cost import LEAST, MOST, cost, rows_per_second
from pipeline.learning.predictor import BATCH


class Predictor:
    """Keeps what it was asked."""

    def __init__(self):
        self.asked = []

    def predict(self, tensors):
        self.asked.append(tensors)


def speed(durations, n_rows=BATCH):
    """The speed of a predictor that takes *durations* seconds in turn, and what it was asked."""
    times = itertools.accumulate(itertools.chain.from_iterable((0.0, taken) for taken in itertools.cycle(durations)))
    predictor, clock = Predictor(), times.__next__
    sample = {"a": np.arange(n_rows, dtype=np.float32), "b": np.ones((n_rows, 3, 2), dtype=np.float32)}
    return rows_per_second(predictor, sample, clock=clock), predictor.asked


def test_a_batch_that_was_held_up_does_not_count():
    assert speed([0.5, 0.5, 7.0])[0] == pytest.approx(BATCH / 0.5)


@pytest.mark.parametrize(("seconds", "times"), [(0.001, MOST), (10.0, LEAST), (0.5, 4)], ids=["fast", "slow", "between"])
def test_a_slow_model_is_asked_less_often_than_a_fast_one(seconds, times):
    measured, asked = speed([seconds])

    assert measured == pytest.approx(BATCH / seconds)
    assert len(asked) == 1 + times


@pytest.mark.parametrize("n_rows", [1, 7, BATCH, BATCH + 5])
def test_whatever_the_sample_a_batch_is_full_and_of_its_rows(n_rows):
    _, asked = speed([1.0], n_rows)

    assert {name: tensor.shape for name, tensor in asked[0].items()} == {"a": (BATCH,), "b": (BATCH, 3, 2)}
    assert set(asked[0]["a"].tolist()) == set(range(min(n_rows, BATCH)))


def test_the_record_has_size_time_and_speed():
    sample = {"a": np.zeros((4, 2), dtype=np.float32)}

    record = cost(12, 3.5, Predictor(), sample, clock=itertools.count().__next__)

    assert record == {"n_parameters": 12, "train_seconds": 3.5, "rows_per_second": BATCH}
