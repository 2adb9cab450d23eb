"""Events with several large jets, one row an event: what `processors.jets` knows of each jet, by its place in the event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from pydantic import Field, model_validator

from pipeline.physics.kinematics import Momentum, delta_phi, momentum
from pipeline.physics.selected import Selected, all_cuts, count_cuts, event_ids
from pipeline.physics.variations import NOMINAL, check_variation
from pipeline.physics.weights import generator_weights
from processors import jets as one_jet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.physics.objects import Objects

READS = one_jet.READS


class Settings(one_jet.Settings):
    """The `selection` section of an analysis with this processor: that of `processors.jets`, and how many jets."""

    n_jets: int = Field(2, ge=1, le=10, description="the hardest ones in the window; an event with fewer is dropped")

    @model_validator(mode="after")
    def _has_one_row_an_event(self) -> Settings:
        if self.jet.max_per_event != 1:
            raise ValueError("jet.max_per_event is of rows that are jets, and here a row is an event; set n_jets instead")
        return self


class Processor(one_jet.Processor):
    """Events whose `n_jets` hardest jets in the window all are what their sample is named after.

    Input collections: `jets`, a list of the numbers of `SHAPES` and of `energy` [GeV] and `phi_rel`, the angle in rad to the
    hardest one; `constituents_1` of the hardest jet, `constituents_2` of the next one and so on, as `constituents` of
    `processors.jets`; `event`, flat, with `system_mass` [GeV], the mass of all jets together, and the numbers of `SHAPES` of
    each jet, such as `mass_1`. Observables: those of `event`.
    """

    settings: Settings

    def process(self, events: Any, variation: str = NOMINAL) -> Selected:
        """Select the events of one chunk of NanoAOD.

        Raises:
            InputError: there is no such *variation*, or a link leads to no particle.
        """
        check_variation(variation)
        weights = generator_weights(events)
        n_jets = self.settings.n_jets
        jets = self.jets_in_window(events).first(n_jets)
        cuts = {f"{n_jets} jets in window": jets.counts == n_jets}
        jets = self.matched(events, _of_events(jets, cuts))
        cuts["truth"] = jets.counts == n_jets
        jets = _of_events(jets, cuts)
        jets, constituents = one_jet.with_constituents(jets, self.constituents(events, jets))
        cuts["constituents"] = jets.counts == n_jets
        keep = all_cuts(cuts)
        is_kept = keep[jets.event]
        jets, constituents = jets.of(keep), constituents.of(is_kept)
        numbers = self._numbers(jets, constituents)
        return Selected(
            ids=event_ids(events, keep),
            weight=weights[keep],
            observables=numbers,
            inputs={
                "jets": _listed(jets, constituents),
                "event": {name: values.astype(np.float32) for name, values in numbers.items()},
                **self._constituents_by_place(jets, constituents),
            },
            cutflow=count_cuts(cuts, weights),
        )

    def _numbers(self, jets: Objects, constituents: Objects) -> dict[str, NDArray[np.float64]]:
        """The mass of all jets, and what is known of each, shape (n_events,)."""
        shapes = one_jet.jet_observables(jets, constituents)
        p = _momentum(jets)
        system = Momentum(*(jets.having(part=part).total("part") for part in (p.px, p.py, p.pz, p.energy)))
        by_place = {f"{name}_{k + 1}": values[jets.rank == k] for name, values in shapes.items() for k in self._places}
        return {"system_mass": system.mass, **by_place}

    def _constituents_by_place(self, jets: Objects, constituents: Objects) -> dict[str, dict[str, Any]]:
        collections = {}
        for k in self._places:
            is_there = jets.rank == k
            inputs = self.inputs(jets.where(is_there), constituents.of(is_there))
            collections[f"constituents_{k + 1}"] = inputs["constituents"]
        return collections

    @property
    def _places(self) -> range:
        return range(self.settings.n_jets)


def _of_events(jets: Objects, cuts: dict[str, NDArray[np.bool_]]) -> Objects:
    """The *jets* of those events that have passed all *cuts*; nothing more is read for others."""
    return jets.where(all_cuts(cuts)[jets.event])


def _listed(jets: Objects, constituents: Objects) -> dict[str, Any]:
    """The collection `jets`, shape (n_events, n_jets)."""
    hardest = jets.starts[jets.event]
    columns = one_jet.jet_shapes(jets, constituents)
    columns |= {"energy": _momentum(jets).energy, "phi_rel": delta_phi(jets["phi"], jets["phi"][hardest])}
    return {name: ak.unflatten(values.astype(np.float32), jets.counts) for name, values in columns.items()}


def _momentum(jets: Objects) -> Momentum:
    return momentum(*(jets[name] for name in ("pt", "eta", "phi", "mass")))
