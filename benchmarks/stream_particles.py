"""Training on jets of 100 particles from the stream, with a filled cache, against training from arrays in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.objects import FEATURES, in_this_folder, objects_analysis, objects_stream
from benchmarks.particles import MEAN_COUNTS, particle_files
from benchmarks.training import SEED, Trial, keras, warm
from pipeline.config import Training

if TYPE_CHECKING:
    from benchmarks.ratio import Ratio
    from benchmarks.setting import Setting

GOAL = 0.95
MAX_PARTICLES = 100
TRAINING = Training(batch_size=512, shuffle_buffer_mb=32.0)
# Of the events that a benchmark is to read, one in so many is a jet: 200 kB of jets are 500 particles' worth.
EVENTS_PER_JET = 10


def run(setting: Setting) -> Ratio:
    """A small network that sums over particles; its weights must come out equal."""
    files = particle_files(setting.scratch, setting.n_events // EVENTS_PER_JET // len(MEAN_COUNTS))
    cache = (setting.scratch / "cache_particles").resolve()
    with in_this_folder():
        stream = objects_stream(objects_analysis(files, "PFCands", MAX_PARTICLES), cache, TRAINING)
        return warm(f"training, {MAX_PARTICLES} particles", Trial(stream, network), goal=GOAL)


def network() -> Any:
    """A deep set (arXiv:1810.05165, without its width), the same at each call."""
    keras.utils.set_random_seed(SEED)
    objects = keras.Input((MAX_PARTICLES, len(FEATURES)), name="objects")
    mask = keras.Input((MAX_PARTICLES,), name="objects_mask")
    each = keras.layers.Dense(16, activation="relu")(objects)
    total = keras.ops.einsum("bpf,bp->bf", each, mask)
    answer = keras.layers.Dense(2, activation="softmax")(total)
    return keras.Model({"objects": objects, "objects_mask": mask}, answer)
