"""What an analysis is: `config/<analysis>.yaml`, read into frozen and closed records.

Units are in the key (`xsec_pb`, `lumi_inv_fb`). Nothing heavy is imported here: Snakemake reads this module at every start.
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from pipeline import plugins
from pipeline.checks import check_cards, check_colors, check_models, check_names, check_processor, check_tune
from pipeline.errors import InputError, nearest

# The records of other modules are imported from here as well.
from pipeline.inputs import Collection as Collection
from pipeline.inputs import Image as Image
from pipeline.inputs import Sequence as Sequence
from pipeline.inputs import Tree as Tree
from pipeline.quick_look import quick_look
from pipeline.sections import Count, Fraction
from pipeline.sections import Name as Name
from pipeline.sections import Observable as Observable
from pipeline.sections import Positive as Positive
from pipeline.sections import Section as Section
from pipeline.sizes import LearningCurve, with_sizes
from pipeline.tuning import Tune
from pipeline.yaml_reader import read_yaml

Scoring = Literal["onnx", "keras"]

# The sums of every bin, dataset and fold are kept in summary.json, and a bin needs events to have a weight.
MOST_FLAT_BINS = 10_000


class Process(Section):
    """A physics process as figures show it; several datasets may belong to one process."""

    label: str
    color: str | None = None


class Simulate(Section):
    """Make the dataset with the embedded simulation, from `pipeline/simulation/cards/<card>.yaml`."""

    card: Name
    events: Count
    events_per_file: Count = 5000
    pf_candidates: bool = False


class Fetch(Section):
    """Take files out of the source distribution of a Python package, for example real CMS NanoAOD out of coffea's."""

    package: str = Field(pattern=r"^[A-Za-z0-9_.-]+==[A-Za-z0-9_.]+$")
    members: tuple[str, ...] = Field(min_length=1)


def _kind_of_entry(given: Any) -> str:
    return "one" if isinstance(given, str) else "replicas"


# A path, pattern or URL; or the places of one file, which are tried in this order. Told apart by their form.
FileEntry = Annotated[
    Annotated[str, Tag("one")] | Annotated[tuple[str, ...], Field(min_length=2), Tag("replicas")],
    Discriminator(_kind_of_entry),
]


