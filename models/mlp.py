"""Dense layers on the particles of a jet, one after the other as one long row of numbers."""

from __future__ import annotations

import keras


def build(inputs, outputs, *, units=(1024, 256, 256), activation="relu", dropout=0.0) -> keras.Model:
    """Feed-forward network that knows each particle by its place in the row only.

    Input shape: (batch, n_particles, n_features) and a mask (batch, n_particles), for one padded collection. Output shape:
    (batch, n_outputs).

    Args:
        inputs: by name, one padded collection with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        units: width of each hidden layer.
        activation: of the hidden layers.
        dropout: fraction of each hidden layer's outputs that is dropped in training.

    Raises:
        ValueError: the input is not one padded collection.

    Source: CMS Machine Learning Documentation, jet tagging with ParticleNet: 100 particles of four features, 739,330
    parameters.
    """
    tensors, particles, _ = _particles(inputs)
    x = keras.layers.Flatten(name="row")(particles)
    for step, width in enumerate(units, start=1):
        x = keras.layers.Dense(width, activation=activation, name=f"hidden_{step}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model(tensors, output, name="mlp")


def _particles(inputs):
    """The input tensors, the normalised particles with 0 where there is none, and the mask with a last axis of 1."""
    if len(inputs) != 1 or next(iter(inputs.values())).max_objects is None:
        raise ValueError(f"mlp takes one padded collection, not {', '.join(inputs)}; give it features and max_objects")
    (spec,) = inputs.values()
    given = keras.Input(spec.shape, name=spec.name)
    mask = keras.Input(spec.shape[:1], name=f"{spec.name}_mask")
    is_particle = keras.ops.expand_dims(mask, axis=-1)
    particles = keras.layers.Rescaling(spec.scale, spec.offset, name="normalised")(given) * is_particle
    return {spec.name: given, f"{spec.name}_mask": mask}, particles, is_particle
