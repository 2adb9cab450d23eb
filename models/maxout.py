"""Dense network whose first layers answer with the largest of several sums, on the pixels of an image as one long row."""

from __future__ import annotations

import keras

from models.layers.images import image_of


def build(
    inputs,
    outputs,
    *,
    maxout_units=(256, 128),
    pieces=5,
    maxout_dropout=(0.3, 0.2),
    units=(64, 25),
    dropout=(0.2, 0.3),
) -> keras.Model:
    """Two maxout layers and two plain ones.

    Input shape: (batch, pixels, pixels, n_channels), for one image. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, one image with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        maxout_units: width of each maxout layer.
        pieces: sums of which each unit of these gives the largest.
        maxout_dropout: fraction of the outputs of each of these that is dropped in training.
        units: width of each dense layer after them.
        dropout: fraction of the outputs of each of those that is dropped in training.

    Raises:
        ValueError: the input is not one image.

    Source: the MaxOut network of arXiv:1511.05190, as in github.com/ml-slac/deep-jets: 975,667 parameters with one output,
    on 25 × 25 pixels. Maxout is of arXiv:1302.4389.
    """
    given, x = image_of(inputs, "maxout")
    x = keras.layers.Flatten(name="row")(x)
    for step, (width, rate) in enumerate(zip(maxout_units, maxout_dropout, strict=True), start=1):
        x = keras.layers.Dense(width * pieces, name=f"maxout_{step}")(x)
        x = keras.ops.max(keras.layers.Reshape((width, pieces), name=f"pieces_{step}")(x), axis=-1)
        x = keras.layers.Dropout(rate, name=f"maxout_dropout_{step}")(x)
    for step, (width, rate) in enumerate(zip(units, dropout, strict=True), start=1):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden_{step}")(x)
        x = keras.layers.Dropout(rate, name=f"dropout_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model({given.name: given}, output, name="maxout")
