"""Which weight an event has before any selection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def generator_weights(events: Any) -> NDArray[np.float64]:
    """`genWeight` of each of the NanoAOD *events*, shape (n_events,); 1 for data, which has no such branch."""
    if "genWeight" not in events.fields:
        return np.ones(len(events))
    return np.asarray(events.genWeight, dtype=np.float64)
