"""What the answers on one chunk of events add: bins and weights, small enough to travel, without any table of replicas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.errors import InputError, nearest
from pipeline.physics.kinematics import delta_r
from pipeline.statistics.dataset_histograms import DatasetHistograms
from pipeline.statistics.hashing import salted
from pipeline.statistics.histogram import HistogramAxis
from pipeline.stream.truth import GIVEN, in_coordinates, vectors
from pipeline.tasks.against import inside, one_number
from pipeline.tasks.regression import EVENT_CLASS, JET_OF, VARIABLES
from pipeline.tasks.regression_loss import exchanges
from pipeline.tasks.residuals import AXES, residual

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.stream.rows import Tensors
    from pipeline.tasks.regression_layout import CountedBy, Layout


@dataclass(frozen=True, slots=True, eq=False)
class RegressionEntries:
    """One chunk of answered events.

    Args:
        by: dataset, models and task.
        classes: class of each event, shape (n_events,); -1 for none.
        cells: bin of each event on each axis of curves, shape (n_axes, n_bodies, n_events); -1 for none.
        residuals: bin of each residual, shape (n_models, n_quantities, n_events); NO_BIN for none.
        findable: what can be found in each event, shape (n_targets, n_events).
        found: what was, shape (n_models, n_targets, n_events).
        matrices: bin of each response matrix, answer times true, shape (n_models, n_responses, n_events); -1 for none.
        weights: in quanta, shape (n_events,).
        squares: squared weights in squared quanta, shape (n_events,).
        keys: hash of each event's name and of its dataset, shape (n_events,).
        histograms: of answers, truth and residuals (`answer_histograms`).
    """

    by: CountedBy
    classes: NDArray[np.int8]
    cells: NDArray[np.int16]
    residuals: NDArray[np.uint8]
    findable: NDArray[np.bool_]
    found: NDArray[np.bool_]
    matrices: NDArray[np.int32]
    weights: NDArray[np.int64]
    squares: NDArray[np.int64]
    keys: NDArray[np.uint64]
    histograms: DatasetHistograms

    @classmethod
    def of(
        cls,
        by: CountedBy,
        answers: Mapping[str, NDArray[Any]],
        *,
        weights: NDArray[np.float64],
        keys: NDArray[np.uint64],
        truth: Tensors,
        observables: Mapping[str, Any],
    ) -> RegressionEntries:
        """From the answers on one chunk of selected events.

        Args:
            by: dataset, models and task.
            answers: by model, from the fold that has not seen the event, shape (n_events, n_answers).
            weights: event weights, shape (n_events,).
            keys: hash of each event's name, shape (n_events,).
            truth: targets of the processor; empty for data and for processes that are not learned.
            observables: what may be histogrammed, for the axes of curves.

        Raises:
            InputError: a model, a target or an observable is missing, or has another shape.
        """
        layout, n_events = by.layout, len(weights)
        true = _true_bodies(layout, truth, n_events)
        true_jets = _true_jets(layout, truth, n_events)
        answered = [_split(layout, by, answers, model, n_events) for model in by.models]
        bodies = [vectors_of for vectors_of, _ in answered]
        n_objects = len(layout.task.objects)
        near = np.array([_near(layout, one[:n_objects], true[:n_objects]) for one in bodies], dtype=bool)
        assigned = [_assigned(layout, jets, true_jets) for _, jets in answered]
        return cls(
            by,
            _classes(layout, truth, n_events),
            _cells(layout, true, observables, n_events),
            np.array([_residual_bins(layout, one, true) for one in bodies], dtype=np.uint8),
            np.concatenate([_with_all(_exists(true[:n_objects]), _asked(layout)), _with_all(true_jets >= 0)]),
            np.array(
                [np.concatenate([_with_all(n, _asked(layout)), _with_all(a)]) for n, a in zip(near, assigned, strict=True)]
            ),
            np.array([_matrix_bins(layout, one, true) for one in bodies], dtype=np.int32),
            by.quantum.counts(weights),
            by.quantum.square_counts(weights),
            # Events of two datasets often have the same name, but must fluctuate independently.
            salted(keys, f"dataset {by.dataset}"),
            _filled(by, bodies, true, weights),
        )


def _true_bodies(layout: Layout, truth: Tensors, n_events: int) -> NDArray[np.float64]:
    """Objects and systems, shape (n_bodies, n_events, n_variables); NaN where there is no truth."""
    if not truth:
        return np.full((len(layout.bodies), n_events, len(VARIABLES)), np.nan)
    objects = {name: vectors(truth, name, n_events) for name in layout.task.objects}
    return _bodies(layout, objects, n_events)


def _bodies(layout: Layout, objects: Mapping[str, NDArray[np.float64]], n_events: int) -> NDArray[np.float64]:
    """All variables of objects and systems from (pt, eta, phi, mass), shape (n_bodies, n_events, n_variables)."""
    systems = [_sum([objects[name] for name in members]) for members in layout.task.systems.values()]
    parts = [in_coordinates(one, VARIABLES) for one in (*objects.values(), *systems)]
    return np.array(parts, dtype=np.float64).reshape(len(parts), n_events, len(VARIABLES))


def _sum(members: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The four-vector (pt, eta, phi, mass) of a sum, shape (n_events, 4)."""
    px, py, pz, energy = np.sum([in_coordinates(one, ("px", "py", "pz", "energy")) for one in members], axis=0).T
    pt = np.hypot(px, py)
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.where(pz == 0, 0.0 * pz, np.arcsinh(pz / pt))
    mass = np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0))
    return np.stack([pt, eta, np.arctan2(py, px), mass], axis=1)


