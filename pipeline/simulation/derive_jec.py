"""Deriving the jet energy correction from the simulation itself: the command behind `jec.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError
from pipeline.physics.matching import match
from pipeline.simulation.cards import load_card
from pipeline.simulation.detector import candidates
from pipeline.simulation.flavour import flavour_ghosts, hadron_flavour
from pipeline.simulation.generator import Generator, seed_for
from pipeline.simulation.jec import JEC_FILE, no_correction
from pipeline.simulation.jets import detector_jets, generator_jets
from pipeline.simulation.settings import load_detector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pipeline.simulation.jets import Correction

RADII = {"AK4": 0.4, "AK8": 0.8}
ABS_ETA_EDGES = {"AK4": (0.0, 0.8, 1.5, 2.0, 2.5, 3.0, 5.0), "AK8": (0.0, 1.5, 2.5, 5.0)}
PT_EDGES_GEV = (12, 16, 20, 25, 30, 36, 45, 60, 80, 110, 150, 200, 300, 450, 700, 1000, 1500, 3000)
# Jets matched within this part of the radius, and at least so many in a bin.
MATCH_FRACTION = 0.5
JETS_MIN = 300
BATCH_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class Matches:
    """Pairs of a generator's jet and the detector's, shape (n_pairs,) each.

    Args:
        gen_pt: transverse momentum of the generator's jet [GeV].
        abs_eta: |η| of the detector's jet.
        pt: transverse momentum of the detector's jet [GeV].
        flavour: of hadrons in the generator's jet: 5, 4 or 0.
    """

    gen_pt: NDArray[np.float64]
    abs_eta: NDArray[np.float64]
    pt: NDArray[np.float64]
    flavour: NDArray[np.int64]

    @property
    def response(self) -> NDArray[np.float64]:
        """Detector's over generator's transverse momentum."""
        return self.pt / self.gen_pt


def derive_jec(
    *,
    cards: Sequence[str] = ("qcd_flat",),
    n_events: int = 120_000,
    seed: int = 1,
    out: Path = JEC_FILE,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Write the correction of AK4 and AK8 jets as correctionlib's JSON.

    In bins of the generator's transverse momentum and of |η|, the correction is one over the median response; it is applied
    at the median raw momentum of the bin, and between these linearly in the momentum's logarithm.

    Args:
        cards: processes; their events count alike.
        n_events: of each card.
        seed: of the events.
        out: the file.
        progress: is called with the number of events done so far.
    """
    parts: dict[str, list[Matches]] = {kind: [] for kind in RADII}
    for number, card in enumerate(cards):
        for done, batch in _batches(card, n_events, seed):
            for kind, matches in batch.items():
                parts[kind].append(matches)
            if progress is not None:
                progress(number * n_events + done)
    sample = f"{n_events} events each of {', '.join(cards)}, seed {seed}, 13 TeV, no multiparton interactions"
    corrections = [_correction(kind, _joined(found), sample) for kind, found in parts.items()]
    content = {"schema_version": 2, "description": f"Embedded simulation: {sample}", "corrections": corrections}
    Path(out).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def matched_jets(kind: str, *, card: str, n_events: int, seed: int, correction: Correction = no_correction) -> Matches:
    """Matched jets of a fresh sample with *correction* applied, for the closure test."""
    return _joined([batch[kind] for _, batch in _batches(card, n_events, seed, kinds=(kind,), correction=correction)])


def _batches(
    card: str, n_events: int, seed: int, *, kinds: Sequence[str] = tuple(RADII), correction: Correction = no_correction
) -> Any:
    process = load_card(card)
    generator = Generator(process, seed=seed, file_index=0)
    rng = np.random.default_rng(seed_for(process, "detector", seed, 0))
    for start in range(0, n_events, BATCH_EVENTS):
        stop = min(start + BATCH_EVENTS, n_events)
        particles = generator.next_batch(stop - start).particles
        ghosts = flavour_ghosts(particles)
        found = candidates(particles, load_detector(), rng)
        yield stop, {kind: _matches(RADII[kind], particles, found, ghosts, correction) for kind in kinds}


