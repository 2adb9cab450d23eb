"""What may be histogrammed of selected events, and whether all that is asked for is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError, nearest

if TYPE_CHECKING:
    from pipeline.config import Analysis
    from pipeline.physics.selected import Selected


def histogrammed(selected: Selected) -> dict[str, Any]:
    """What may be histogrammed: the observables, and every input as `<collection>.<feature>`."""
    inputs = {f"{name}.{feature}": values for name, given in selected.inputs.items() for feature, values in given.items()}
    return {**selected.observables, **inputs}


def check_histograms(analysis: Analysis, selected: Selected) -> None:
    """See that the processor gives what *analysis* histograms, and what its task draws curves against; asked in the first
    pass over the events, not in the last.

    Raises:
        InputError: it does not; names each histogram or the axis, and what is nearest.
    """
    given = histogrammed(selected)
    missing = {name: axis.observable for name, axis in analysis.histograms.items() if axis.observable not in given}
    if missing:
        wanted = ", ".join(f"{observable!r} ({name})" for name, observable in missing.items())
        hints = " ".join(dict.fromkeys(nearest(observable, given) for observable in missing.values()))
        raise InputError(
            f"Histograms of config/{analysis.name}.yaml want observables that processors/{analysis.processor}.py does not"
            f" give: {wanted}. {hints} Correct histograms.<name>.observable, or add them in the processor."
        )
    for name in analysis.task.observables if analysis.models else ():
        if name not in given:
            raise InputError(
                f"task.against of config/{analysis.name}.yaml wants {name!r}, which processors/{analysis.processor}.py does"
                f" not give. {nearest(name, given)} Correct the name, or add it in the processor."
            )
