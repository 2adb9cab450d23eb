"""Training a network of ttbar from the stream, with a filled cache, against training from arrays in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.setting import make_setting
from benchmarks.training import Trial, warm
from pipeline.config import Training

if TYPE_CHECKING:
    from benchmarks.ratio import Ratio
    from benchmarks.setting import Setting

GOAL = 0.95
CONFIG = Path("config/ttbar.yaml")
# The fastest of its networks: the others leave the stream more time.
MODEL = "lstm"
TRAINING = Training(batch_size=128)
# An LSTM trains some thousand events a second: one event of so many, and few steps and repeats.
ONE_OF, STEPS, REPEATS = 10, 64, 3
MOST_EVENTS = 20_000


def run(setting: Setting) -> Ratio:
    """Events are turned anew in each epoch; in memory they are turned already. The weights must come out equal."""
    n_events = min(setting.n_events // ONE_OF, MOST_EVENTS)
    own = make_setting(setting.scratch / "ttbar", n_events, config=CONFIG, cards=("tt_semi",))
    trial = Trial.on(own, own.scratch / "cache_warm", model=MODEL, training=TRAINING)
    return warm(f"training, {MODEL} of ttbar", trial, goal=GOAL, steps=STEPS, repeats=REPEATS)
