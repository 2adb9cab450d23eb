"""The stage `score`, against reading and selecting by hand and bare inference by ONNX Runtime."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import uproot

from benchmarks import by_hand
from benchmarks.ratio import Ratio, paired
from pipeline.config import Analysis
from pipeline.events.pool import pool
from pipeline.learning.score import score
from pipeline.learning.summarise import summarise
from pipeline.learning.train import train
from pipeline.statistics.hashing import fold_of
from pipeline.stream.chunk import build_chunk
from pipeline.stream.select import select
from pipeline.stream.summary import Summary

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from benchmarks.setting import Setting
    from pipeline.events.plan import Range

GOAL = 0.85
# The networks of the analysis; of trees there is no bare inference by ONNX Runtime.
MODELS = ("dnn", "dnn_phi", "dnn_deep")
# Another size of the batches may give other last bits.
TOLERANCE = 1e-5

# By range, model and fold: which of the selected events are of the fold, and their inputs.
Tensors = dict[tuple["Range", str, int], tuple["NDArray[np.bool_]", "NDArray[np.float32]"]]


def run(setting: Setting) -> Ratio:
    """All datasets with three networks on one core; scores must agree with those of bare inference."""
    analysis, folder = with_networks(setting.analysis), setting.scratch / "score"
    trained(setting, analysis, folder)
    bare = Bare(setting, analysis, folder)

    def pipeline() -> None:
        pool().close()  # a job opens each file once
        for dataset in analysis.datasets:
            score(analysis, setting.plan, dataset, folder)

    pipeline()
    check_equal(analysis, folder, bare())
    return paired(f"score, {len(MODELS)} networks", pipeline, bare, goal=GOAL)


def with_networks(analysis: Analysis) -> Analysis:
    """*analysis* with `MODELS` alone, trained for one epoch."""
    content = analysis.model_dump(mode="json")
    content["models"] = {name: content["models"][name] for name in MODELS}
    content["training"] |= {"epochs": 1, "batch_size": 1024, "early_stopping": None}
    return Analysis.model_validate(content)


def trained(setting: Setting, analysis: Analysis, folder: Path) -> None:
    """Train all models below *folder*."""
    summarise(analysis, setting.plan, folder / "summary.json")
    summary = Summary.load(folder / "summary.json")
    for model in analysis.models:
        for fold in range(analysis.folds):
            out = folder / "models" / model / f"fold{fold}"
            train(analysis, setting.plan, summary, model=model, fold=fold, out=out)
    gc.freeze()  # a job that scores has nothing of what training has left, and Python need not look through it


class Bare:
    """Reads and selects by hand; then each network sees its inputs, which are in memory already, once."""

    def __init__(self, setting: Setting, analysis: Analysis, folder: Path) -> None:
        self._ranges, self._analysis = setting.ranges, analysis
        self._sessions = {
            (model, fold): session(folder / "models" / model / f"fold{fold}" / "model.onnx")
            for model in analysis.models
            for fold in range(analysis.folds)
        }
        self._tensors = self._built()

    def __call__(self) -> dict[tuple[str, str], NDArray[np.float32]]:
        """Scores by dataset and model, each of shape (n_selected, n_outputs)."""
        for part in self._ranges:
            by_hand.select(by_hand.read(part.path, part.start, part.stop), self._analysis.selection)
        scores: dict[tuple[str, str], dict[Range, Any]] = {}
        for (part, model, fold), (rows, table) in self._tensors.items():
            network = self._sessions[model, fold]
            answer = network.run(None, {network.get_inputs()[0].name: table})[0]
            of_range = scores.setdefault((part.dataset, model), {})
            of_range.setdefault(part, np.empty((len(rows), answer.shape[1]), np.float32))[rows] = answer
        return {key: np.concatenate(list(answers.values())) for key, answers in scores.items()}

    def _built(self) -> Tensors:
        tensors: Tensors = {}
        for part in self._ranges:
            chunk = build_chunk(select(self._analysis, part), self._analysis, place=str(part))
            folds = fold_of(chunk.keys, self._analysis.folds)
            for model, fold in self._sessions:
                (table,) = chunk.tensors[self._analysis.models[model].inputs].values()
                tensors[part, model, fold] = (folds == fold, table[folds == fold])
        return tensors


def session(path: Path) -> onnxruntime.InferenceSession:
    """A network on one thread, as the pipeline runs it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def check_equal(analysis: Analysis, folder: Path, expected: dict[tuple[str, str], NDArray[np.float32]]) -> None:
    """Compare the written scores with those *expected*, event by event.

    Raises:
        AssertionError: one differs by more than the tolerance.
    """
    for (dataset, model), scores in expected.items():
        with uproot.open(folder / "scores" / f"{dataset}.root") as file:
            written = file["Scores"].arrays([f"{model}_{name}" for name in analysis.task.outputs.names], library="np")
        for column, values in enumerate(written.values()):
            np.testing.assert_allclose(values, scores[:, column], rtol=0, atol=TOLERANCE)
