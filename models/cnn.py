"""Convolutional network on images of jets."""

from __future__ import annotations

import keras

from models.layers.images import image_of


def build(
    inputs,
    outputs,
    *,
    filters=(64, 32, 32),
    kernels=(11, 3, 3),
    pools=(2, 3, 3),
    l2=0.01,
    filter_dropout=0.2,
    units=(64,),
    dropout=0.1,
) -> keras.Model:
    """Convolutions, each followed by the largest value of each square of pixels, then dense layers.

    Input shape: (batch, pixels, pixels, n_channels), for one image. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, one image with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        filters: of each convolution.
        kernels: side of the filters of each convolution.
        pools: side of the squares after each convolution.
        l2: penalty on the squared weights of the first convolution.
        filter_dropout: fraction of the outputs of the last convolution that is dropped in training.
        units: width of each dense layer.
        dropout: fraction of each dense layer's outputs that is dropped in training.

    Raises:
        ValueError: the input is not one image, or there are not as many kernels and pools as filters.

    Source: the ConvNet of arXiv:1511.05190, as in github.com/ml-slac/deep-jets, without its local response normalisation.
    For 33 × 33 pixels in colours, the example of EnergyFlow has kernels of 8, 4 and 4 pixels and pools of 2.
    """
    if not len(filters) == len(kernels) == len(pools):
        raise ValueError(
            f"cnn has {len(filters)} filters, {len(kernels)} kernels and {len(pools)} pools; give one of each for every step"
        )
    given, x = image_of(inputs, "cnn")
    for step, (width, kernel, pool) in enumerate(zip(filters, kernels, pools, strict=True), start=1):
        penalty = keras.regularizers.L2(l2) if l2 and step == 1 else None
        x = keras.layers.Conv2D(
            width, kernel, padding="same", activation="relu", kernel_regularizer=penalty, name=f"convolution_{step}"
        )(x)
        x = keras.layers.MaxPooling2D(pool, name=f"pool_{step}")(x)
    if filter_dropout:
        x = keras.layers.Dropout(filter_dropout, name="filter_dropout")(x)
    x = keras.layers.Flatten(name="row")(x)
    for step, width in enumerate(units, start=1):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden_{step}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model({given.name: given}, output, name="cnn")