def _true_jets(layout: Layout, truth: Tensors, n_events: int) -> NDArray[np.float64]:
    """Jet of each parton, shape (n_partons, n_events); -1 for none."""
    jets = np.full((len(layout.task.partons), n_events), -1.0)
    for place, parton in enumerate(layout.task.partons if truth else ()):
        jets[place] = _given(truth, f"{JET_OF}{parton}")
    return jets


def _given(truth: Tensors, name: str) -> NDArray[np.float64]:
    if name not in truth:
        raise InputError(
            f"The processor gives no target {name!r}. {nearest(name, truth)} Correct `task` in the YAML, or give it in the"
            " processor."
        )
    return np.asarray(truth[name], dtype=np.float64)


def _split(
    layout: Layout, by: CountedBy, answers: Mapping[str, NDArray[Any]], model: str, n_events: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bodies and jets of one model, shaped as those of the truth."""
    if model not in answers:
        raise InputError(f"No answers of model {model!r}. {nearest(model, answers)} Run `score` again.")
    array, shape = np.asarray(answers[model], dtype=np.float64), (n_events, layout.task.answers.size)
    if array.shape != shape:
        raise InputError(
            f"Answers of model {model!r} on {by.dataset} have shape {array.shape}, not {shape}. Expected one row an event"
            " and one column for each answer. Train the model again."
        )
    n_momenta = len(layout.task.objects) * len(GIVEN)
    momenta = array[:, :n_momenta].reshape(n_events, len(layout.task.objects), len(GIVEN))
    bodies = _bodies(layout, {name: momenta[:, place] for place, name in enumerate(layout.task.objects)}, n_events)
    _put_on_shell(layout, bodies, momenta)
    _forget_fixed_masses(layout, bodies, momenta)
    return bodies, array[:, n_momenta:].T


def _put_on_shell(layout: Layout, bodies: NDArray[np.float64], momenta: NDArray[np.float64]) -> None:
    """Systems of objects that have their known masses, whatever masses a method gives them."""
    for system in layout.task.on_shell:
        members = []
        for name in layout.task.systems[system]:
            one = momenta[:, list(layout.task.objects).index(name)].copy()
            one[:, GIVEN.index("mass")] = layout.task.objects[name].mass_gev
            members.append(one)
        bodies[layout.bodies.index(system)] = in_coordinates(_sum(members), VARIABLES)


def _forget_fixed_masses(layout: Layout, bodies: NDArray[np.float64], momenta: NDArray[np.float64]) -> None:
    """A mass that was given to the answer is none, and would look like the best of all."""
    if layout.task.coordinates != "px_py_pz":
        return
    for place, particle in enumerate(layout.task.objects.values()):
        # As float32, which answers are kept in; nothing that is computed hits it but by chance.
        is_given = momenta[:, place, GIVEN.index("mass")] == np.float32(particle.mass_gev or 0.0)
        bodies[place, is_given, VARIABLES.index("mass")] = np.nan


def _classes(layout: Layout, truth: Tensors, n_events: int) -> NDArray[np.int8]:
    if not truth:
        return np.full(n_events, -1, dtype=np.int8)
    if not layout.task.event_classes:
        return np.zeros(n_events, dtype=np.int8)
    found = _given(truth, EVENT_CLASS)
    known = np.isin(found, np.arange(len(layout.classes)))
    if not known.all():
        raise InputError(
            f"Target {EVENT_CLASS!r} is {found[~known][0]:g} for some event. Expected 0 to {len(layout.classes) - 1}, for"
            f" {', '.join(layout.classes)}. Correct it in the processor, or task.event_classes in the YAML."
        )
    return found.astype(np.int8)


def _cells(layout: Layout, true: NDArray[np.float64], observables: Mapping[str, Any], n_events: int) -> NDArray[np.int16]:
    """Bin on each axis; an own axis differs by body, and there is one more body for what belongs to none."""
    cells = np.full((len(layout.axes), len(layout.bodies) + 1, n_events), -1, dtype=np.int16)
    for axis, (name, edges) in enumerate(layout.axes.items()):
        if layout.is_own(name):
            for body in range(len(layout.bodies)):
                cells[axis, body] = inside(true[body, :, VARIABLES.index("pt")], edges)
        else:
            cells[axis, :] = inside(_values(layout, name, true, observables), edges)
    return cells


def _values(layout: Layout, name: str, true: NDArray[np.float64], observables: Mapping[str, Any]) -> NDArray[np.float64]:
    quantity = layout.task.quantity(name)
    if quantity is not None:
        body, variable = quantity
        return true[layout.bodies.index(body), :, VARIABLES.index(variable)]
    return one_number(name, observables, others=", a true <object>_<variable>, or pt")


def _residual_bins(layout: Layout, answer: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.uint8]:
    rows = []
    for body, variable in layout.quantities:
        place, column = layout.bodies.index(body), VARIABLES.index(variable)
        rows.append(AXES[variable].bins(residual(variable, answer[place, :, column], true[place, :, column])))
    return np.array(rows, dtype=np.uint8).reshape(len(layout.quantities), true.shape[1])


def _exists(true: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(np.isfinite(true).all(axis=2), dtype=bool)


def _asked(layout: Layout) -> list[int]:
    """Which objects must be found for the event to be."""
    names = layout.task.efficiency.objects or tuple(layout.task.objects)
    return [list(layout.task.objects).index(name) for name in names]


def _near(layout: Layout, answer: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which objects are within the distance and the window of the truth, shape (n_objects, n_events)."""
    pt, eta, phi = (VARIABLES.index(name) for name in ("pt", "eta", "phi"))
    window = layout.task.efficiency
    known = np.asarray(np.isfinite((answer - true)[..., [pt, eta, phi]]).all(axis=2, keepdims=True))
    a, t = (np.where(known, one, 1.0) for one in (answer, true))
    close = delta_r(a[..., eta], a[..., phi], t[..., eta], t[..., phi]) < window.delta_r
    with np.errstate(divide="ignore"):
        similar = np.abs(a[..., pt] - t[..., pt]) < window.pt_window * t[..., pt]
    return np.asarray(known[..., 0] & close & similar)


def _with_all(each: NDArray[np.bool_], asked: list[int] | None = None) -> NDArray[np.bool_]:
    """*each*, shape (n, n_events), and a row for all of those that are *asked*; nothing of nothing."""
    if not len(each):
        return each
    whole = (each if asked is None else each[asked]).all(axis=0, keepdims=True)
    return np.concatenate([each, whole])


def _assigned(layout: Layout, jets: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which partons have their jet, shape (n_partons, n_events), in the exchange of partons in which most have."""
    if layout.task.assignment is None:
        return np.zeros(true.shape, dtype=bool)
    ways = exchanges(layout.task.partons, layout.task.assignment.symmetric)
    right = np.array([(jets == true[list(way)]) & (true[list(way)] >= 0) for way in ways])  # (way, parton, event)
    best = right.sum(axis=1).argmax(axis=0)
    # By the parton as it is, whose jet is counted, not by the one that it was answered for.
    found = np.zeros(true.shape, dtype=bool)
    for number, way in enumerate(ways):
        chosen = best == number
        for answered, parton in enumerate(way):
            found[parton, chosen] = right[number, answered, chosen]
    return found


def _matrix_bins(layout: Layout, answer: NDArray[np.float64], true: NDArray[np.float64]) -> NDArray[np.int32]:
    rows = []
    for body, column, place, edges in layout.responses.values():
        a, t = answer[body, :, column], true[body, :, column]
        known = np.isfinite(a) & np.isfinite(t)
        bins = [np.searchsorted(edges, values, side="right") for values in (a, t)]
        rows.append(np.where(known, place.start + bins[0] * (len(edges) + 1) + bins[1], -1))
    return np.array(rows, dtype=np.int32).reshape(len(layout.responses), true.shape[1])


def answer_histograms(by: CountedBy) -> DatasetHistograms:
    """Of each quantity with a response matrix: the truth, and by model the answers and the residuals; empty."""
    axes: dict[str, HistogramAxis] = {}
    for name, (_, column, _, edges) in by.layout.responses.items():
        axes[f"truth_{name}"] = HistogramAxis(f"truth_{name}", name, False, tuple(edges.tolist()))
        steps = tuple(AXES[VARIABLES[column]].edges.tolist())
        for model in by.models:
            axes[f"{model}_{name}"] = HistogramAxis(f"{model}_{name}", name, False, tuple(edges.tolist()))
            axes[f"{model}_{name}_residual"] = HistogramAxis(f"{model}_{name}_residual", f"{name} residual", False, steps)
    return DatasetHistograms.for_axes(axes, by.quantum)


def _filled(
    by: CountedBy, bodies: list[NDArray[np.float64]], true: NDArray[np.float64], weights: NDArray[np.float64]
) -> DatasetHistograms:
    made = answer_histograms(by)

    def fill(name: str, values: NDArray[np.float64]) -> None:
        known = np.isfinite(values)
        made.histograms[name].fill(values[known], weights[known])

    for name, (body, column, _, _) in by.layout.responses.items():
        fill(f"truth_{name}", true[body, :, column])
        for model, one in zip(by.models, bodies, strict=True):
            fill(f"{model}_{name}", one[body, :, column])
            fill(f"{model}_{name}_residual", residual(VARIABLES[column], one[body, :, column], true[body, :, column]))
    return made
