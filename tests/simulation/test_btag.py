import math

import numpy as np
import pytest

from pipeline.simulation.btag import track_tag
from pipeline.simulation.clustering import Clustered

NONE = np.array([], dtype=np.int64)


def tagged(objects, *tracks):
    """The tag of a jet along φ = 0 with tracks of (d0 [cm], σ, pT, φ, charge, dz)."""
    names = ("d0", "d0_err", "pt", "phi", "charge", "dz")
    columns = {name: np.array([track[k] for track in tracks], dtype=float) for k, name in enumerate(names)}
    found = objects([0] * len(tracks), 1, **columns)
    rows = np.arange(len(tracks))
    jets = Clustered(objects([0], 1, phi=[0.0]), np.zeros(len(tracks), dtype=np.int64), rows, NONE, NONE)
    return float(track_tag(jets, found)[0])


def mapped(strength):
    return strength / (1 + strength)


CASES = {
    "no displacement": ((0.0, 0.01, 5, 0.1, 1, 0), 0.0),
    "displaced downstream": ((0.03, 0.01, 5, -0.1, 1, 0), mapped(math.log(3 / 1.5))),
    "displaced upstream": ((0.03, 0.01, 5, 0.1, 1, 0), mapped(0.5 * math.log(3 / 1.5))),
    "downstream of the other sign": ((-0.03, 0.01, 5, 0.1, -1, 0), mapped(math.log(3 / 1.5))),
    "capped": ((0.19, 0.001, 5, -0.1, 1, 0), mapped(math.log(8 / 1.5))),
    "neutral": ((0.03, 0.01, 5, -0.1, 0, 0), 0.0),
    "soft": ((0.03, 0.01, 0.7, -0.1, 1, 0), 0.0),
    "far away, as from a K0S": ((0.3, 0.01, 5, -0.1, 1, 0), 0.0),
    "far along the beam": ((0.03, 0.01, 5, -0.1, 1, 0.6), 0.0),
}


@pytest.mark.parametrize(("track", "tag"), CASES.values(), ids=CASES)
def test_one_track_gives_what_the_formula_says(objects, track, tag):
    assert tag == pytest.approx(tagged(objects, track))


def test_strengths_of_tracks_add_up(objects):
    track = (0.03, 0.01, 5, -0.1, 1, 0)

    assert mapped(3 * math.log(2)) == pytest.approx(tagged(objects, track, track, track))
