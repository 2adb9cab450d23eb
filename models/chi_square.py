"""Reconstruction of tt̄ → bℓν bqq' without a network: the assignment of jets to quarks with the smallest χ²."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.physics.chi_square import NOMINAL, smallest_chi_square
from pipeline.physics.partons import JET_PARTONS
from pipeline.physics.top_pair_events import JETS, TAG, EventReader, answers, at_places
from pipeline.physics.top_pair_peaks import TopPairPeaks, b_costs_of, peaks_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.physics import baseline


def build(
    inputs, outputs, *, peaks="measured", b_tags="likelihood", top_minus_w=False, w_mass_gev=80.4
) -> baseline.Baseline:
    """The χ² of `pipeline.physics.chi_square`, over all jets of the input set.

    Inputs: padded `jets` with px, py, pz, energy and, for b tags, btag; flat `lepton` with px, py, pz, energy; flat `met`
    with px, py. Outputs: momenta of the objects and places of the jets; NaN and -1 in events with fewer than four jets.

    Args:
        inputs: by name, the tensors (`pipeline.stream.spec.InputSpec`), which are taken without scales.
        outputs: names of the answers and of the targets (`pipeline.stream.spec.OutputSpec`).
        peaks: `measured` takes masses and widths from the sample's own peaks, on the training folds; `nominal` takes those
            of the published comparison, 80.4 ± 20 GeV and 172.5 ± 30 GeV (arXiv:1909.01144).
        b_tags: `likelihood` adds how unlike a b jet the two jets are that are taken as such, as measured on the training
            folds; `none` looks at masses only.
        top_minus_w: compare m_jjj - m_jj with its measured peak, instead of m_jjj, which moves with m_jj (arXiv:1305.2756).
        w_mass_gev: of the W boson that the neutrino is solved with.

    Raises:
        ValueError: an option or an input does not fit.
    """
    for name, value, known in (("peaks", peaks, ("measured", "nominal")), ("b_tags", b_tags, ("likelihood", "none"))):
        if value not in known:
            raise ValueError(f"{name} is {value!r}; it can be {' or '.join(known)}")
    if top_minus_w and peaks == "nominal":
        raise ValueError("top_minus_w is True with nominal peaks, which are of masses; it needs measured ones")
    reader = EventReader({name: spec.features for name, spec in inputs.items()})
    reader.check(tags=b_tags == "likelihood")
    return ChiSquare(reader, tuple(outputs.names), tuple(outputs.targets), peaks, b_tags, top_minus_w, w_mass_gev)


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """The method with its options; see `build`."""

    reader: EventReader
    names: tuple[str, ...]
    targets: tuple[str, ...]
    peaks: str
    b_tags: str
    minus_w: bool
    w_mass: float

    def measure(self, batches: Iterator[baseline.Batch]) -> Mapping[str, float]:
        """Peaks and costs of b tags, from the events in which every quark has its jet; nothing if neither is wanted."""
        has_tags = self.b_tags == "likelihood"
        if self.peaks == "nominal" and not has_tags:
            return {}
        measured = TopPairPeaks(self.reader, self.w_mass, has_tags, self.minus_w)
        for batch in batches:
            measured.fill(batch.tensors, batch.targets, self.targets, batch.weight)
        return {
            name: value
            for name, value in measured.parameters().items()
            if self.peaks == "measured" or name.startswith("b_cost_")
        }

    def answer(self, tensors: Mapping[str, NDArray[np.float32]], parameters: Mapping[str, float]) -> NDArray[np.float64]:
        """Momenta and places, shape (n_events, n_names)."""
        candidates = self.reader.candidates(tensors)
        cost = b_costs_of(parameters, self.reader.column(tensors, JETS, TAG)) if self.b_tags == "likelihood" else None
        peaks = peaks_of(parameters, minus_w=self.minus_w) if self.peaks == "measured" else NOMINAL
        best = smallest_chi_square(candidates, peaks, w_mass=self.w_mass, b_cost=cost)
        b_had, q1, q2, b_lep = (at_places(candidates.jets, column) for column in best.places.T)
        w_had = q1 + q2
        w_lep = candidates.lepton + at_places(candidates.neutrinos(self.w_mass), best.solution)
        found = {"w_had": w_had, "w_lep": w_lep, "b_had": b_had, "b_lep": b_lep}
        found |= {"top_had": w_had + b_had, "top_lep": w_lep + b_lep}
        return answers(self.names, found, dict(zip(JET_PARTONS, best.places.T, strict=True)), len(best.places))
