"""Particle transformer: attention between the particles of a jet, with a bias from what each pair of them is like."""

from __future__ import annotations

import keras
from keras import ops

from models.layers.attention import NEVER, attended

# Below this a logarithm of a pair ends.
SMALLEST = 1e-8
# Of batch normalisation, as PyTorch has it; with Keras' 0.99 the moving means of a small sample lag behind for epochs.
MOMENTUM = 0.9


def build(
    inputs,
    outputs,
    *,
    coordinates=("eta_rel", "phi_rel", "log_pt"),
    embedding=(128, 512, 128),
    pair_embedding=(64, 64, 64),
    heads=8,
    layers=8,
    class_layers=2,
    expansion=4,
    dropout=0.1,
) -> keras.Model:
    """Attention blocks between particles, then blocks in which one class token looks at them.

    Padding is not attended to, and counts in no normalisation. The order of the particles does not matter.

    Input shape: (batch, n_particles, n_features) and a mask (batch, n_particles), for one padded collection. Output shape:
    (batch, n_outputs).

    Args:
        inputs: by name, one padded collection with its scales (`pipeline.stream.spec.InputSpec`).
        outputs: names and activation of the last layer (`pipeline.stream.spec.OutputSpec`).
        coordinates: the features that hold η and φ [rad] from the axis of the jet, and the logarithm of pt [GeV].
        embedding: width of each layer on the particles before the first block; the last is that of all blocks.
        pair_embedding: width of each layer on the pairs.
        heads: of the attention.
        layers: blocks between particles.
        class_layers: blocks of the class token.
        expansion: how much wider the dense layer inside a block is.
        dropout: fraction that is dropped in training, in the blocks between particles.

    Raises:
        ValueError: the input is not one padded collection, has no such coordinate, or the heads do not share the width.

    Source: arXiv:2202.03772, figure 3 and equation 3, with pairs of particles without mass.
    """
    tensors, given, x, mask = _particles(inputs)
    (spec,) = inputs.values()
    if embedding[-1] % heads:
        raise ValueError(f"particle_transformer cannot share a width of {embedding[-1]} between {heads} heads; change one")
    x = _embedded(x, mask, embedding)
    bias = _pair_bias(given, mask, _columns(spec, coordinates), (*pair_embedding, heads))
    bias = bias + _never(mask)
    for number in range(1, layers + 1):
        x = _block(x, x, bias, heads=heads, expansion=expansion, dropout=dropout, name=f"block_{number}") * mask
    token = keras.layers.Embedding(1, embedding[-1], name="class_token")(ops.zeros_like(mask[:, :1, 0], dtype="int32"))
    bias = _never(ops.concatenate([ops.ones_like(mask[:, :1]), mask], axis=1))
    for number in range(1, class_layers + 1):
        token = _block(token, x, bias, heads=heads, expansion=expansion, dropout=0.0, name=f"class_{number}", joined=True)
    token = keras.layers.LayerNormalization(name="last_norm")(token)
    output = keras.layers.Dense(outputs.size, activation=outputs.activation, name="output")(token[:, 0])
    return keras.Model(tensors, output, name="particle_transformer")


def _embedded(x, mask, widths):
    x = keras.layers.BatchNormalization(momentum=MOMENTUM, name="input_batch_norm")(x, mask=ops.squeeze(mask, axis=-1))
    for step, width in enumerate(widths, start=1):
        x = keras.layers.LayerNormalization(name=f"embedding_{step}_norm")(x)
        x = keras.layers.Dense(width, activation="gelu", name=f"embedding_{step}")(x)
    return x * mask


def _pair_bias(given, mask, columns, widths):
    """A number for each head and pair of particles, (batch, heads, n, n)."""
    is_pair = ops.squeeze(mask, axis=-1)
    is_pair = ops.expand_dims(is_pair, 2) * ops.expand_dims(is_pair, 1)
    x = keras.layers.BatchNormalization(momentum=MOMENTUM, name="pair_batch_norm")(
        _pair_features(given, columns), mask=is_pair
    )
    for step, width in enumerate(widths, start=1):
        x = keras.layers.Dense(width, name=f"pair_{step}")(x)
        x = keras.layers.BatchNormalization(momentum=MOMENTUM, name=f"pair_{step}_batch_norm")(x, mask=is_pair)
        if step < len(widths):
            x = keras.layers.Activation("gelu", name=f"pair_{step}_activation")(x)
    return ops.transpose(x, (0, 3, 1, 2))


