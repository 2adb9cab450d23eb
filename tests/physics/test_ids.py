import awkward as ak
import numpy as np

from pipeline.physics.ids import kept_ids


def test_the_names_of_the_kept_events_are_those_of_the_file():
    events = ak.zip({"run": np.array([1, 1, 2]), "luminosityBlock": np.array([5, 6, 7]), "event": np.array([10, 2**40, 30])})
    ids = kept_ids(events, np.array([False, True, True]))

    assert list(zip(ids.run.tolist(), ids.luminosity_block.tolist(), ids.event.tolist(), strict=True)) == [
        (1, 6, 2**40),
        (2, 7, 30),
    ]
    assert ids.event.dtype == np.uint64
