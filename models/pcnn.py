"""One-dimensional residual network along the particles of a jet, ordered by momentum."""

from __future__ import annotations

import keras

# Of batch normalisation, as PyTorch has it; with Keras' 0.99 the moving means of a small sample lag behind for epochs.
MOMENTUM = 0.9


def build(
    inputs,
    outputs,
    *,
    channels=(32, 64, 64, 128),
    blocks=2,
    units=(512,),
    dropout=0.2,
) -> keras.Model:
    """Convolutions of width 3 in residual units, then the mean over the places that hold a particle.

    After each stage but the first, every second place is left. Padding counts neither in a convolution, nor in a batch
    normalisation, nor in the mean.

    Input shape: (batch, n_particles, n_features) and a mask (batch, n_particles), for one padded collection. Output shape:
    (batch, n_outputs).

    Args:
        inputs: by name, one padded collection with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        channels: of the first convolution, then of each stage.
        blocks: residual units in each stage.
        units: width of each dense layer after the mean.
        dropout: fraction of each dense layer's outputs that is dropped in training.

    Raises:
        ValueError: the input is not one padded collection.

    Source: the DeepAK8-like network of the CMS Machine Learning Documentation (349k parameters); P-CNN of arXiv:1902.08570,
    section 4.
    """
    tensors, x, mask = _particles(inputs)
    x = _normalised(x, mask, name="input")
    x = _activated(_convolved(x, mask, channels[0], name="first"), mask, name="first")
    for stage, width in enumerate(channels[1:], start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            x, mask = _residual_unit(x, mask, width, stride=stride, name=f"stage_{stage}_unit_{block}")
    x = keras.ops.sum(x * mask, axis=1) / keras.ops.maximum(keras.ops.sum(mask, axis=1), 1.0)
    for step, width in enumerate(units, start=1):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden_{step}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model(tensors, output, name="pcnn")


def _residual_unit(x, mask, width, *, stride, name):
    """Two convolutions beside a shortcut; the first one, and the shortcut, leave every *stride*-th place."""
    left = mask[:, ::stride]
    inner = _activated(_convolved(x, mask, width, stride=stride, name=f"{name}_1"), left, name=f"{name}_1")
    inner = _activated(_convolved(inner, left, width, name=f"{name}_2"), left, name=f"{name}_2")
    if x.shape[-1] != width or stride != 1:
        x = keras.layers.Dense(width, use_bias=False, name=f"{name}_shortcut")(x[:, ::stride])
    return x + inner, left


def _convolved(x, mask, width, *, name, stride=1):
    # Padded by hand: Keras' "same" would begin elsewhere for an even and for an odd number of places.
    padded = keras.layers.ZeroPadding1D(1, name=f"{name}_padded")(x * mask)
    return keras.layers.Conv1D(width, 3, strides=stride, name=f"{name}_convolution")(padded)


def _activated(x, mask, *, name):
    return keras.layers.Activation("relu", name=f"{name}_activation")(_normalised(x, mask, name=name))


def _normalised(x, mask, *, name):
    return keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_batch_norm")(
        x, mask=keras.ops.squeeze(mask, axis=-1)
    )


def _particles(inputs):
    """The input tensors, the normalised particles with 0 where there is none, and the mask with a last axis of 1."""
    if len(inputs) != 1 or next(iter(inputs.values())).max_objects is None:
        raise ValueError(f"pcnn takes one padded collection, not {', '.join(inputs)}; give it features and max_objects")
    (spec,) = inputs.values()
    given = keras.Input(spec.shape, name=spec.name)
    mask = keras.Input(spec.shape[:1], name=f"{spec.name}_mask")
    is_particle = keras.ops.expand_dims(mask, axis=-1)
    particles = keras.layers.Rescaling(spec.scale, spec.offset, name="normalised")(given) * is_particle
    return {spec.name: given, f"{spec.name}_mask": mask}, particles, is_particle
