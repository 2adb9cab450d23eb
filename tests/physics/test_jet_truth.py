"""Top quarks and W bosons by hand: which of their quarks a jet holds."""

import numpy as np
import pytest

from pipeline.physics.jet_truth import decay_quarks, jet_truth
from pipeline.physics.objects import Objects

# (pdg_id, mother, eta, phi); the mother is a place in the list.
NOWHERE = (0.0, 0.0)


def hadronic_top(first, *, b=(0.1, 0.0), quarks=((0.0, 0.1), (-0.1, 0.0)), sign=1):
    """A top quark that is listed twice, its W boson likewise, which radiates a photon; the list begins at place *first*."""
    return [
        (6 * sign, -1, *NOWHERE),
        (6 * sign, first, *NOWHERE),
        (5 * sign, first + 1, *b),
        (24 * sign, first + 1, *NOWHERE),
        (24 * sign, first + 3, *NOWHERE),
        (22, first + 3, *NOWHERE),
        (2 * sign, first + 4, *quarks[0]),
        (-1 * sign, first + 4, *quarks[1]),
        # Copies after radiation, and a gluon: none is a quark of the decay.
        (5 * sign, first + 2, 2.0, 2.0),
        (21, first + 2, 2.0, 2.0),
    ]


LEPTONIC_TOP = [(6, -1, *NOWHERE), (5, 0, *NOWHERE), (24, 0, *NOWHERE), (-11, 2, *NOWHERE), (12, 2, *NOWHERE)]
HADRONIC_W = [(24, -1, *NOWHERE), (24, 0, *NOWHERE), (4, 1, 0.3, 0.0), (-3, 1, -0.3, 0.0)]
QCD = [(21, -1, *NOWHERE), (5, 0, *NOWHERE), (-5, 0, *NOWHERE)]


def particles(*events):
    flat = [one for event in events for one in event]
    code, mother, eta, phi = np.array(flat, dtype=float).reshape(-1, 4).T
    index = np.repeat(np.arange(len(events)), [len(event) for event in events])
    columns = {"pdg_id": code.astype(np.int32), "mother": mother.astype(np.int16), "eta": eta, "phi": phi}
    return Objects(index, len(events), columns)


def jets(*rows, n_events):
    """From (event, eta, phi)."""
    event, eta, phi = np.array(rows, dtype=float).reshape(-1, 3).T
    return Objects(event.astype(np.int64), n_events, {"eta": eta, "phi": phi})


def truth_of(event, *, eta=0.0, phi=0.0, resonance="top"):
    truth = jet_truth(jets((0, eta, phi), n_events=1), particles(event), resonance, delta_r_max=0.8)
    return truth.n_quarks.item(), truth.is_contained.item(), truth.is_background.item()


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (hadronic_top(0), (3, True, False)),
        (hadronic_top(0, sign=-1), (3, True, False)),
        (hadronic_top(0, b=(0.0, 0.9)), (2, False, False)),
        (hadronic_top(0, b=(0.0, 0.9), quarks=((0.0, 1.0), (0.0, 1.0))), (0, False, False)),
        (hadronic_top(0, b=(0.7, 0.0)), (3, True, False)),
        (hadronic_top(0, b=(0.81, 0.0)), (2, False, False)),
        (LEPTONIC_TOP, (0, False, True)),
        (HADRONIC_W, (0, False, True)),
        (QCD, (0, False, True)),
        ([], (0, False, True)),
        (LEPTONIC_TOP + hadronic_top(5), (3, True, False)),
    ],
    ids=[
        "top",
        "antitop",
        "b outside",
        "elsewhere",
        "inside",
        "just outside",
        "leptonic",
        "W",
        "QCD",
        "empty",
        "semileptonic",
    ],
)
def test_a_top_jet_holds_three_quarks(event, expected):
    assert expected == truth_of(event)


@pytest.mark.parametrize(
    ("event", "expected"),
    [(HADRONIC_W, (2, True, False)), (hadronic_top(0, b=(3.0, 0.0)), (2, True, False)), (LEPTONIC_TOP, (0, False, True))],
    ids=["W", "W of a top quark", "leptonic"],
)
def test_a_w_jet_holds_two_quarks(event, expected):
    assert expected == truth_of(event, resonance="w")


def test_quarks_of_two_top_quarks_do_not_add_up():
    """Two quarks of one and one of the other are inside."""
    event = hadronic_top(0, b=(0.0, 2.0)) + hadronic_top(10, b=(0.0, 0.0), quarks=((0.0, 2.0), (0.0, 2.0)), sign=-1)

    assert truth_of(event) == (2, False, False)


def test_angles_are_measured_around_the_circle():
    event = hadronic_top(0, b=(0.0, 3.1), quarks=((0.0, -3.1), (0.0, -3.0)))

    assert truth_of(event, phi=3.1) == (3, True, False)


def test_each_jet_is_matched_in_its_own_event():
    events = particles(QCD, hadronic_top(0), [], hadronic_top(0, sign=-1))
    truth = jet_truth(
        jets((0, 0, 0), (1, 0, 0), (1, 2, 2), (2, 0, 0), (3, 0, 0), n_events=4), events, "top", delta_r_max=0.8
    )

    assert truth.n_quarks.tolist() == [0, 3, 0, 0, 3]
    assert truth.is_contained.tolist() == [False, True, False, False, True]
    assert truth.is_background.tolist() == [True, False, False, True, False]


def test_no_jets_have_no_truth():
    truth = jet_truth(jets(n_events=1), particles(hadronic_top(0)), "top", delta_r_max=0.8)

    assert len(truth.n_quarks) == len(truth.is_contained) == len(truth.is_background) == 0


def test_the_quarks_of_a_decay_are_numbered_in_each_event():
    quarks = decay_quarks(particles(QCD, hadronic_top(0) + hadronic_top(10, sign=-1), hadronic_top(0)), "top")

    assert quarks["pdg_id"].tolist() == [5, 2, -1, -5, -2, 1, 5, 2, -1]
    assert quarks["decay"].tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 0]
    assert quarks.event.tolist() == [1] * 6 + [2] * 3
