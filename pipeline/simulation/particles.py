"""The event record of Pythia as flat arrays over a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from pipeline.physics.groups import starts_of
from pipeline.physics.objects import Objects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

# PDG codes of what Pythia 8 leaves stable by default, and its charge; antiparticles have the opposite one.
CHARGE_OF_STABLE = {11: -1, 13: -1, 211: 1, 321: 1, 2212: 1, 3112: -1, 3222: 1, 3312: -1, 3334: -1}
NEUTRINOS = (12, 14, 16)


def flat_particles(record: Any, relabel: Mapping[int, int]) -> Objects:
    """The event record of a batch as flat columns.

    Args:
        record: `prt` of Pythia's `nextBatch`, shape (n_events, var); row 0 of each event stands for the event as a whole.
        relabel: PDG codes that are to be replaced.

    Returns:
        Columns pdg_id, status (Pythia's), mother and mother2 (rows of these; row 0 of the event where there is none),
        px, py, pz, energy, mass [GeV], x, y, z (of production) [mm].
    """
    counts = np.asarray(ak.num(record.id), dtype=np.int64)
    event = np.repeat(np.arange(len(counts)), counts)
    first_row = starts_of(counts)[event]
    pdg_id = _flat(record.id).astype(np.int64)
    for old, new in relabel.items():
        pdg_id[pdg_id == old] = new
    momentum, vertex = record.p, record.vProd
    columns = {
        "pdg_id": pdg_id,
        "status": _flat(record.status).astype(np.int64),
        "mother": first_row + _flat(record.mother1),
        "mother2": first_row + _flat(record.mother2),
        "px": _flat(momentum.px),
        "py": _flat(momentum.py),
        "pz": _flat(momentum.pz),
        "energy": _flat(momentum.e),
        "mass": _flat(record.m),
        "x": _flat(vertex.px),
        "y": _flat(vertex.py),
        "z": _flat(vertex.pz),
    }
    return Objects(event, len(counts), columns)


def charge_of(pdg_id: NDArray[np.int64]) -> NDArray[np.int64]:
    """Electric charge of stable particles in units of e, shape (n,); 0 for what is not in `CHARGE_OF_STABLE`."""
    charge = np.zeros(len(pdg_id), dtype=np.int64)
    for code, value in CHARGE_OF_STABLE.items():
        charge += value * ((pdg_id == code).astype(np.int64) - (pdg_id == -code))
    return charge


def is_hadron(pdg_id: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a PDG code is that of a meson or a baryon, and not of a diquark, a nucleus or a new particle, shape (n,).

    Source: the numbering scheme of the Particle Data Group, doi:10.1103/PhysRevD.110.030001, chapter 45.
    """
    code = np.abs(pdg_id)
    quark_digits = (code // 10 % 10 > 0) & (code // 100 % 10 > 0)
    no_new_particle = (code > 100) & (code < 10_000_000) & (code // 1_000_000 % 10 % 9 == 0)
    return np.asarray(no_new_particle & quark_digits, dtype=np.bool_)


def holds_quark(pdg_id: NDArray[np.int64], quark: int) -> NDArray[np.bool_]:
    """Whether the heaviest quark of a hadron is *quark* (4 or 5), shape (n,)."""
    code = np.abs(pdg_id)
    heaviest = np.where(code // 1000 % 10 > 0, code // 1000 % 10, code // 100 % 10)
    return np.asarray(is_hadron(pdg_id) & (heaviest == quark), dtype=np.bool_)


def is_neutrino(pdg_id: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether a PDG code is that of a neutrino, shape (n,)."""
    return np.isin(np.abs(pdg_id), NEUTRINOS)


def _flat(column: Any) -> NDArray[Any]:
    values = ak.flatten(column, axis=1)
    return np.asarray(ak.fill_none(values, 0.0) if values.layout.is_option else values)
