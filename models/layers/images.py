"""What the networks of images have in common: their one input."""

from __future__ import annotations

import keras


def image_of(inputs, name):
    """The input tensor and the image with mean 0 and spread 1 over all pixels of each channel.

    Args:
        inputs: by name, one image with its scales (`pipeline.stream.spec.InputSpec`).
        name: of the architecture, for messages.

    Raises:
        ValueError: the input is not one image.
    """
    if len(inputs) != 1 or next(iter(inputs.values())).kind != "image":
        raise ValueError(f"{name} takes one image, not {', '.join(inputs)}; give it a collection of kind: image")
    (spec,) = inputs.values()
    given = keras.Input(spec.shape, name=spec.name)
    return given, keras.layers.Rescaling(spec.scale, spec.offset, name="normalised")(given)
