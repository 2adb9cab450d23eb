"""How a search for settings went: the losses of its trials by epoch, and against each setting."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.results.figures.style import Header, color_of, headroom, legend, one_panel, panels, stamp, styled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GREY = "#94a4a2"
# Losses of trials that diverge before they end would press the others together.
SHOWN = 0.9


@dataclass(frozen=True, slots=True)
class Searched:
    """One setting that was searched; the lists have an entry for each trial that has a loss.

    Args:
        name: of the setting, such as `options.dropout`.
        values: of each trial.
        losses: their validation losses; of those that ended early the lowest.
        complete: whether they came to their end.
        ends: the lowest and the highest value that was allowed, or all choices.
        log: whether it was drawn equally in each decade.
        choices: whether *ends* are all values that were allowed.
    """

    name: str
    values: Sequence[Any]
    losses: Sequence[float]
    complete: Sequence[bool]
    ends: tuple[Any, ...]
    log: bool
    choices: bool


@styled
def draw_trials(trials: Sequence[tuple[str, Mapping[int, float]]], *, best: int, label: str, header: Header) -> Figure:
    """Draw the validation loss of each trial by epoch.

    Args:
        trials: state and losses by epoch, in the order of their numbers.
        best: number of the one that is the best.
        label: of the model.
        header: what stands above the axes.
    """
    figure, axes = one_panel()
    kinds = {"complete": (color_of(0), "complete"), "pruned": (GREY, "ended early"), "failed": (color_of(2), "failed")}
    for state, (color, text) in kinds.items():
        found = [losses for kind, losses in trials if kind == state and losses]
        for losses in found:
            axes.plot(list(losses), list(losses.values()), color=color, linewidth=1.2, marker=".", alpha=0.8)
        n_trials = sum(kind == state for kind, _ in trials)
        if n_trials:
            axes.plot([], [], color=color, label=f"{n_trials} {text}")
    losses = trials[best][1]
    axes.plot(list(losses), list(losses.values()), color=color_of(1), linewidth=3.5, label=f"best: trial {best}")
    low, high = _range([value for _, found in trials for value in found.values()])
    headroom(axes, high, rows=4, bottom=low)
    axes.set(xlabel=f"Epoch of {label}", ylabel="Validation loss")
    legend(axes)
    stamp(axes, header)
    return figure


@styled
def draw_search(settings: Sequence[Searched], *, header: Header) -> Figure:
    """Draw the validation loss of the trials against each of *settings*, in a panel of its own.

    Args:
        settings: at least one.
        header: what stands above the first.
    """
    figure, axes = panels(len(settings))
    for place, setting in zip(axes, settings, strict=True):
        _draw_setting(place, setting)
    stamp(axes[0], header)
    return figure


def _draw_setting(axes: Axes, setting: Searched) -> None:
    complete, losses = np.array(setting.complete), np.array(setting.losses)
    places = np.array([_place(setting, value) for value in setting.values])
    axes.plot(places[~complete], losses[~complete], "o", color=GREY, markersize=7, label="ended early")
    axes.plot(places[complete], losses[complete], "o", color=color_of(0), markersize=9, label="complete")
    best = int(np.argmin(np.where(complete, losses, np.inf)))
    axes.plot(places[best], losses[best], "o", color=color_of(1), markersize=13, label="best")
    if setting.choices:
        axes.set_xticks(range(len(setting.ends)), [_text(choice) for choice in setting.ends], rotation=20, ha="right")
        axes.set_xlim(-0.5, len(setting.ends) - 0.5)
        axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    else:
        axes.set_xscale("log" if setting.log else "linear")
        axes.set_xlim(*_with_margin(*setting.ends, log=setting.log))
    low, high = _range(setting.losses)
    headroom(axes, high, rows=3, bottom=low)
    axes.set(xlabel=setting.name, ylabel="Validation loss")
    legend(axes)


def _with_margin(low: float, high: float, *, log: bool) -> tuple[float, float]:
    """A little more than from *low* to *high*, so that points at the ends are seen whole."""
    if log:
        factor = (high / low) ** 0.04
        return low / factor, high * factor
    margin = 0.04 * (high - low)
    return low - margin, high + margin


def _place(setting: Searched, value: Any) -> float:
    """Where *value* is along the x axis: at itself, or at the place of the choice."""
    return float([_text(choice) for choice in setting.ends].index(_text(value)) if setting.choices else value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Where most of *values* lie, the lowest among them, with a margin below."""
    low, high = float(np.min(values)), float(np.quantile(values, SHOWN))
    margin = 0.05 * (high - low) or 0.5
    return low - margin, high + margin
