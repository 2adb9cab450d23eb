"""Training from the stream with a filled scratch cache, against training from arrays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.ratio import Ratio, paired
from benchmarks.training import Trial, check_equal, fit

if TYPE_CHECKING:
    from benchmarks.setting import Setting

GOAL = 0.95
# So many steps are timed, for the start of `fit` not to count; of a tiny sample not more than some epochs.
STEPS, MOST_EPOCHS = 200, 20


def run(setting: Setting) -> Ratio:
    """Some epochs of a `fit` each, of the same batches; the weights must come out equal."""
    trial = Trial.on(setting, setting.scratch / "cache_warm")
    epochs = min(max(2, -(-STEPS // len(trial.batches()))), MOST_EPOCHS)
    memory = trial.in_memory(epochs)  # fills the cache as well
    ours, theirs = trial.model(), trial.model()
    fit(ours, trial.batches(), epochs)
    fit(theirs, memory, epochs)
    check_equal(ours, theirs)
    result = paired(
        "training, warm cache",
        lambda: fit(ours, trial.batches(), epochs),
        lambda: fit(theirs, memory, epochs),
        goal=GOAL,
    )
    check_equal(ours, theirs)
    return result
