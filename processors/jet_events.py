"""Events with several large jets, one row an event: each jet with its particles and shapes, by its place in the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from coffea.processor import ProcessorABC
from pydantic import Field

from pipeline.config import Section
from pipeline.physics.constituents import relative_features
from pipeline.physics.kinematics import Momentum, momentum
from pipeline.physics.selected import Selected, all_cuts, count_cuts, event_ids
from pipeline.physics.variations import NOMINAL, check_variation
from pipeline.physics.weights import generator_weights
from processors.parts.large_jets import (
    Candidates,
    JetWindow,
    Truth,
    branches,
    constituent_inputs,
    jet_shapes,
    jets_in_window,
    matched,
    truth_observables,
    with_constituents,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects


class Settings(Section):
    """The `selection` section of an analysis with this processor."""

    jet: JetWindow
    n_jets: int = Field(2, ge=1, le=10, description="the hardest ones in the window; an event with fewer is dropped")
    truth: Truth | None = Field(None, description="None for data, and where every event is to be kept")
    candidates: Candidates = Candidates()


# With the names that the embedded simulation writes, and with its truth.
READS = branches(JetWindow(pt_min_gev=0, pt_max_gev=1, abs_eta_max=1), Truth(resonance="w", delta_r_max=1), Candidates())


class Processor(ProcessorABC):  # type: ignore[misc]
    """Events whose `n_jets` hardest jets in the window all are what their sample is named after.

    Input collections: `jets`, a list of the shapes of each jet, of `energy` [GeV] and of `phi_rel`, the angle in rad from
    the hardest one to it, in [0, 2π), since two jets are back to back; `constituents_1` of the hardest jet, `constituents_2`
    of the next one and so on; `event`, flat, with `system_mass` [GeV], the mass of all jets together, and the shapes of each
    jet, such as `mass_1`. Observables: those of `event`, and `n_quarks_1` and so on where the truth is asked for.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the settings, checked."""
        self.settings = settings

    @property
    def reads(self) -> tuple[str, ...]:
        """The branches that `process` touches with these settings; with them `genWeight`, where a file has it."""
        return branches(self.settings.jet, self.settings.truth, self.settings.candidates)

    def process(self, events: Any, variation: str = NOMINAL) -> Selected:
        """Select the events of one chunk of NanoAOD.

        Raises:
            InputError: there is no such *variation*, or a link leads to no particle.
        """
        check_variation(variation)
        weights = generator_weights(events)
        settings, n_jets = self.settings, self.settings.n_jets
        jets = jets_in_window(events, settings.jet).first(n_jets)
        cuts = {f"{n_jets} jets in window": jets.counts == n_jets}
        jets = matched(events, _of_events(jets, cuts), settings.truth)
        cuts["truth"] = jets.counts == n_jets
        jets, constituents = with_constituents(events, _of_events(jets, cuts), settings.candidates)
        cuts["constituents"] = jets.counts == n_jets
        keep = all_cuts(cuts)
        constituents, jets = constituents.of(keep[jets.event]), jets.of(keep)
        mass = {"system_mass": _system_mass(jets)}
        shapes = jet_shapes(jets, constituents)
        return Selected(
            ids=event_ids(events, keep),
            weight=weights[keep],
            observables=mass | _by_place(jets, shapes | truth_observables(jets), n_jets),
            inputs={
                "jets": {name: ak.unflatten(column, jets.counts) for name, column in _listed(jets, shapes).items()},
                "event": {name: _float32(column) for name, column in (mass | _by_place(jets, shapes, n_jets)).items()},
                **{f"constituents_{k + 1}": _constituents_at(k, jets, constituents) for k in range(n_jets)},
            },
            cutflow=count_cuts(cuts, weights),
        )

    def postprocess(self, accumulator: Any) -> Any:
        """Nothing is left to be done after merging."""
        return accumulator


def _of_events(jets: Objects, cuts: dict[str, NDArray[np.bool_]]) -> Objects:
    """The *jets* of those events that have passed all *cuts*; nothing more is read for others."""
    return jets.where(all_cuts(cuts)[jets.event])


def _momentum(jets: Objects) -> Momentum:
    return momentum(*(jets[name] for name in ("pt", "eta", "phi", "mass")))


def _system_mass(jets: Objects) -> NDArray[np.float64]:
    """Of all jets of each event together, shape (n_events,)."""
    p = _momentum(jets)
    return Momentum(*(jets.having(part=part).total("part") for part in (p.px, p.py, p.pz, p.energy))).mass


def _by_place(jets: Objects, columns: Mapping[str, NDArray[Any]], n_jets: int) -> dict[str, NDArray[Any]]:
    """`mass_1` for the mass of the hardest jet, each of shape (n_events,)."""
    return {f"{name}_{k + 1}": column[jets.rank == k] for name, column in columns.items() for k in range(n_jets)}


def _listed(jets: Objects, shapes: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float32]]:
    """What is in the collection `jets`, each of shape (n_jets,)."""
    hardest = jets.starts[jets.event]
    phi = jets["phi"].astype(np.float64)
    columns = {**shapes, "energy": _momentum(jets).energy, "phi_rel": np.mod(phi - phi[hardest], 2 * np.pi)}
    return {name: _float32(column) for name, column in columns.items()}


def _constituents_at(k: int, jets: Objects, constituents: Objects) -> dict[str, ak.Array]:
    """Those of the jets at place *k*, one of each event."""
    is_there = jets.rank == k
    own = constituents.of(is_there)
    return constituent_inputs(own, relative_features(own, jets.where(is_there)))


def _float32(column: NDArray[Any]) -> NDArray[np.float32]:
    return column.astype(np.float32)
