"""Deep sets: every particle of a jet is mapped by itself, and what comes out is added up."""

from __future__ import annotations

import keras


def build(
    inputs,
    outputs,
    *,
    particle_units=(100, 100, 256),
    units=(100, 100, 100),
    activation="relu",
    dropout=0.0,
    scale=0.02,
) -> keras.Model:
    """Particle-flow network: F(scale · Σ Φ(particle)); the order of the particles does not matter.

    Input shape: (batch, n_particles, n_features) and a mask (batch, n_particles), for one padded collection. Output shape:
    (batch, n_outputs).

    Args:
        inputs: by name, one padded collection with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        particle_units: width of each layer of Φ; the last is what is added up.
        units: width of each hidden layer of F.
        activation: of all hidden layers.
        dropout: fraction of the outputs of each hidden layer of F that is dropped in training.
        scale: factor of the sum, about one over the number of particles, so that a training begins with small numbers.

    Raises:
        ValueError: the input is not one padded collection.

    Source: arXiv:1810.05165, section 4.
    """
    tensors, x, is_particle = _particles(inputs)
    for step, width in enumerate(particle_units, start=1):
        x = keras.layers.Dense(width, activation=activation, kernel_initializer="he_uniform", name=f"particle_{step}")(x)
    x = keras.ops.sum(x * is_particle, axis=1) * scale
    for step, width in enumerate(units, start=1):
        x = keras.layers.Dense(width, activation=activation, kernel_initializer="he_uniform", name=f"hidden_{step}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model(tensors, output, name="pfn")


def _particles(inputs):
    """The input tensors, the normalised particles with 0 where there is none, and the mask with a last axis of 1."""
    if len(inputs) != 1 or next(iter(inputs.values())).max_objects is None:
        raise ValueError(f"pfn takes one padded collection, not {', '.join(inputs)}; give it features and max_objects")
    (spec,) = inputs.values()
    given = keras.Input(spec.shape, name=spec.name)
    mask = keras.Input(spec.shape[:1], name=f"{spec.name}_mask")
    is_particle = keras.ops.expand_dims(mask, axis=-1)
    particles = keras.layers.Rescaling(spec.scale, spec.offset, name="normalised")(given) * is_particle
    return {spec.name: given, f"{spec.name}_mask": mask}, particles, is_particle
