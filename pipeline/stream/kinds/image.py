"""Pictures of jets: (n_jets, pixels, pixels, n_channels); what is kept are the pixels that are not empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from pipeline.errors import InputError
from pipeline.physics.jet_images import dense, filled, normalised_to, prepared, stacked
from pipeline.physics.pixels import Points
from pipeline.stream.padding import numbers
from pipeline.stream.spec import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.inputs import Image
    from pipeline.physics.jet_images import Filled
    from pipeline.stream.given import Given
    from pipeline.stream.rows import Tensors

JAGGED = True

# What the processor must give of each constituent: its place from the axis of the jet [rad], and its momentum [GeV].
PLACE = ("eta_rel", "phi_rel", "pt")
POWERS = {"sum": 1, "l2": 2}


def reads(image: Image) -> tuple[str, ...]:
    """Places and momenta, and charges where a channel asks for them."""
    return (*PLACE, *(["charge"] if set(image.channels) - {"pt", "multiplicity"} else []))


def features(image: Image) -> tuple[str, ...]:
    """The channels."""
    return image.channels


def stored(name: str, image: Image, given: Given) -> Tensors:
    """The values of the pixels that are not empty, shape (n_jets, max_pixels, n_channels), and `<name>_place`, where they
    are, shape (n_jets, max_pixels), -1 for none."""
    images = filled_of(image, given)
    most = int(images.counts.max(initial=0))
    if most > image.max_pixels:
        raise InputError(
            f"The image {name!r} of {given.event_name(int(images.counts.argmax()))} has {most} pixels that are not empty."
            f" Expected at most {image.max_pixels}, so that nothing is lost. Set max_pixels in `inputs` to {2 * most}, or"
            " take larger pixels."
        )
    place, values = stacked(images, image.max_pixels)
    return {name: values, f"{name}_place": place}


def filled_of(image: Image, given: Given) -> Filled:
    """The pixels that are not empty, after all steps.

    Raises:
        InputError: a number is not finite.
    """
    columns = {feature: numbers(ak.flatten(given[feature], axis=1)) for feature in reads(image)}
    given.check_objects(columns)
    points = Points(given.event, len(given), *(columns[feature].astype(np.float64) for feature in PLACE))
    points = prepared(points, image.steps, prong_radius=image.prong_radius)
    images = filled(points, columns.get("charge"), image.channels, size=image.pixels, half_width=image.half_width)
    return images if image.normalise == "none" else normalised_to(images, image.channels, POWERS[image.normalise])


def finished(name: str, image: Image, tensors: Tensors) -> Tensors:
    """The whole images."""
    return {name: dense(tensors[f"{name}_place"], tensors[name], size=image.pixels)}


def rows(name: str, image: Image, tensors: Tensors) -> tuple[NDArray[np.float32], int]:
    """A row a pixel; the empty ones are rows of zeros."""
    place = tensors[f"{name}_place"]
    values = tensors[name][place >= 0]
    return values, len(place) * image.pixels**2 - len(values)


def spec(name: str, image: Image, scales: Mapping[str, Mapping[str, float]]) -> InputSpec:
    """Of shape (pixels, pixels, n_channels)."""
    return InputSpec.scaled(name, image.channels, scales, pixels=image.pixels)
