# Which analyses there are, and what the rules need to know of each. Functions longer than these live in pipeline/.

import os
import sys
from functools import cache

from pipeline import dependencies
from pipeline.datasets import events_in_file, made_inputs
from pipeline.errors import PipelineError
from pipeline.events.files import local_files
from pipeline.parent import VARIABLE
from pipeline.plugins import find_card
from pipeline.running import claim
from pipeline.workflow import load_analyses, size_of


def checked(function, given):
    """What *function* makes of *given*; an error is shown as it stands, without a traceback."""
    try:
        return function(given)
    except PipelineError as error:
        sys.exit(f"error: {error}")


SIZE = checked(size_of, config.get("size", 1))
# `--config analyses=hh_bbww,dimuon` names some; the default is every file in config/.
ANALYSES = checked(load_analyses, str(config.get("analyses", "")))
# A second run of the same analysis is refused, by the name of the process that has the first.
checked(claim, ANALYSES)
# The commands end when this process ends, however it ends.
os.environ[VARIABLE] = str(os.getpid())

DATASETS = sorted(
    {name for analysis in ANALYSES.values() for name in analysis.datasets}
)
MODELS = sorted({name for analysis in ANALYSES.values() for name in analysis.models})
TUNED = sorted({name for analysis in ANALYSES.values() for name in analysis.tune})


wildcard_constraints:
    analysis="|".join(ANALYSES),
    dataset="|".join(DATASETS),
    model="|".join(MODELS) or "none",
    fold=r"\d+",
    index=r"\d+",


def files_of(wildcards):
    """Every file, or folder of files, that an analysis reads: made, brought, or given and here; `plan` tells of the others."""
    analysis = ANALYSES[wildcards.analysis]
    files = []
    for name, dataset in analysis.datasets.items():
        files += made_inputs(analysis, name, "results", size=SIZE)
        files += local_files(dataset.files)
    return files


def processor_of(wildcards):
    """The processor of an analysis: everything that selects events depends on it."""
    return f"processors/{ANALYSES[wildcards.analysis].processor}.py"


def model_of(wildcards):
    """The architecture of a model."""
    return (
        f"models/{ANALYSES[wildcards.analysis].models[wildcards.model].architecture}.py"
    )


@cache
def code_of(stage, analysis, model=None):
    """Digest of the code of a stage: editing code makes again what depends on it and nothing else."""
    return dependencies.code_of(stage, ANALYSES[analysis], model=model)


def code(stage):
    """Digest of the code that a job of *stage* depends on."""

    def digest(wildcards):
        return code_of(stage, wildcards.analysis, wildcards.get("model"))

    return digest


def settings(stage):
    """Digest of what a job of *stage* depends on in the YAML: another label does not train again."""

    def digest(wildcards):
        names = {
            key: wildcards[key]
            for key in ("dataset", "model")
            if key in wildcards.keys()
        }
        return stage(ANALYSES[wildcards.analysis], **names)

    return digest


def model_folders(wildcards):
    """Every trained model of an analysis."""
    analysis = ANALYSES[wildcards.analysis]
    return [
        f"results/{analysis.name}/models/{model}/fold{fold}"
        for model in analysis.models
        for fold in range(analysis.folds)
    ]


def scored(pattern):
    """One file for each dataset of an analysis."""

    def files(wildcards):
        return expand(
            pattern,
            analysis=wildcards.analysis,
            dataset=ANALYSES[wildcards.analysis].datasets,
        )

    return files


def training_threads(wildcards):
    """The threads that the configuration pins; more cores do not change them."""
    return ANALYSES[wildcards.analysis].training_of(wildcards.model).threads


def training_memory_mb(wildcards, attempt):
    """Two buffers, as the next epoch is begun while the one before is validated, and what a network and its reader take."""
    buffer_mb = (
        ANALYSES[wildcards.analysis].training_of(wildcards.model).shuffle_buffer_mb
    )
    return attempt * round(1300 + 2 * buffer_mb)


def simulate_settings(wildcards):
    """What a simulated file depends on, beside the code and its card."""
    analysis, index = ANALYSES[wildcards.analysis], int(wildcards.index)
    return dependencies.simulate_settings(analysis, wildcards.dataset, index, size=SIZE)


def simulate_events(wildcards):
    """How many events a simulated file holds."""
    dataset = ANALYSES[wildcards.analysis].datasets[wildcards.dataset]
    return events_in_file(dataset, int(wildcards.index), size=SIZE)


def simulate_card(wildcards):
    """The process card of a simulated dataset."""
    dataset = ANALYSES[wildcards.analysis].datasets[wildcards.dataset]
    return f"pipeline/simulation/cards/{find_card(dataset.simulate.card).name}"


def plan_size(wildcards):
    """The factor on the simulated events, where there are some."""
    datasets = ANALYSES[wildcards.analysis].datasets.values()
    return SIZE if any(dataset.simulate for dataset in datasets) else 1


def plan_settings(wildcards):
    """What a plan depends on, beside the code and the files."""
    return dependencies.plan_settings(ANALYSES[wildcards.analysis], size=SIZE)
