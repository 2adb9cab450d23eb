"""What can be wrong with an analysis whose YAML is valid by itself: files that it names, names that collide, colours."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline import plugins
from pipeline.errors import InputError, nearest
from pipeline.imports import parse
from pipeline.inputs import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.config import Analysis

HEX_COLOR = re.compile(r"#([0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
# To ask matplotlib takes longer than all else that is done before a run: the names that need no question.
PLAIN_COLORS = {"black", "white", "gray", "grey", "red", "green", "blue", "orange", "purple", "brown", "pink", "cyan"}


def check_processor(analysis: Analysis, root: str | Path) -> None:
    """See that the processor of *analysis* exists and is Python, without importing it.

    Raises:
        InputError: it is not.
    """
    parse(plugins.find("processors", analysis.processor, root=root))


def check_models(analysis: Analysis, root: str | Path) -> None:
    """See that the architectures of *analysis* exist and take the given options, inputs and weights, without importing them.

    Raises:
        InputError: a file is missing or no Python, an option is not in the signature of its `build`, or boosted trees are to
            keep negative weights, to take what is no table, or to learn what they cannot.
    """
    for key, model in analysis.models.items():
        path = plugins.find("models", model.architecture, root=root)
        known = plugins.options_of(path)
        for option in model.options:
            if option not in known:
                raise InputError(
                    f"models.{key}.options.{option} of config/{analysis.name}.yaml is not an option of"
                    f" models/{model.architecture}.py. {nearest(option, known)} Correct the name."
                )
        check_negative_weights(analysis, key, root)
        framework = plugins.framework_of(path)
        if framework == "xgboost" and not analysis.task.takes_trees:
            raise InputError(
                f"Model {key!r} of config/{analysis.name}.yaml is boosted trees, which do not learn a task of kind"
                f" {analysis.task.kind!r}. Expected a network or a method without one. Choose another architecture."
            )
        wrong = {kind_of(collection) for collection in analysis.inputs[model.inputs].values()} - {"flat"}
        if framework == "xgboost" and wrong:
            raise InputError(
                f"Model {key!r} of config/{analysis.name}.yaml is boosted trees, but inputs.{model.inputs} has a collection"
                f" of kind {min(wrong)!r}. Expected lists of features, one number an event each. Choose other inputs."
            )


def check_tune(analysis: Analysis, root: str | Path) -> None:
    """See that the options that `tune` searches are in the signature of the model's `build`, without importing it.

    Raises:
        InputError: one is not; names the nearest.
    """
    for key, tune in analysis.tune.items():
        architecture = analysis.models[key].architecture
        known = plugins.options_of(plugins.find("models", architecture, root=root))
        for option in tune.options():
            if option not in known:
                raise InputError(
                    f"tune.{key}.search.options.{option} of config/{analysis.name}.yaml is not an option of"
                    f" models/{architecture}.py. {nearest(option, known)} Correct the name."
                )


def check_negative_weights(analysis: Analysis, model: str, root: str | Path = ".") -> None:
    """See that what trains *model* takes the weights that it is to be given.

    Raises:
        InputError: these are boosted trees, which xgboost grows with positive weights only.
    """
    path = plugins.find("models", analysis.models[model].architecture, root=root)
    if analysis.training_of(model).negative_weights == "keep" and plugins.framework_of(path) == "xgboost":
        raise InputError(
            f"Model {model!r} of config/{analysis.name}.yaml is to be trained with negative_weights: keep. Boosted trees"
            f" take no negative weights. Set models.{model}.training.negative_weights to absolute or zero."
        )


def check_cards(analysis: Analysis) -> None:
    """See that the process cards of *analysis* exist.

    Raises:
        InputError: one does not; names the nearest.
    """
    for key, dataset in analysis.datasets.items():
        if dataset.simulate is not None:
            try:
                plugins.find_card(dataset.simulate.card)
            except InputError as error:
                raise InputError(f"datasets.{key}.simulate.card of config/{analysis.name}.yaml: {error}") from error


def check_names(analysis: Analysis) -> None:
    """See that no histogram of *analysis* has the name of another product.

    Raises:
        InputError: one has; names both.
    """
    taken = dict(_taken(analysis))
    for name in analysis.histograms:
        if name in taken:
            raise InputError(
                f"histograms.{name} of config/{analysis.name}.yaml has the name of {taken[name]}."
                " Expected a name that is not in use. Rename the histogram."
            )


def check_colors(analysis: Analysis) -> None:
    """See that matplotlib knows the colours of *analysis*.

    Raises:
        InputError: it does not know one; names the nearest.
    """
    for key, process in analysis.processes.items():
        color = process.color
        if color is None or HEX_COLOR.fullmatch(color) or color in PLAIN_COLORS:
            continue
        from matplotlib.colors import get_named_colors_mapping, is_color_like

        if not is_color_like(color):
            known = [name for name in get_named_colors_mapping() if ":" not in name]
            raise InputError(
                f"processes.{key}.color of config/{analysis.name}.yaml is {color!r}, which is no colour."
                f' {nearest(color, known)} Correct it, or write it as "#3f90da".'
            )


def _taken(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """The names that are given to histograms and figures beside those of the configuration, and what has them."""
    for model in analysis.models:
        yield f"{model}_loss", f"the figure of losses of model {model!r}"
    if analysis.models:
        yield from analysis.task.names(analysis.models)
    for name in analysis.histograms if analysis.task is not None else ():
        yield f"{name}_shape", f"the figure of shapes of histogram {name!r}"
