"""The smallest processor of objects: every event is selected, and the momenta of one collection are the inputs."""

from __future__ import annotations

from typing import Any

import numpy as np
from coffea.processor import ProcessorABC

from pipeline.config import Section
from pipeline.physics.selected import Selected, count_cuts, event_ids
from pipeline.physics.weights import generator_weights

READS = ("nJet", "Jet_pt", "Jet_eta", "Jet_phi", "Jet_mass")
FEATURES = ("pt", "eta", "phi", "mass")


class Settings(Section):
    """Which collection."""

    collection: str = "Jet"


class Processor(ProcessorABC):  # type: ignore[misc]
    """Momenta as they are in the file."""

    def __init__(self, settings: Settings) -> None:
        self._collection = settings.collection
        self.reads = (f"n{self._collection}", *(f"{self._collection}_{feature}" for feature in FEATURES))

    def process(self, events: Any, variation: str = "nominal") -> Selected:
        """All events."""
        objects, weights = events[self._collection], generator_weights(events)
        return Selected(
            ids=event_ids(events, np.ones(len(events), dtype=bool)),
            weight=weights,
            observables={},
            cutflow=count_cuts({}, weights),
            inputs={"objects": {feature: objects[feature] for feature in FEATURES}},
        )

    def postprocess(self, accumulator: Any) -> Any:
        """Nothing is left to do."""
        return accumulator
