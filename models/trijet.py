"""The simplest reconstruction of the hadronic top quark: the three jets with the largest transverse momentum together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.physics.top_pair_events import JETS, TAG, EventReader, answers, at_places
from pipeline.physics.trijet import leading_trijet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from pipeline.physics import baseline


def build(inputs, outputs, *, btag_min=None) -> baseline.Baseline:
    """The three jets of `pipeline.physics.trijet`; that with the highest b tag is the b jet, the other two are the W boson.

    Inputs: padded `jets` with px, py, pz, energy, btag. Outputs: momenta and jets of the hadronic side; NaN for all others.

    Args:
        inputs: by name, the tensors (`pipeline.stream.spec.InputSpec`), which are taken without scales.
        outputs: names of the answers (`pipeline.stream.spec.OutputSpec`).
        btag_min: at least one of the three must have this discriminator, as in the Analysis Grand Challenge; None asks for
            nothing.

    Raises:
        ValueError: an input does not fit.
    """
    reader = EventReader({name: spec.features for name, spec in inputs.items()})
    reader.check(collections=(JETS,), tags=True)
    return Trijet(reader, tuple(outputs.names), -np.inf if btag_min is None else btag_min)


@dataclass(frozen=True, slots=True)
class Trijet:
    """The method with its options; see `build`."""

    reader: EventReader
    names: tuple[str, ...]
    tag_min: float

    def measure(self, batches: Iterator[baseline.Batch]) -> Mapping[str, float]:
        """Nothing: the method has no parameters."""
        return {}

    def answer(self, tensors: Mapping[str, NDArray[np.float32]], parameters: Mapping[str, float]) -> NDArray[np.float64]:
        """Momenta and places, shape (n_events, n_names)."""
        jets, tags = self.reader.momenta(tensors, JETS), self.reader.column(tensors, JETS, TAG)
        three = leading_trijet(jets, self.reader.n_jets(tensors), tags=tags, tag_min=self.tag_min)
        of_three = np.take_along_axis(tags, np.maximum(three, 0), axis=1)
        # The b jet first, of equal tags the earlier; the other two keep their order.
        order = np.argsort(np.arange(3) != of_three.argmax(axis=1)[:, np.newaxis], axis=1, kind="stable")
        places = np.take_along_axis(three, order, axis=1)
        b_had, q1, q2 = (at_places(jets, column) for column in places.T)
        found = {"b_had": b_had, "w_had": q1 + q2, "top_had": b_had + q1 + q2}
        return answers(self.names, found, dict(zip(("b_had", "q1", "q2"), places.T, strict=True)), len(places))
