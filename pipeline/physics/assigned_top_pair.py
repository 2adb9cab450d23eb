"""The momenta of tt̄ → bℓν bqq' once it is known which jet is which quark: those of the jets, the lepton and the neutrino."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.physics.kinematics import Momentum
from pipeline.physics.partons import JET_PARTONS
from pipeline.physics.top_pair_events import EventReader, answers, at_places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

# Particle Data Group.
W_MASS_GEV = 80.4


def assigned_momenta(
    names: Sequence[str],
    features: Mapping[str, Sequence[str]],
    tensors: Mapping[str, NDArray[np.floating]],
    jets: Mapping[str, NDArray[np.int64]],
    *,
    top_mass: float,
) -> NDArray[np.float64]:
    """The momenta that *names* ask for, shape (n_events, n_names): `<object>_pt`, `_eta`, `_phi` and `_mass`.

    A W boson is the sum of two jets, or of the lepton and the neutrino; a top quark is that and its b jet. Of the two
    longitudinal momenta of the neutrino, that one is taken which brings the leptonic top quark nearer to *top_mass*.

    Args:
        names: in any order.
        features: of each tensor, in order: `top_pair_events.NEEDED`.
        tensors: not scaled, shape (n_events, ...).
        jets: place of the jet of each of `b_had`, `q1`, `q2` and `b_lep`, shape (n_events,); -1 for none.
        top_mass: in GeV, where the mass of a jet, the lepton and the neutrino peaks.

    Returns:
        NaN for an object without its jets.

    Raises:
        InputError: a feature or a parton is missing.
    """
    reader = EventReader(features)
    try:
        reader.check(tags=False)
    except ValueError as error:
        raise InputError(
            f"Momenta cannot be made from jets that are assigned: {error}. Expected jets, lepton and met with their momenta."
            " Add them to the input set, or remove task.assignment.momenta."
        ) from error
    missing = [parton for parton in JET_PARTONS if parton not in jets]
    if missing:
        raise InputError(
            f"Momenta cannot be made without the jets of {', '.join(missing)}. Expected all of {', '.join(JET_PARTONS)}."
            " Add them to task.assignment.partons, or remove task.assignment.momenta."
        )
    candidates = reader.candidates(tensors)
    b_had, q1, q2, b_lep = (at_places(candidates.jets, jets[parton]) for parton in ("b_had", "q1", "q2", "b_lep"))
    neutrino = _neutrino(candidates.neutrinos(W_MASS_GEV), candidates.lepton + b_lep, top_mass)
    w_had, w_lep = q1 + q2, candidates.lepton + neutrino
    found = {"w_had": w_had, "w_lep": w_lep, "b_had": b_had, "b_lep": b_lep}
    return answers(names, {**found, "top_had": w_had + b_had, "top_lep": w_lep + b_lep}, {}, len(q1.px))


def _neutrino(solutions: Momentum, others: Momentum, top_mass: float) -> Momentum:
    """That of the *solutions*, shape (n_events, 2), with which *others* come nearer to *top_mass*."""
    whole = (
        Momentum(*(np.asarray(getattr(others, part))[:, np.newaxis] for part in ("px", "py", "pz", "energy"))) + solutions
    )
    distance = np.abs(whole.mass - top_mass)
    # Without its b jet there is no distance; the first solution is as good as the other.
    return at_places(solutions, np.where(np.isnan(distance), np.inf, distance).argmin(axis=1))
