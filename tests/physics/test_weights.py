import awkward as ak
import numpy as np

from pipeline.physics.weights import generator_weights


def test_simulation_is_weighed_by_the_generator():
    events = ak.zip({"genWeight": np.array([1.5, -2.0], dtype=np.float32)})

    assert generator_weights(events).tolist() == [1.5, -2.0]
    assert generator_weights(events).dtype == np.float64


def test_data_have_weight_1():
    assert generator_weights(ak.zip({"run": np.array([1, 1, 1])})).tolist() == [1.0, 1.0, 1.0]
