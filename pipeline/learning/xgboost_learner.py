"""How boosted trees are trained from the stream, in bounded memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from pipeline.files import check_room, scratch_folder, scratch_place
from pipeline.learning.checkpoint import State
from pipeline.learning.learner import Epoch, Trained
from pipeline.learning.predictor import table_of
from pipeline.learning.schedule import learning_rate
from pipeline.learning.stopping import is_stopped, kept_epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pipeline.config import Training
    from pipeline.learning.checkpoint import Checkpoint
    from pipeline.stream.rows import Rows
    from pipeline.stream.training_stream import TrainingStream

# Rows handed over at once; xgboost keeps them as pages on disk.
PAGE_ROWS = 65_536
# On disk a number takes 2.2 bytes, 4 where some are missing, 5.3 with a thousand bins, and a row 8 (xgboost 3.2, measured).
BYTES_OF_NUMBER = 8
# The one that is written when the next one is asked for.
PAGES_ON_THEIR_WAY = 2
SCRATCH = scratch_place("xgboost")


def prepare(threads: int, seed: int) -> None:
    """Nothing to fix beforehand: xgboost takes threads and seed with its parameters."""


def fit(
    model: xgboost.Booster,
    stream: TrainingStream,
    *,
    task: Any,
    training: Training,
    seed: int,
    folder: Path,
    checkpoint: Checkpoint,
    progress: Callable[[Epoch], None],
) -> Trained:
    """Train *model* and write `model.ubj`; the arguments are those of `Learner.fit`."""
    model.set_param(
        {
            "objective": task.xgboost_objective,
            "eval_metric": task.xgboost_metric,
            "nthread": training.threads,
            "seed": seed,
            # Otherwise a training that goes on after a checkpoint would draw other subsamples.
            "seed_per_iteration": True,
        }
    )
    with scratch_folder(SCRATCH) as scratch:
        bins = _max_bins(model)
        events = _Pages(stream, "training", scratch / "training")
        held_out = _Pages(stream, "validation", scratch / "validation")
        learned = xgboost.ExtMemQuantileDMatrix(events, max_bin=bins, nthread=training.threads)
        validated = xgboost.ExtMemQuantileDMatrix(held_out, max_bin=bins, ref=learned, nthread=training.threads)
        matrices = [learned, validated]
        del learned, validated
        try:
            history = _boosted(model, stream, matrices, training, checkpoint, progress)
        finally:
            # Their pages are in a folder that is removed now, also after an error, whose traceback would hold them.
            matrices.clear()
    best = kept_epoch(history, training)
    kept = model[:best]
    kept.set_attr(n_outputs=str(task.outputs.size))
    kept.save_model(folder / "model.ubj")
    return Trained(
        history=tuple(history),
        best_epoch=best,
        n_parameters=_n_nodes(kept),
        events_seen=stream.counted("training"),
        files={"xgboost": "model.ubj"},
    )


def _boosted(
    model: xgboost.Booster,
    stream: TrainingStream,
    matrices: list[Any],
    training: Training,
    checkpoint: Checkpoint,
    progress: Callable[[Epoch], None],
) -> list[Epoch]:
    """Boost round after round until the validation loss has not improved for `patience` rounds.

    Args:
        matrices: the training events and the validation events.
    """
    history = _restored(model, checkpoint)
    while len(history) < training.epochs and not is_stopped(history, training):
        number = len(history)
        rate = learning_rate(training, number)
        model.set_param({"learning_rate": rate})
        # Makes what samples the columns anew, which otherwise goes on from the round before: a training that goes on after a
        # checkpoint has no round before.
        model.load_config(model.save_config())
        model.update(matrices[0], number)
        measured = model.eval_set(list(zip(matrices, ("training", "validation"), strict=True)))
        losses = [float(part.rpartition(":")[2]) for part in measured.split()[1:]]
        row = Epoch(number + 1, losses[0], losses[1], rate, stream.counted_by_class("training"))
        history.append(row.checked())
        progress(row)
        if checkpoint.due():
            booster = np.frombuffer(model.save_raw("ubj"), dtype=np.uint8)
            checkpoint.save(State(len(history), 0, tuple(history), stream.ledgers, {"booster": booster}))
    return history


def _restored(model: xgboost.Booster, checkpoint: Checkpoint) -> list[Epoch]:
    """Give *model* the trees of the last checkpoint, if there is one; their history."""
    state = checkpoint.load()
    if state is None:
        return []
    # The file of a model holds its trees; how to grow more is kept here.
    settings = model.save_config()
    model.load_model(bytearray(state.arrays["booster"].tobytes()))
    model.load_config(settings)
    return list(state.history)


class _Pages(xgboost.DataIter):  # type: ignore[misc]
    """One epoch of the stream, in pages, as often as xgboost wants to read it."""

    def __init__(self, stream: TrainingStream, part: Any, cache: Path) -> None:
        self._stream, self._part, self._folder = stream, part, cache.parent
        self.reset()
        super().__init__(cache_prefix=str(cache))

    def reset(self) -> None:
        """Begin again."""
        self._pages = self._make_pages()

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand the next page over; False when there is none."""
        page = next(self._pages, None)
        if page is None:
            return False
        data = np.concatenate([table_of(rows.tensors) for rows in page])
        # xgboost itself would not see that a page was not written, and die when it reads it.
        check_room(self._folder, PAGES_ON_THEIR_WAY * BYTES_OF_NUMBER * len(data) * (data.shape[1] + 1))
        labels = np.concatenate([rows.targets for rows in page]).argmax(axis=1)
        input_data(data=data, label=labels, weight=np.concatenate([rows.weight for rows in page]))
        return True

    def _make_pages(self) -> Iterator[list[Rows]]:
        page: list[Rows] = []
        for rows in self._stream.epoch(0, self._part):
            page.append(rows)
            if sum(map(len, page)) >= PAGE_ROWS:
                yield page
                page = []
        if page:
            yield page


def _max_bins(model: xgboost.Booster) -> int:
    """The number of bins that `build` chose; the same is needed where the pages are made."""
    config = json.loads(model.save_config())
    return int(config["learner"]["gradient_booster"]["tree_train_param"]["max_bin"])


def _n_nodes(model: xgboost.Booster) -> int:
    return int(sum(dump.count("\n") for dump in model.get_dump()))