def _matches(radius: float, particles: Any, found: Any, ghosts: Any, correction: Correction) -> Matches:
    lowest = min(PT_EDGES_GEV)
    # Far below the lowest bin, so that no low response is cut away.
    jets = detector_jets(found, ghosts, correction, radius=radius, pt_min_gev=lowest / 4)
    gen_jets = generator_jets(particles, ghosts, radius=radius, pt_min_gev=lowest)
    partner = match(jets.jets, gen_jets.jets, delta_r_max=MATCH_FRACTION * radius)
    matched = partner >= 0
    gen, reco = gen_jets.jets.take(partner[matched]), jets.jets.where(matched)
    flavour = hadron_flavour(gen_jets, ghosts)[partner[matched]]
    return Matches(gen["pt"], np.abs(reco["eta"]), reco["pt"], flavour)


def _joined(parts: Sequence[Matches]) -> Matches:
    return Matches(*(np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Matches)))


def _correction(kind: str, matches: Matches, sample: str) -> dict[str, Any]:
    """The part of the JSON for one kind of jet: |η| bins that hold a function of the raw transverse momentum."""
    edges = ABS_ETA_EDGES[kind]
    inside = [(matches.abs_eta >= low) & (matches.abs_eta < high) for low, high in pairwise(edges)]
    return {
        "name": kind,
        "description": f"Factor on the raw momentum of anti-kT jets of radius {RADII[kind]}; from {sample}",
        "version": 1,
        "inputs": [
            {"name": "pt", "type": "real", "description": "raw transverse momentum [GeV]"},
            {"name": "abs_eta", "type": "real", "description": "|pseudorapidity|"},
        ],
        "output": {"name": "factor", "type": "real"},
        "data": {
            "nodetype": "binning",
            "input": "abs_eta",
            "edges": list(edges),
            "flow": "clamp",
            "content": [_log_linear(*response_points(matches.gen_pt[bin_], matches.pt[bin_])) for bin_ in inside],
        },
    }


def response_points(gen_pt: NDArray[np.float64], pt: NDArray[np.float64]) -> tuple[list[float], list[float]]:
    """Median raw momentum [GeV] and one over the median response in each bin of *gen_pt* with enough jets.

    Raises:
        InputError: no bin has enough.
    """
    raw, factor = [], []
    for low, high in pairwise(PT_EDGES_GEV):
        in_bin = (gen_pt >= low) & (gen_pt < high)
        if np.count_nonzero(in_bin) >= JETS_MIN:
            raw.append(float(np.median(pt[in_bin])))
            factor.append(float(1 / np.median(pt[in_bin] / gen_pt[in_bin])))
    if not raw:
        raise InputError(
            f"No bin of transverse momentum has {JETS_MIN} jets; all together are {len(pt)}. A correction needs more events."
            " Raise n_events."
        )
    return raw, factor


def _log_linear(points: Sequence[float], values: Sequence[float]) -> dict[str, Any]:
    """A correctionlib node: straight lines in log(pt) between the points, constant beyond the first and the last."""
    lines: list[Any] = [round(values[0], 6)]
    for (x1, x2), (y1, y2) in zip(pairwise(np.log(points)), pairwise(values), strict=True):
        slope = (y2 - y1) / (x2 - x1)
        parameters = [round(float(y1 - slope * x1), 6), round(float(slope), 6)]
        lines.append(
            {
                "nodetype": "formula",
                "parser": "TFormula",
                "variables": ["pt"],
                "expression": "[0]+[1]*log(x)",
                "parameters": parameters,
            }
        )
    lines.append(round(values[-1], 6))
    edges = [0.0, *(round(x, 4) for x in points), "inf"]
    return {"nodetype": "binning", "input": "pt", "edges": edges, "flow": "clamp", "content": lines}
