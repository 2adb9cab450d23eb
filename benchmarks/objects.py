"""What the benchmarks of padded objects share: an analysis that reads one collection, and the stream of all its events."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.config import Analysis, Training
from pipeline.events.planning import make_plan
from pipeline.events.processor import load_processor
from pipeline.stream.cache import ChunkCache
from pipeline.stream.training_stream import TrainingStream

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pipeline.scale.workers import Workers

# Where `processors/objects.py` of the benchmarks is found.
HERE = Path(__file__).parent
FEATURES = ("pt", "eta", "phi", "mass")
# Of no fold, so that none of the events is held back; a hash is hardly ever below such a fraction.
NO_FOLD, NO_VALIDATION = -1, 1e-15


def objects_analysis(files: Mapping[str, Sequence[str]], collection: str, max_objects: int) -> Analysis:
    """Two classes, one a dataset of *files*, whose input is a padded *collection*."""
    names = tuple(files)
    return Analysis.model_validate(
        {
            "name": "objects",
            "title": "Objects",
            "processor": "objects",
            "selection": {"collection": collection},
            "energy_tev": 13,
            "lumi_inv_fb": 1,
            "processes": {name: {"label": name} for name in names},
            "datasets": {name: {"process": name, "xsec_pb": 1, "files": files[name]} for name in names},
            "task": {"kind": "classification", "classes": {name: [name] for name in names}, "signal": names[0]},
            "inputs": {"padded": {"objects": {"features": FEATURES, "max_objects": max_objects}}},
        }
    )


def objects_stream(analysis: Analysis, cache: Path, training: Training, *, workers: Workers | None = None) -> TrainingStream:
    """All events of *analysis*, in random order."""
    files = {name: [str(path) for path in dataset.files] for name, dataset in analysis.datasets.items()}
    plan = make_plan(analysis, files, reads=load_processor(analysis).reads)
    counts = {name: plan.dataset(name).entries for name in files}
    return TrainingStream(
        analysis,
        plan,
        "padded",
        NO_FOLD,
        training.model_copy(update={"validation_fraction": NO_VALIDATION}),
        dict.fromkeys(files, 1.0),
        {"training": counts, "validation": dict.fromkeys(files, 0)},
        scratch=ChunkCache(cache.resolve(), 20e9),
        workers=workers,
    )


def in_this_folder() -> chdir[Path]:
    """Analyses look for their processor from the current folder; workers start there as well."""
    return chdir(HERE)


def absolute(files: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """*files* by their whole paths."""
    return {name: [str(Path(path).resolve()) for path in paths] for name, paths in files.items()}


def epochs_of(stream: TrainingStream, number: int) -> Iterator[int]:
    """Batch after batch of an epoch; the number of events of each."""
    return (len(rows) for rows in stream.epoch(number))
