"""What the χ² of tt̄ → bℓν bqq' measures on events in which every quark has its jet: peaks and b tags."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.chi_square import NOMINAL, Peaks
from pipeline.physics.peaks import MassHistogram, Peak
from pipeline.physics.tag_ratio import N_BINS, TagRatio, bin_of
from pipeline.physics.top_pair_events import JETS, TAG, EventReader, at_places, matched_places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MEASURED = ("w_had", "top_had", "top_lep")


@dataclass(slots=True)
class TopPairPeaks:
    """Fill it with batches, then take its parameters.

    Args:
        reader: of the tensors.
        w_mass: in GeV, of the W boson that the neutrino is solved with.
        has_tags: whether discriminators are there.
        minus_w: whether m_jjj - m_jj is measured as the mass of the hadronic top quark, instead of m_jjj.
    """

    reader: EventReader
    w_mass: float
    has_tags: bool
    minus_w: bool = False
    masses: dict[str, MassHistogram] = field(default_factory=lambda: {name: MassHistogram(name) for name in MEASURED})
    tags: TagRatio = field(default_factory=TagRatio)

    def fill(
        self,
        tensors: Mapping[str, NDArray[np.floating]],
        targets: NDArray[np.floating],
        names: Sequence[str],
        weight: NDArray[np.floating],
    ) -> None:
        """Add the events of which all four quarks have a jet among those of the input set.

        Args:
            tensors: not scaled.
            targets: shape (n_events, n_targets).
            names: of the targets.
            weight: shape (n_events,).
        """
        places = matched_places(targets, names, tensors[JETS].shape[1])
        whole = np.flatnonzero((places >= 0).all(axis=1))
        some, places, weight = {name: tensor[whole] for name, tensor in tensors.items()}, places[whole], weight[whole]
        for name, mass in self._masses(some, places).items():
            self.masses[name].fill(mass, weight)
        if self.has_tags:
            self._fill_tags(some, places, weight)

    def parameters(self) -> dict[str, float]:
        """Mass and width of each peak in GeV and, with tags, the cost of each bin as a b jet.

        Raises:
            InputError: there are too few events.
        """
        found: dict[str, float] = {}
        for name, histogram in self.masses.items():
            peak = histogram.peak()
            found |= {f"{name}_mass": peak.mass, f"{name}_width": peak.width}
        costs = self.tags.costs() if self.has_tags else ()
        return found | {f"b_cost_{place:02d}": float(cost) for place, cost in enumerate(costs)}

    def _masses(
        self, tensors: Mapping[str, NDArray[np.floating]], places: NDArray[np.int64]
    ) -> dict[str, NDArray[np.float64]]:
        """Of the right assignment; the neutrino's solution is the one that brings the top quark nearer to its mass, since a
        χ² takes the nearer one, too."""
        candidates = self.reader.candidates(tensors)
        b_had, q1, q2, b_lep = (at_places(candidates.jets, column) for column in places.T)
        w_had = q1 + q2
        neutrinos = candidates.neutrinos(self.w_mass)
        two = np.stack([(candidates.lepton + at_places(neutrinos, np.full(len(places), s)) + b_lep).mass for s in (0, 1)])
        nearer = np.argmin(np.abs(two - NOMINAL.top_lep.mass), axis=0)
        top_had = (w_had + b_had).mass - (w_had.mass if self.minus_w else 0)
        return {"w_had": w_had.mass, "top_had": top_had, "top_lep": two[nearer, np.arange(len(places))]}

    def _fill_tags(
        self, tensors: Mapping[str, NDArray[np.floating]], places: NDArray[np.int64], weight: NDArray[np.floating]
    ) -> None:
        tags = self.reader.column(tensors, JETS, TAG)
        slot = np.arange(tags.shape[1])
        is_jet = slot < self.reader.n_jets(tensors)[:, np.newaxis]
        is_b = (slot == places[:, [0]]) | (slot == places[:, [3]])
        weights = np.broadcast_to(weight[:, np.newaxis].astype(np.float64), tags.shape)
        self.tags.fill(tags[is_jet], is_b[is_jet], weights[is_jet])


def peaks_of(parameters: Mapping[str, float], *, minus_w: bool = False) -> Peaks:
    """The peaks that were measured, and the nominal one of the leptonic W boson, which no assignment changes."""
    measured = {name: Peak(parameters[f"{name}_mass"], parameters[f"{name}_width"]) for name in MEASURED}
    return replace(NOMINAL, minus_w=minus_w, **measured)


def b_costs_of(parameters: Mapping[str, float], tags: NDArray[np.floating]) -> NDArray[np.float64]:
    """What each jet with these *tags* costs as a b jet, same shape, by the bins that were measured."""
    costs = np.array([parameters[f"b_cost_{place:02d}"] for place in range(N_BINS)])
    return np.asarray(costs[bin_of(tags)])
