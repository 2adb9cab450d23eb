# Which analyses there are, and what the rules need to know of each. Functions longer than these live in pipeline/.

from pathlib import Path

from pipeline.config import check_plugins, load_analysis
from pipeline.datasets import made_inputs
from pipeline.digest import (
    code_digest,
    model_digest,
    settings_digest,
    simulation_digest,
)
from pipeline.errors import PipelineError
from pipeline.events.files import local_files
from pipeline.simulation.identity import CODE as SIMULATION_CODE

from snakemake.exceptions import WorkflowError


def load(name):
    """The analysis called *name*, checked; an error is shown as one line."""
    try:
        analysis = load_analysis(f"config/{name}.yaml")
        check_plugins(analysis)
        return analysis
    except PipelineError as error:
        raise WorkflowError(str(error)) from error


SIZE = float(config.get("size", 1))
# `--config analyses=hh_bbww,dimuon` names some; the default is every file in config/.
NAMED = str(config.get("analyses", "")).replace(",", " ").split()
ANALYSES = {
    name: load(name)
    for name in NAMED or sorted(path.stem for path in Path("config").glob("*.yaml"))
}

# What a stage's params digest, so that editing code makes again what depends on it and nothing else.
SELECTION_CODE = (
    "pipeline/events",
    "pipeline/physics",
    "pipeline/stream",
)
SCORING_CODE = (
    "pipeline/learning/score.py",
    "pipeline/learning/predictor.py",
    "pipeline/learning/model_record.py",
    "pipeline/results/friend_tree.py",
    "pipeline/results/products.py",
)
EVALUATION_CODE = tuple(
    f"pipeline/results/{name}.py"
    for name in ("evaluate", "groups", "normalisation", "products")
)
TRAINING_CODE = (
    "pipeline/learning/train.py",
    "pipeline/learning/keras_learner.py",
    "pipeline/learning/xgboost_learner.py",
    "pipeline/learning/export.py",
    "pipeline/learning/onnx_erfc.py",
    "pipeline/learning/schedule.py",
)

DATASETS = sorted(
    {name for analysis in ANALYSES.values() for name in analysis.datasets}
)
MODELS = sorted({name for analysis in ANALYSES.values() for name in analysis.models})


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


def settings(*sections):
    """Digest of the parts of the YAML that a stage depends on: another label does not train again."""

    def digest(wildcards):
        return settings_digest(ANALYSES[wildcards.analysis], sections)

    return digest


def model_settings(wildcards):
    """Digest of what one model depends on."""
    return model_digest(ANALYSES[wildcards.analysis], wildcards.model)


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


def simulate_settings(wildcards):
    """What a simulated file depends on, beside the code and its card."""
    return simulation_digest(
        ANALYSES[wildcards.analysis], wildcards.dataset, int(wildcards.index), size=SIZE
    )


def simulate_card(wildcards):
    """The process card of a simulated dataset."""
    card = ANALYSES[wildcards.analysis].datasets[wildcards.dataset].simulate.card
    return f"pipeline/simulation/cards/{card}.yaml"
