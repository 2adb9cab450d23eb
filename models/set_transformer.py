"""Transformer over the set of objects of an event: their order means nothing to it."""

from __future__ import annotations

import keras
from keras import ops

from models.layers.attention import attention_block
from models.layers.heads import answers
from models.layers.rows import input_tensors, scaled


def build(
    inputs,
    outputs,
    *,
    width=96,
    embedding=(96,),
    blocks=4,
    heads=4,
    widen=2,
    decoder_blocks=1,
    dropout=0.0,
) -> keras.Model:
    """Self-attention among lepton, missing momentum and jets; learned questions then ask them for what is to be answered.

    Each flat collection and each padded object is a token. If the objects of a collection are permuted, momenta and classes
    stay as they are, and the columns of an assignment are permuted in the same way. Padding is never looked at.

    Input shape: (batch, n_features) or (batch, max_objects, n_features) for each of *inputs*, and (batch, max_objects) for
    the masks. Output shape: (batch, n_outputs).

    Args:
        inputs: by name, the tensors with their scales (`pipeline.stream.spec.InputSpec`).
        outputs: the heads that are to be answered (`pipeline.stream.spec.OutputSpec`).
        width: of a token.
        embedding: widths of the dense layers before a token has its width, the same for all objects of a collection.
        blocks: of self-attention among the tokens.
        heads: of the attention; they divide *width*.
        widen: the inner layer of a block is so many times as wide as a token.
        decoder_blocks: of attention from the questions, one for each row of momenta, to the tokens; at least 1.
        dropout: fraction that is dropped in training, of each part of a block.

    Raises:
        ValueError: *heads* do not divide *width*, or *decoder_blocks* is 0.

    Source: Lee et al., arXiv:1810.00825: blocks of self-attention (eq. 7) and pooling by learned seeds (eq. 11); the blocks
    are normalised as in `models.layers.attention`.
    """
    if decoder_blocks < 1:
        raise ValueError(f"decoder_blocks is {decoder_blocks}; give 1 or more")
    tensors = input_tensors(inputs)
    tokens, mask, places = _tokens(tensors, inputs, (*embedding, width))
    block = {"heads": heads, "widen": widen, "dropout": dropout}
    for step in range(1, blocks + 1):
        tokens = attention_block(tokens, tokens, mask, name=f"block_{step}", **block)

    def asked(n_questions, name):
        """What the tokens say to learned questions, shape (batch, n_questions, width)."""
        x = _questions(tokens, n_questions, name)
        for step in range(1, decoder_blocks + 1):
            x = attention_block(x, tokens, mask, name=f"{name}_{step}", **block)
        return keras.layers.LayerNormalization(name=f"{name}_norm")(x)

    momenta = outputs.head("momenta")
    last = keras.layers.LayerNormalization(name="tokens_norm")(tokens)
    output = answers(
        outputs,
        summary=lambda: asked(1, "question")[:, 0],
        objects={name: (last[:, place], mask[:, place]) for name, place in places.items()},
        rows=asked(len(momenta[0].rows), "questions") if momenta is not None else None,
    )
    return keras.Model(tensors, output, name="set_transformer")


def _tokens(tensors, inputs, widths):
    """All tokens, shape (batch, n_tokens, width), which there are, and by padded collection where they are."""
    tokens, masks, places, first = [], [], {}, 0
    for name, spec in inputs.items():
        x = scaled(tensors[name], spec)
        x = x if spec.max_objects is not None else ops.expand_dims(x, 1)
        mask = tensors[f"{name}_mask"] if spec.max_objects is not None else ops.ones_like(x[:, :, 0])
        x = x * ops.expand_dims(mask, -1)
        for step, width in enumerate(widths, start=1):
            activation = "gelu" if step < len(widths) else None
            x = keras.layers.Dense(width, activation=activation, name=f"embedded_{name}_{step}")(x)
        tokens.append(x)
        masks.append(mask)
        if spec.max_objects is not None:
            places[name] = slice(first, first + spec.max_objects)
        first += x.shape[1]
    return ops.concatenate(tokens, axis=1), ops.concatenate(masks, axis=1), places


def _questions(tokens, n_questions, name):
    """Learned vectors, the same for every event, shape (batch, n_questions, width)."""
    one = ops.ones_like(tokens[:, :1, 0])
    width = tokens.shape[-1]
    table = keras.layers.Dense(n_questions * width, use_bias=False, name=name)(one)
    return ops.reshape(table, (-1, n_questions, width))
