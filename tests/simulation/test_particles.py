import awkward as ak
import numpy as np
import pytest

from pipeline.simulation.particles import charge_of, flat_particles, holds_quark, is_hadron

CODES = {
    "pion": (211, True, 0),
    "K long": (130, True, 0),
    "proton": (-2212, True, 0),
    "D star": (413, True, 4),
    "Bs": (-531, True, 5),
    "Bc": (541, True, 5),
    "Lambda b": (5122, True, 5),
    "J/psi": (443, True, 4),
    "f0(980)": (9010221, True, 0),
    "diquark": (2203, False, 0),
    "b diquark": (5103, False, 0),
    "gluon": (21, False, 0),
    "system": (90, False, 0),
    "Z prime": (32, False, 0),
    "neutralino": (1000022, False, 0),
    "R-hadron": (1000612, False, 0),
    "deuteron": (1000010020, False, 0),
}


@pytest.mark.parametrize(("code", "hadron", "quark"), CODES.values(), ids=CODES)
def test_codes_say_what_a_particle_is(code, hadron, quark):
    codes = np.array([code])

    assert hadron == is_hadron(codes)[0]
    assert [quark == 4, quark == 5] == [holds_quark(codes, flavour)[0] for flavour in (4, 5)]


def test_antiparticles_have_the_opposite_charge():
    assert charge_of(np.array([11, -11, 211, -211, 22, 3312, -3312])).tolist() == [-1, 1, 1, -1, 0, -1, 1]


def test_mothers_become_rows_and_stand_ins_get_their_name():
    momentum = ak.zip({name: [[0.0, 1.0], [0.0, 2.0, 3.0]] for name in ("px", "py", "pz", "e")})
    record = ak.zip(
        {
            "id": [[90, 36], [90, 36, -5]],
            "status": [[-11, -22], [-11, -22, 1]],
            "mother1": [[0, 0], [0, 0, 1]],
            "mother2": [[0, 0], [0, 0, 0]],
            "m": [[0.0, 125.0], [0.0, 125.0, 4.8]],
            "p": momentum,
            "vProd": momentum,
        },
        depth_limit=2,
    )
    objects = flat_particles(record, {36: 25})

    assert objects["pdg_id"].tolist() == [90, 25, 90, 25, -5]
    assert objects["mother"].tolist() == [0, 0, 2, 2, 3]
