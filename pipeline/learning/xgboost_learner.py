"""How boosted trees are trained from the stream, in bounded memory."""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xgboost

from pipeline.errors import PipelineError
from pipeline.learning.learner import Epoch, Trained
from pipeline.learning.schedule import learning_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pipeline.config import Training
    from pipeline.stream.shuffle import Rows
    from pipeline.stream.training_stream import TrainingStream

# Rows handed over at once; xgboost keeps them as pages on disk, a byte a feature.
PAGE_ROWS = 65_536
SCRATCH = Path(".scratch/xgboost")


def prepare(threads: int, seed: int) -> None:
    """Nothing to fix beforehand: xgboost takes threads and seed with its parameters."""


def fit(
    model: xgboost.Booster,
    stream: TrainingStream,
    *,
    task: Any,
    training: Training,
    n_events: Mapping[str, Mapping[str, int]],
    seed: int,
    folder: Path,
    progress: Callable[[Epoch], None],
) -> Trained:
    """Train *model* and write `model.ubj`; the arguments are those of `Learner.fit`."""
    model.set_param(
        {
            "objective": task.xgboost_objective,
            "eval_metric": task.xgboost_metric,
            "nthread": training.threads,
            "seed": seed,
        }
    )
    SCRATCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=SCRATCH) as scratch:
        bins = _max_bins(model)
        events = _Pages(stream, "training", n_events["training"], Path(scratch) / "training")
        held_out = _Pages(stream, "validation", n_events["validation"], Path(scratch) / "validation")
        learned = xgboost.ExtMemQuantileDMatrix(events, max_bin=bins, nthread=training.threads)
        validated = xgboost.ExtMemQuantileDMatrix(held_out, max_bin=bins, ref=learned, nthread=training.threads)
        history = list(_rounds(model, learned, validated, training, progress))
        del learned, validated
    best = min(history, key=lambda row: row.val_loss).epoch
    kept = model[:best] if training.early_stopping else model
    kept.set_attr(n_outputs=str(task.outputs.size))
    kept.save_model(folder / "model.ubj")
    return Trained(
        history=tuple(history),
        best_epoch=best if training.early_stopping else len(history),
        n_parameters=_n_nodes(kept),
        events_seen=dict(n_events["training"]),
        files={"xgboost": "model.ubj"},
    )


def _rounds(
    model: xgboost.Booster, learned: Any, validated: Any, training: Training, progress: Callable[[Epoch], None]
) -> Iterator[Epoch]:
    """Boost round after round until the validation loss has not improved for `patience` rounds."""
    best, best_epoch = math.inf, 0
    for number in range(training.epochs):
        rate = learning_rate(training, number)
        model.set_param({"learning_rate": rate})
        model.update(learned, number)
        losses = [float(part.rpartition(":")[2]) for part in model.eval_set([(learned, "t"), (validated, "v")]).split()[1:]]
        row = Epoch(number + 1, losses[0], losses[1], rate)
        progress(row.checked())
        yield row
        stop = training.early_stopping
        if row.val_loss < best - (stop.min_delta if stop else 0.0):
            best, best_epoch = row.val_loss, row.epoch
        if stop and row.epoch - best_epoch >= stop.patience:
            return


class _Pages(xgboost.DataIter):  # type: ignore[misc]
    """One epoch of the stream, in pages, as often as xgboost wants to read it."""

    def __init__(self, stream: TrainingStream, part: Any, n_events: Mapping[str, int], cache: Path) -> None:
        self._stream, self._part, self._n_events = stream, part, {name: n for name, n in n_events.items() if n}
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
        data = np.concatenate([np.concatenate(list(rows.tensors.values()), axis=1) for rows in page])
        labels = np.concatenate([rows.targets for rows in page]).argmax(axis=1)
        input_data(data=data, label=labels, weight=np.concatenate([rows.weight for rows in page]))
        return True

    def _make_pages(self) -> Iterator[list[Rows]]:
        seen: Counter[str] = Counter()
        page: list[Rows] = []
        for rows in self._stream.epoch(0, self._part):
            seen += self._stream.counts(rows)
            page.append(rows)
            if sum(map(len, page)) >= PAGE_ROWS:
                yield page
                page = []
        if dict(seen) != self._n_events:
            raise PipelineError(
                f"The stream held {dict(seen)} {self._part} events. Expected {self._n_events}, as in summary.json."
                " A file or the processor changed in between: run summarise again."
            )
        if page:
            yield page


def _max_bins(model: xgboost.Booster) -> int:
    """The number of bins that `build` chose; the same is needed where the pages are made."""
    config = json.loads(model.save_config())
    return int(config["learner"]["gradient_booster"]["tree_train_param"]["max_bin"])


def _n_nodes(model: xgboost.Booster) -> int:
    return int(sum(dump.count("\n") for dump in model.get_dump()))
