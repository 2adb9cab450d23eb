"""What every model is built from: two flat inputs with scales far from one, and two classes."""

import numpy as np
import pytest

from pipeline.stream.spec import InputSpec, OutputSpec


@pytest.fixture
def inputs():
    """Three features of the event and two of the leptons."""
    return {
        "event": InputSpec("event", ("a", "b", "c"), np.array([10, 0, -5], np.float32), np.array([5, 0.1, 1], np.float32)),
        "leptons": InputSpec("leptons", ("d", "e"), np.array([100, 1], np.float32), np.array([50, 1], np.float32)),
    }


@pytest.fixture
def outputs():
    return OutputSpec(("tt", "hh"), "softmax")


@pytest.fixture
def padded():
    """An input that a model of flat inputs cannot take."""
    return {"jets": InputSpec("jets", ("pt",), np.zeros(1, np.float32), np.ones(1, np.float32), max_objects=4)}


@pytest.fixture
def batch(inputs):
    """Eight events, and the class of each."""
    rng = np.random.default_rng(5)
    tensors = {
        name: (spec.mean + spec.spread * rng.normal(size=(8, len(spec.features)))).astype(np.float32)
        for name, spec in inputs.items()
    }
    return tensors, np.arange(8) % 2
