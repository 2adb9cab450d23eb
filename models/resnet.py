"""Residual convolutional network on images of jets."""

from __future__ import annotations

import keras

from models.layers.images import image_of

# Of batch normalisation; with Keras' 0.99 the moving means of a small sample lag behind for epochs.
MOMENTUM = 0.9


def build(inputs, outputs, *, filters=(16, 32, 64), blocks=2, dropout=0.0) -> keras.Model:
    """Stages of residual units at ever half the size, then the mean over what is left of the image.

    Input shape: (batch, pixels, pixels, n_channels), for one image. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, one image with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        filters: of each stage.
        blocks: residual units in each stage; with 3 and these filters it has the depth of ResNet-20.
        dropout: fraction of the means that is dropped in training.

    Raises:
        ValueError: the input is not one image.

    Source: arXiv:1512.03385, section 4.2, with a convolution of one pixel on the shortcut where the width changes.
    """
    given, x = image_of(inputs, "resnet")
    x = _activated(_convolved(x, filters[0], name="first"), name="first")
    for stage, width in enumerate(filters, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x = _residual_unit(x, width, stride=stride, name=f"stage_{stage}_unit_{block}")
    x = keras.layers.GlobalAveragePooling2D(name="mean")(x)
    if dropout:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model({given.name: given}, output, name="resnet")


def _residual_unit(x, width, *, stride, name):
    """Two convolutions beside a shortcut; the first one, and the shortcut, leave every *stride*-th pixel."""
    inner = _activated(_convolved(x, width, stride=stride, name=f"{name}_1"), name=f"{name}_1")
    inner = _normalised(_convolved(inner, width, name=f"{name}_2"), name=f"{name}_2")
    if x.shape[-1] != width or stride != 1:
        x = _normalised(_convolved(x, width, kernel=1, stride=stride, name=f"{name}_shortcut"), name=f"{name}_shortcut")
    return keras.layers.Activation("relu", name=f"{name}_activation")(x + inner)


def _convolved(x, width, *, name, kernel=3, stride=1):
    return keras.layers.Conv2D(
        width,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_convolution",
    )(x)


def _activated(x, *, name):
    return keras.layers.Activation("relu", name=f"{name}_activation")(_normalised(x, name=name))


def _normalised(x, *, name):
    return keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_batch_norm")(x)