def _pair_features(given, columns):
    """ln ΔR, ln kT, ln z and ln m² of each pair, (batch, n, n, 4): arXiv:2202.03772, equation 3."""
    eta, phi, log_pt = (given[:, :, column] for column in columns)
    pt = ops.exp(log_pt)
    delta_eta, delta_phi = _difference(eta), _difference(phi)
    pt_1, pt_2 = ops.expand_dims(pt, 2), ops.expand_dims(pt, 1)
    smaller, total = ops.minimum(pt_1, pt_2), pt_1 + pt_2
    delta_r = ops.sqrt(ops.square(delta_eta) + ops.square(delta_phi) + SMALLEST**2)
    # cosh Δη - cos Δφ, without the difference of two numbers near 1.
    opening = 2 * (ops.square(ops.sinh(delta_eta / 2)) + ops.square(ops.sin(delta_phi / 2)))
    features = (delta_r, smaller * delta_r, smaller / total, 2 * pt_1 * pt_2 * opening)
    return ops.stack([ops.log(ops.maximum(feature, SMALLEST)) for feature in features], axis=-1)


def _difference(values):
    return ops.expand_dims(values, 2) - ops.expand_dims(values, 1)


def _never(mask):
    """0 for a particle and very low for padding, (batch, 1, 1, n)."""
    return NEVER * (1 - ops.transpose(ops.expand_dims(mask, 1), (0, 1, 3, 2)))


def _block(x, others, bias, *, heads, expansion, dropout, name, joined=False):
    """Attention of *x* to *others*, if *joined* to itself as well, and a dense layer, each beside a shortcut."""
    width = x.shape[-1]
    keys = ops.concatenate([x, others], axis=1) if joined else others
    keys = keras.layers.LayerNormalization(name=f"{name}_norm")(keys)
    seen = _attention(x if joined else keys, keys, bias, heads=heads, dropout=dropout, name=f"{name}_attention")
    seen = keras.layers.LayerNormalization(name=f"{name}_attention_norm")(seen)
    x = x + keras.layers.Dropout(dropout, name=f"{name}_attention_dropout")(seen)
    inner = keras.layers.LayerNormalization(name=f"{name}_dense_norm")(x)
    inner = keras.layers.Dense(expansion * width, activation="gelu", name=f"{name}_wide")(inner)
    inner = keras.layers.Dropout(dropout, name=f"{name}_wide_dropout")(inner)
    inner = keras.layers.LayerNormalization(name=f"{name}_wide_norm")(inner)
    inner = keras.layers.Dense(width, name=f"{name}_narrow")(inner)
    inner = keras.layers.Dropout(dropout, name=f"{name}_narrow_dropout")(inner)
    return inner + _scaled(x, "bnc,c->bnc", name=f"{name}_shortcut")


def _attention(queries, keys, bias, *, heads, dropout, name):
    width = queries.shape[-1]
    found = attended(queries, keys, bias, heads=heads, dropout=dropout, name=name)
    found = keras.layers.Dense(width, name=f"{name}_output")(found)
    found = ops.reshape(found, (-1, queries.shape[1], heads, width // heads))
    return ops.reshape(_scaled(found, "bnhd,h->bnhd", name=f"{name}_heads"), (-1, queries.shape[1], width))


def _scaled(x, equation, *, name):
    """Learned factors, 1 at the beginning."""
    return keras.layers.EinsumDense(equation, x.shape[1:], kernel_initializer="ones", name=name)(x)


def _columns(spec, names):
    for name in names:
        if name not in spec.features:
            raise ValueError(
                f"particle_transformer needs {name!r} as a coordinate; {spec.name!r} has {', '.join(spec.features)}"
            )
    return [spec.features.index(name) for name in names]


def _particles(inputs):
    """The input tensors, the particles as given and normalised, 0 where there is none, and the mask with one more axis."""
    if len(inputs) != 1 or next(iter(inputs.values())).max_objects is None:
        raise ValueError(
            f"particle_transformer takes one padded collection, not {', '.join(inputs)}; give it features and max_objects"
        )
    (spec,) = inputs.values()
    given = keras.Input(spec.shape, name=spec.name)
    mask = keras.Input(spec.shape[:1], name=f"{spec.name}_mask")
    is_particle = ops.expand_dims(mask, axis=-1)
    particles = keras.layers.Rescaling(spec.scale, spec.offset, name="normalised")(given) * is_particle
    return {spec.name: given, f"{spec.name}_mask": mask}, given * is_particle, particles, is_particle
