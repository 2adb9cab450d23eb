"""Feed-forward network on flat inputs."""

from __future__ import annotations

import keras


def build(
    inputs,
    outputs,
    *,
    units=(128, 128, 64),
    activation="relu",
    dropout=0.0,
    l2=0.0,
    batch_norm=False,
) -> keras.Model:
    """Dense layers, one after the other.

    Input shape: (batch, n_features) for each of *inputs*; several are joined. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, the tensors with their scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        units: width of each hidden layer.
        activation: of the hidden layers, any name that Keras knows, such as relu, leaky_relu, tanh, elu, gelu.
        dropout: fraction of each hidden layer's outputs that is dropped in training.
        l2: penalty on the squared weights of the hidden layers.
        batch_norm: normalise each hidden layer over the batch, before its activation (arXiv:1502.03167).

    Raises:
        ValueError: an input is a padded collection.
    """
    tensors = {name: keras.Input(spec.shape, name=name) for name, spec in inputs.items()}
    x = _joined([_normalised(tensors[name], spec) for name, spec in inputs.items()])
    for step, width in enumerate(units, start=1):
        x = keras.layers.Dense(
            width,
            # A bias before batch normalisation is taken out again by it.
            use_bias=not batch_norm,
            kernel_regularizer=keras.regularizers.L2(l2) if l2 else None,
            name=f"hidden_{step}",
        )(x)
        if batch_norm:
            x = keras.layers.BatchNormalization(name=f"batch_norm_{step}")(x)
        x = keras.layers.Activation(activation, name=f"activation_{step}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, name=f"dropout_{step}")(x)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(x)
    return keras.Model(tensors, output, name="dnn")


def _normalised(tensor, spec):
    if spec.kind != "flat":
        raise ValueError(
            f"dnn takes flat inputs, {spec.name!r} is a {spec.kind} collection; choose a sequence model or one of images"
        )
    return keras.layers.Rescaling(spec.scale, spec.offset, name=f"normalised_{spec.name}")(tensor)


def _joined(tensors):
    return tensors[0] if len(tensors) == 1 else keras.layers.Concatenate(name="joined")(tensors)
