"""Large jets, one row a jet: constituents for networks, shapes for trees, and what the generator says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from coffea.processor import ProcessorABC
from pydantic import Field

from pipeline.config import Section
from pipeline.physics.constituents import relative_features
from pipeline.physics.selected import EventIds, Selected, count_cuts, event_ids
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
    tutorial_inputs,
    with_constituents,
)

if TYPE_CHECKING:
    from pipeline.physics.objects import Objects


class JetCuts(JetWindow):
    """Which jets are kept, and how many of an event.

    With more than one, several rows have the name of one event: they share its fold, and its datasets need
    `repeated_events: keep`.
    """

    max_per_event: int = Field(1, ge=1, description="those with the highest pt, of the jets that pass all cuts")


class Settings(Section):
    """The `selection` section of an analysis with this processor."""

    jet: JetCuts
    truth: Truth | None = Field(None, description="None for data, and where every jet is to be kept")
    candidates: Candidates = Candidates()


# With the names that the embedded simulation writes, and with its truth.
READS = branches(JetWindow(pt_min_gev=0, pt_max_gev=1, abs_eta_max=1), Truth(resonance="top", delta_r_max=1), Candidates())


class Processor(ProcessorABC):  # type: ignore[misc]
    """Jets in a window of transverse momentum, the hardest of each event first.

    Input collections: `jet`, the numbers of `SHAPES`; `constituents`, all features of the particles; `tutorial`, the four of
    the CMS tutorial. Particles are ordered by falling transverse momentum.
    """

    def __init__(self, settings: Settings) -> None:
        """Take the settings, checked."""
        self.settings = settings

    @property
    def reads(self) -> tuple[str, ...]:
        """The branches that `process` touches with these settings; with them `genWeight`, where a file has it."""
        return branches(self.settings.jet, self.settings.truth, self.settings.candidates)

    def process(self, events: Any, variation: str = NOMINAL) -> Selected:
        """Select the jets of one chunk of NanoAOD.

        Raises:
            InputError: there is no such *variation*, or a link leads to no particle.
        """
        check_variation(variation)
        weights = generator_weights(events)
        jets = jets_in_window(events, self.settings.jet)
        cuts = {"jet in window": jets.counts > 0}
        jets = matched(events, jets, self.settings.truth).first(self.settings.jet.max_per_event)
        cuts["truth"] = jets.counts > 0
        jets, constituents = with_constituents(events, jets, self.settings.candidates)
        cuts["constituents"] = jets.counts > 0
        shapes, relative = jet_shapes(jets, constituents), relative_features(constituents, jets)
        return Selected(
            ids=_ids_of(events, jets),
            weight=weights[jets.event],
            observables=shapes | truth_observables(jets),
            inputs={
                "jet": {name: values.astype(np.float32) for name, values in shapes.items()},
                "constituents": constituent_inputs(constituents, relative),
                "tutorial": tutorial_inputs(constituents, relative),
            },
            cutflow=count_cuts(cuts, weights),
        )

    def postprocess(self, accumulator: Any) -> Any:
        """Nothing is left to be done after merging."""
        return accumulator


def _ids_of(events: Any, jets: Objects) -> EventIds:
    """The name of the event of each jet."""
    ids = event_ids(events, np.ones(jets.n_events, dtype=bool))
    return EventIds(ids.run[jets.event], ids.luminosity_block[jets.event], ids.event[jets.event])
