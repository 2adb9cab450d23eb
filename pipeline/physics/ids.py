"""The names of the events that a selection keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.physics.selected import EventIds, event_ids

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def kept_ids(events: Any, keep: NDArray[np.bool_]) -> EventIds:
    """Run, luminosity block and event number of those NanoAOD *events* for which *keep*, shape (n_events,), is true."""
    ids = event_ids(events)
    return EventIds(ids.run[keep], ids.luminosity_block[keep], ids.event[keep])
