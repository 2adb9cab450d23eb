"""Training the networks of top_tagging from the stream, with a filled cache, against training from arrays in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from benchmarks.objects import FEATURES, in_this_folder, objects_analysis, objects_stream
from benchmarks.particles import MEAN_COUNTS, particle_files
from benchmarks.training import SEED, Trial, warm
from pipeline import plugins
from pipeline.config import Training, load_analysis
from pipeline.learning import keras_learner
from pipeline.stream.spec import InputSpec

if TYPE_CHECKING:
    from benchmarks.ratio import Ratio
    from benchmarks.setting import Setting
    from pipeline.config import Analysis, Model

GOAL = 0.9
CONFIG = Path("config/top_tagging.yaml")
NETWORKS = ("mlp", "pfn", "pcnn", "particlenet_lite")
MAX_PARTICLES = 100
# Batches as in top_tagging, and a buffer of a fraction of the sample, as it is with large ones.
TRAINING = Training(batch_size=256, shuffle_buffer_mb=1.0)
# A network of convolutions trains some hundred jets a second: few steps and repeats.
EVENTS_PER_JET, STEPS, REPEATS = 4, 16, 3
# Some epochs of all of them are trained on.
MOST_JETS = 5_000


def run(setting: Setting) -> Ratio:
    """Each network in turn, with equal weights at the end; told is the one that loses most."""
    n_jets = min(setting.n_events // EVENTS_PER_JET, MOST_JETS)
    files = particle_files(setting.scratch, n_jets // len(MEAN_COUNTS))
    top_tagging = load_analysis(CONFIG)
    builders = {name: plugins.load("models", top_tagging.models[name].architecture).build for name in NETWORKS}
    cache = (setting.scratch / "cache_particles").resolve()
    found = []
    with in_this_folder():
        analysis = objects_analysis(files, "PFCands", MAX_PARTICLES)
        for name, build in builders.items():
            stream = objects_stream(analysis, cache, TRAINING)
            network = Network(build, analysis, top_tagging.models[name])
            found.append(warm(f"training, {name}", Trial(stream, network), goal=GOAL, steps=STEPS, repeats=REPEATS))
            click.echo(f"  {name}: {found[-1].ratio:.2f} ({found[-1].low:.2f} to {found[-1].high:.2f})", err=True)
    return min(found, key=lambda ratio: ratio.ratio)


class Network:
    """The network of an entry of top_tagging for made-up jets, the same at each call."""

    def __init__(self, build: Any, analysis: Analysis, entry: Model) -> None:
        self._build, self._outputs = build, analysis.task.outputs
        coordinates = {"points": ("eta", "phi")} if entry.architecture == "particlenet" else {}
        self._options = {**entry.options, **coordinates}

    def __call__(self) -> Any:
        """Build it."""
        keras_learner.prepare(TRAINING.threads, SEED)
        inputs = {"objects": InputSpec.without_scales("objects", FEATURES, MAX_PARTICLES)}
        return self._build(inputs, self._outputs, **self._options)
