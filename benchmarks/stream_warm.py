"""Training from the stream with a filled scratch cache, against training from arrays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.training import Trial, warm

if TYPE_CHECKING:
    from benchmarks.ratio import Ratio
    from benchmarks.setting import Setting

GOAL = 0.95


def run(setting: Setting) -> Ratio:
    """Some epochs of a `fit` each, of the same batches; the weights must come out equal."""
    return warm("training, warm cache", Trial.on(setting, setting.scratch / "cache_warm"), goal=GOAL)
