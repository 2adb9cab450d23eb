"""Objects made from plain lists."""

import numpy as np
import pytest

from pipeline.physics.objects import Objects


@pytest.fixture(scope="session")
def make():
    """Function that makes objects with columns pt, eta, phi from one list of tuples for each event."""

    def objects(events) -> Objects:
        flat = np.array([one for event in events for one in event], dtype=float).reshape(-1, 3)
        index = np.repeat(np.arange(len(events)), [len(event) for event in events]).astype(int)
        return Objects(index, len(events), dict(zip(("pt", "eta", "phi"), flat.T, strict=True)))

    return objects
