"""What a row of an analysis is, for the word of its metrics that says how many of them a model answers in a second."""

from __future__ import annotations

from typing import Literal

Costs = Literal["events", "jets"]
ABOUT_COSTS = (
    "put parameters, train_seconds and events_per_second or jets_per_second of each model into metrics.json, which two runs"
    " then do not have in common, bit by bit"
)
