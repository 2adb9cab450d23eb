"""ParticleNet: convolutions over the nearest neighbours of each particle of a jet, found anew in each layer."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

# Added to the distance to what is no neighbour: larger than any distance of normalised features.
FAR = 1e9
# Of batch normalisation, as PyTorch has it; with Keras' 0.99 the moving means of a small sample lag behind for epochs.
MOMENTUM = 0.9


def build(
    inputs,
    outputs,
    *,
    points=("eta_rel", "phi_rel"),
    neighbours=16,
    channels=((64, 64, 64), (128, 128, 128), (256, 256, 256)),
    units=(256,),
    dropout=0.1,
    embedding=0,
    fusion=0,
    fade=0.01,
) -> keras.Model:
    """Edge convolutions on a dynamic graph, then the mean over the particles.

    The neighbours of the first layer are those in `points`, of each further one those in the features of the layer before.
    The mean over the k neighbours is made continuous: see `_edges`. Padding is no neighbour of anything, and counts in no
    normalisation and no mean. The order of the particles does not matter.

    Input shape: (batch, n_particles, n_features) and a mask (batch, n_particles), for one padded collection. Output shape:
    (batch, n_outputs).

    Args:
        inputs: by name, one padded collection with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        points: the features that are coordinates.
        neighbours: of each particle.
        channels: by edge convolution, the width of each of its layers.
        units: width of each dense layer after the mean.
        dropout: fraction of each dense layer's outputs that is dropped in training.
        embedding: width of a layer on each particle before the first edge convolution; 0 for none.
        fusion: width of a layer on the outputs of all edge convolutions together; 0 takes those of the last one alone.
        fade: a neighbour whose squared distance is nearer than this, relatively, to that of the first particle that is no
            neighbour counts less.

    Raises:
        ValueError: the input is not one padded collection, or has no such point.

    Source: arXiv:1902.08570, figures 1 and 2. The defaults are ParticleNet (366k parameters). Its Lite version has
    `neighbours: 7, channels: [[32, 32, 32], [64, 64, 64]], units: [128]` (26k). That of the CMS Machine Learning
    Documentation has `embedding: 32, fusion: 384` (577k).
    """
    tensors, given, x, mask = _particles(inputs)
    (spec,) = inputs.values()
    distances = _distances_of_points(given, _columns(spec, points))
    x = _batch_norm(x, mask, name="input")
    if embedding:
        x = _dense(x, mask, embedding, name="embedding") * mask
    found = []
    for layer, widths in enumerate(channels, start=1):
        index, weight, is_edge = _edges(distances, mask, min(neighbours, spec.max_objects - 1), fade)
        x = _edge_convolution(x, mask, widths, index, weight, is_edge, name=f"edge_{layer}") * mask
        distances = _distances_of_features(x, mask)
        found.append(x)
    if fusion:
        x = _dense(keras.layers.Concatenate(name="all_layers")(found), mask, fusion, name="fusion")
    x = ops.sum(x * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1.0)
    for step, width in enumerate(units, start=1):
        x = keras.layers.Dense(width, activation="relu", name=f"hidden_{step}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model(tensors, output, name="particlenet")


def _edges(distances, mask, k, fade):
    """The *k* nearest neighbours of each particle.

    With a hard choice, the answer jumps where two particles are equally far: another last bit, as on another machine, could
    change it in the fourth digit. So a neighbour that is about as far as the first one that is left out fades.

    Returns:
        The place of each neighbour, its weight in the mean, and 1 where it is a particle; each (batch, n_particles, k).
    """
    n = distances.shape[1]
    # Constants are NumPy's: one of the backend would become an input of the exported model.
    none = ops.add(1 - ops.transpose(mask, (0, 2, 1)), np.eye(n, dtype="float32"))
    nearest, index = ops.top_k(-(distances + FAR * none), k + 1 if k < n else k)
    # As many neighbours as there are other particles: by number, and never by distance.
    others = ops.sum(mask, axis=1, keepdims=True) - 1
    is_edge = ops.cast(ops.less(np.arange(k, dtype="float32"), others), "float32") * mask
    squared = ops.maximum(-nearest, 0.0)
    first_left_out = squared[:, :, k:]
    weight = ops.clip((first_left_out - squared[:, :, :k]) / (fade * first_left_out + 1e-12), 0.0, 1.0)
    # If all are equally far, all count the same.
    weight = ops.stop_gradient(weight + 1e-6) * is_edge
    return index[:, :, :k], weight, is_edge


def _edge_convolution(x, mask, widths, index, weight, is_edge, *, name):
    """Layers on (particle, neighbour - particle), their mean over the neighbours, and a shortcut."""
    first, *further = widths
    # A layer on both parts is the sum of a layer on each; on the particles alone it costs one k-th.
    own = keras.layers.Dense(first, use_bias=False, name=f"{name}_own")(x)
    other = keras.layers.Dense(first, use_bias=False, name=f"{name}_other")(x)
    edges = ops.expand_dims(own - other, axis=2) + _gathered(other, index)
    edges = keras.layers.Activation("relu")(_batch_norm(edges, is_edge, name=f"{name}_1"))
    for step, width in enumerate(further, start=2):
        edges = _dense(edges, is_edge, width, name=f"{name}_{step}")
    weight = ops.expand_dims(weight, axis=-1)
    mean = ops.sum(edges * weight, axis=2) / ops.maximum(ops.sum(weight, axis=2), 1e-12)
    shortcut = keras.layers.Dense(widths[-1], use_bias=False, name=f"{name}_shortcut")(x)
    shortcut = _batch_norm(shortcut, mask, name=f"{name}_shortcut")
    return keras.layers.Activation("relu", name=f"{name}_output")(shortcut + mean)


def _gathered(x, index):
    """Row *index* of the same jet in *x*: (batch, n, c) and (batch, n, k) give (batch, n, k, c)."""
    n, width = x.shape[1:]
    # Minus a negative number, because what Keras adds of shape (batch, 1, 1) it may take for a bias of another axis.
    jet = 1 - ops.cumsum(ops.ones_like(index[:, :1, :1]), axis=0)
    return ops.take(ops.reshape(x, (-1, width)), index - n * jet, axis=0)


def _distances_of_points(given, columns):
    """Squared distances between all particles of a jet, (batch, n, n)."""
    total = 0.0
    for column in columns:
        value = given[:, :, column]
        total = total + ops.square(ops.expand_dims(value, 2) - ops.expand_dims(value, 1))
    return total


def _distances_of_features(x, mask):
    """The same by a product of matrices, about the mean of the jet, where less is lost by rounding."""
    mean = ops.sum(x, axis=1, keepdims=True) / ops.maximum(ops.sum(mask, axis=1, keepdims=True), 1.0)
    x = (x - mean) * mask
    squares = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return squares - 2 * ops.matmul(x, ops.transpose(x, (0, 2, 1))) + ops.transpose(squares, (0, 2, 1))


def _dense(x, mask, width, *, name):
    x = keras.layers.Dense(width, use_bias=False, name=name)(x)
    return keras.layers.Activation("relu", name=f"{name}_activation")(_batch_norm(x, mask, name=name))


def _batch_norm(x, mask, *, name):
    mask = ops.squeeze(mask, axis=-1) if len(mask.shape) == len(x.shape) else mask
    return keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_batch_norm")(x, mask=mask)


def _columns(spec, names):
    for name in names:
        if name not in spec.features:
            raise ValueError(f"particlenet needs {name!r} as a coordinate; {spec.name!r} has {', '.join(spec.features)}")
    return [spec.features.index(name) for name in names]


def _particles(inputs):
    """The input tensors, the particles as given and normalised, 0 where there is none, and the mask with one more axis."""
    if len(inputs) != 1 or next(iter(inputs.values())).max_objects is None:
        raise ValueError(
            f"particlenet takes one padded collection, not {', '.join(inputs)}; give it features and max_objects"
        )
    (spec,) = inputs.values()
    given = keras.Input(spec.shape, name=spec.name)
    mask = keras.Input(spec.shape[:1], name=f"{spec.name}_mask")
    is_particle = ops.expand_dims(mask, axis=-1)
    particles = keras.layers.Rescaling(spec.scale, spec.offset, name="normalised")(given) * is_particle
    return {spec.name: given, f"{spec.name}_mask": mask}, given * is_particle, particles, is_particle