class Dataset(Section):
    """One list of input files: given as `files`, made by `simulate` or brought by `fetch`."""

    process: Name
    files: tuple[FileEntry, ...] = Field((), description="paths, patterns and URLs; a list in it holds replicas of one file")
    simulate: Simulate | None = None
    fetch: Fetch | None = None
    is_mc: bool = True
    xsec_pb: Positive | None = None
    xsec_source: str | None = None
    weights_from: Literal["Runs", "genWeight"] | None = Field(
        None, description="where the sum of weights comes from; None takes Runs where it is there, as a skim needs it"
    )
    repeated_events: Literal["fail", "keep"] = Field(
        "fail", description="two events with one number: an error, or kept, as private simulation may need it"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Dataset:
        given = [name for name in ("files", "simulate", "fetch") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError(f"has {given or 'no source'}; give exactly one of files, simulate, fetch")
        if self.is_mc and self.xsec_pb is None:
            raise ValueError("is simulation without a cross section; add xsec_pb, or say is_mc: false for data")
        if not self.is_mc and self.xsec_pb is not None:
            raise ValueError("is data (is_mc: false) with a cross section; remove xsec_pb")
        return self


class EarlyStopping(Section):
    """Stop when the validation loss has not improved for `patience` epochs, and keep the best weights."""

    patience: Count
    min_delta: float = Field(0.0, ge=0)


class Constant(Section):
    """The learning rate stays as it is."""

    kind: Literal["constant"] = "constant"


class Step(Section):
    """The learning rate is multiplied by `factor` every `epochs` epochs."""

    kind: Literal["step"]
    epochs: Count
    factor: Fraction


class Exponential(Section):
    """The learning rate is multiplied by `factor` after every epoch."""

    kind: Literal["exponential"]
    factor: Fraction


class Cosine(Section):
    """The learning rate falls along half a cosine to `final` times its start (arXiv:1608.03983, eq. 5, one cycle)."""

    kind: Literal["cosine"]
    final: float = Field(0.0, ge=0, lt=1)


Schedule = Annotated[Constant | Step | Exponential | Cosine, Field(discriminator="kind")]


class Binned(Section):
    """Bins along one variable: regular by `bins`, `start`, `stop`, or variable by `edges`."""

    bins: Count | None = None
    start: float | None = None
    stop: float | None = None
    edges: tuple[float, ...] | None = None

    @model_validator(mode="after")
    def _has_binning(self) -> Self:
        regular = [value is not None for value in (self.bins, self.start, self.stop)]
        if any(regular) if self.edges is not None else not all(regular):
            raise ValueError("needs either bins, start and stop, or edges")
        if self.edges is not None and (len(self.edges) < 2 or list(self.edges) != sorted(set(self.edges))):
            raise ValueError("edges must be at least two and rise")
        if self.edges is None and not self.start < self.stop:  # type: ignore[operator]
            raise ValueError(f"start {self.start} must be below stop {self.stop}")
        return self

    @property
    def n_bins(self) -> int:
        """How many, without underflow and overflow."""
        return len(self.edges) - 1 if self.edges is not None else self.bins or 0


class Flatten(Section):
    """Give the events training weights that make every class flat in one or two variables: none can then tell the classes.

    Every bin in which a class has events gets the same share of the sum of weights of that class. Events beyond the edges
    count in the first and the last bin.
    """

    variables: dict[Observable, Binned] = Field(
        min_length=1, max_length=2, description="by name: an observable of the processor, or <collection>.<feature>"
    )
    max_weight: float | None = Field(
        None, gt=1, description="largest factor of a bin; the class's mean is 1, and such a bin stays below the others"
    )

    @model_validator(mode="after")
    def _few_bins(self) -> Flatten:
        n_bins = prod(variable.n_bins for variable in self.variables.values())
        if n_bins > MOST_FLAT_BINS:
            raise ValueError(f"has {n_bins} bins; use at most {MOST_FLAT_BINS}, each with many events of every class")
        return self


class Training(Section):
    """How a model is trained; for boosted trees an epoch is one boosting round."""

    optimizer: Literal["adam", "adamw", "sgd", "rmsprop", "nadam"] = "adam"
    learning_rate: Positive = 1e-3
    schedule: Schedule = Constant()
    batch_size: Count = 1024
    epochs: Count = 30
    early_stopping: EarlyStopping | None = EarlyStopping(patience=10)
    validation_fraction: Fraction = Field(0.2, description="of the training folds; drawn by event, not by position")
    fraction: float = Field(
        1.0, gt=0, le=1, description="of what is left, from which is learned; a smaller one is part of a larger one"
    )
    class_balance: bool = Field(True, description="give every class the same sum of weights")
    negative_weights: Literal["keep", "absolute", "zero"] = "absolute"
    flatten: Flatten | None = None
    shuffle_buffer_mb: Positive = 256.0
    threads: Count = Field(1, description="pinned, because another number of threads gives other last bits")


class Model(Section):
    """One named model: an architecture of `models/`, an input set, and what differs from the common training."""

    architecture: Name
    inputs: Name
    options: dict[str, Any] = Field({})
    training: dict[str, Any] = Field({})
    label: str | None = None
    heads: tuple[Name, ...] = Field((), description="which parts of the task a network learns; none: all of them")
    again: Name | None = Field(
        None, description="another training of that model, with other random numbers: for its spread, and in no figure"
    )


class Axis(Binned):
    """The binning of one histogram."""

    observable: Observable = Field(description="of the processor, or an input as <collection>.<feature>")
    label: str
    unit: str | None = None
    log: bool = False


class Reading(Section):
    """How files are cut and what may be missing."""

    range_entries: Count = Field(50_000, description="largest number of entries of a range")
    allow_unreadable_files: int = Field(
        0, ge=0, description="how many files of simulation may be skipped, by name, with their weights"
    )
    max_opens_per_site: Count | None = Field(
        None, description="files that are read at a time from one server, by all processes on this machine; None: no limit"
    )


class Sync(Section):
    """Work in the process of the stage itself: for debugging."""

    kind: Literal["sync"] = "sync"


class Local(Section):
    """Work in processes on this machine, as many as `--workers` says."""

    kind: Literal["local"] = "local"


class Scheduler(Section):
    """Work for a dask scheduler that runs already; beyond this machine, its address begins with `tls://`."""

    kind: Literal["dask"]
    address: str = Field(pattern=r"^(tcp|tls)://.+:\d+$")
    workers: Count = Field(8, description="how many it has, about: three times as many ranges are in flight")
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None


class HTCondor(Section):
    """Work in jobs of HTCondor, started by the stage for as long as it runs."""

    kind: Literal["htcondor"] = "htcondor"
    workers: Count = 10
    memory_mb: Count = 2000
    disk_mb: Count = 4000
    runtime_min: Count = 120
    local_directory: str | None = Field(None, description="of a worker, for temporary files; None is the job's own folder")
    host: str | None = Field(None, description="address of this machine as the jobs see it; None is its full name")
    scheduler_port: int = Field(0, ge=0, lt=2**16, description="where the jobs reach this machine; 0 is any free port")
    worker_ports: str | None = Field(
        None, pattern=r"^\d+:\d+$", description="first:last port at which a job may be reached, two for each; None is any"
    )
    directives: dict[str, str] = Field({}, description="further lines of the submit file")


Scale = Annotated[Sync | Local | Scheduler | HTCondor, Field(discriminator="kind")]


class Analysis(Section):
    """One analysis, whole."""

    name: Name
    title: str
    processor: Name
    selection: dict[str, Any] = Field({}, description="settings of the processor, checked by its own `Settings`")
    energy_tev: Positive
    lumi_inv_fb: Positive
    seed: int = Field(1, ge=0, lt=2**31)
    folds: int = Field(2, ge=2)
    reading: Reading = Reading()
    processes: dict[Name, Process]
    datasets: dict[Name, Dataset] = Field(min_length=1)
    histograms: dict[Name, Axis] = Field({})
    inputs: dict[Name, Annotated[dict[Name, Collection], Field(min_length=1)]] = Field({})
    task: Any = Field(
        None, description="what is learned: `kind` names a module of pipeline/tasks, the rest is its `Settings`"
    )
    models: dict[Name, Model] = Field({})
    training: Training = Training()
    learning_curve: LearningCurve | None = Field(None, description="models that are trained on less as well")
    tune: dict[Name, Tune] = Field({}, description="by model: which of its settings the stage `tune` searches")
    scoring: Scoring = Field("onnx", description="what runs networks in `score`: ONNX Runtime, or Keras, the way on a GPU")
    bootstrap_replicas: int = Field(100, ge=2, le=1000)
    scale: Scale = Field(Local(), description="where ranges are worked on; --scale and NANOLOOM_SCALE say otherwise")

    @model_validator(mode="before")
    @classmethod
    def _sizes(cls, content: Any) -> Any:
        return with_sizes(content)

    @field_validator("task", mode="before")
    @classmethod
    def _task_settings(cls, task: Any) -> Any:
        if task is None:
            return None
        if not isinstance(task, dict) or not isinstance(task.get("kind"), str):
            raise ValueError("needs a `kind`, the name of a module of pipeline/tasks")
        try:
            settings = plugins.load_task(task["kind"]).Settings
        except InputError as error:
            raise ValueError(str(error)) from error
        try:
            return settings.model_validate(task)
        except ValidationError as error:
            raise ValueError(_sentences(error, settings, at=("task",))) from error

    @model_validator(mode="after")
    def _names_agree(self) -> Analysis:
        for key, dataset in self.datasets.items():
            _known(dataset.process, self.processes, f"datasets.{key}.process")
        if self.models and self.task is None:
            raise ValueError("models are given, but no task; add task: {kind: classification, ...}")
        for key, model in self.models.items():
            _known(model.inputs, self.inputs, f"models.{key}.inputs")
            _check_again(key, model, self.models)
            try:
                self.training_of(key)
            except ValidationError as error:
                raise ValueError(_sentences(error, Training, at=("models", key, "training"))) from error
        for key in self.learning_curve.models if self.learning_curve is not None else ():
            _known(key, self.models, "learning_curve.models")
        for key, tune in self.tune.items():
            tune.check(self, key)
        if self.task is not None:
            self.task.check(self)
        return self

    def training_of(self, model: str) -> Training:
        """The common training with what *model* changes; a section given there replaces the common one."""
        return Training.model_validate({**self.training.model_dump(), **self.models[model].training})

    def shown(self) -> Analysis:
        """The same without those models that are other trainings of one: what figures and tables are of."""
        return self.model_copy(update={"models": {key: model for key, model in self.models.items() if model.again is None}})

    def class_of(self, dataset: str) -> str | None:
        """The class that *dataset* is trained as; None for data and for what is not trained."""
        return None if self.task is None else self.task.class_of(self.datasets[dataset].process)

    def trained_datasets(self) -> tuple[str, ...]:
        """Datasets that the models learn from, in the order of the configuration."""
        return tuple(key for key, d in self.datasets.items() if d.is_mc and self.class_of(key) is not None)


def load_analysis(path: str | Path) -> Analysis:
    """Read and check `config/<analysis>.yaml`.

    Raises:
        InputError: the file is missing, is no YAML, or a key or value is wrong; names key, value and place.
    """
    path = Path(path)
    if not path.is_file():
        known = sorted(other.stem for other in path.parent.glob("*.yaml"))
        raise InputError(f"No {path}. {nearest(path.stem, known)} To add an analysis, write that file.")
    try:
        content = read_yaml(path)
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {' '.join(str(error).split())}. Correct that place.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds {type(content).__name__}. Expected keys such as title and datasets. Add them.")
    if "name" in content:
        raise InputError(f"{path}: name: is no key of this section. An analysis is called as its file. Remove it.")
    try:
        content = quick_look(content, usual_epochs=Training.model_fields["epochs"].default)
        return Analysis.model_validate({"name": path.stem, **content})
    except ValidationError as error:
        raise InputError(f"{path}: {_sentences(error, Analysis)}") from error


def check_plugins(analysis: Analysis, root: str | Path = ".") -> None:
    """See that what *analysis* names exists and fits, without importing it.

    Raises:
        InputError: a plug-in or a process card is missing, an option is not in the signature of its `build`, a histogram has
            the name of another product, or a colour is none.
    """
    check_processor(analysis, root)
    check_models(analysis, root)
    check_tune(analysis, root)
    check_cards(analysis)
    check_names(analysis)
    check_colors(analysis)


def _known(name: str, known: dict[str, Any], place: str) -> None:
    if name not in known:
        raise ValueError(f"{place}: {name!r} is not defined. {nearest(name, known)}")


def _check_again(key: str, model: Model, models: dict[str, Model]) -> None:
    """See that a model that is another training of one is that in all else."""
    if model.again is None:
        return
    _known(model.again, models, f"models.{key}.again")
    first = models[model.again]
    if first.again is not None:
        raise ValueError(f"models.{key}.again: {model.again!r} is itself again {first.again!r}; name that one")
    own, other = (_without_names(one) for one in (model, first))
    for name in own:
        if own[name] != other[name]:
            raise ValueError(
                f"models.{key}.{name}: is {own[name]!r}, but {other[name]!r} in {model.again!r}, of which {key!r} is another"
                " training; make them the same, or remove again"
            )


def _without_names(model: Model) -> dict[str, Any]:
    return model.model_dump(exclude={"label", "again"})


def _sentences(error: ValidationError, record: type[BaseModel], *, at: tuple[str, ...] = ()) -> str:
    """What is wrong with the *record* that is at the place *at* of the configuration."""
    from pipeline.config_messages import sentences  # only here, because it knows the records above

    return sentences(error, record, at=at)
