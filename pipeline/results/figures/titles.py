"""What stands on the axes: quantity and unit, and how many events in how wide a bin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.results.figures.binned import is_uniform

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def x_title(label: str, unit: str | None) -> str:
    """The quantity with its unit.

    >>> x_title("$m_{bb}$", "GeV")
    '$m_{bb}$ [GeV]'
    """
    return f"{label} [{unit}]" if unit else label


def y_title(edges: NDArray[np.float64], unit: str | None, *, counted: str = "Events") -> str:
    """What is counted, for which width of a bin.

    >>> import numpy as np
    >>> y_title(np.array([0.0, 10.0, 20.0]), "GeV")
    'Events / 10 GeV'
    >>> y_title(np.array([0.0, 10.0, 50.0]), "GeV")
    'Events / GeV'
    """
    if not is_uniform(edges):
        return f"{counted} / {unit or 'unit'}"
    width = f"{(edges[-1] - edges[0]) / (len(edges) - 1):.4g}"
    return f"{counted} / {width} {unit}" if unit else f"{counted} / {width}"
