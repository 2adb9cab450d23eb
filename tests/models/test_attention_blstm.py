"""The BLSTM with attention: each of its options, and that attention lets rows see each other."""

import numpy as np
import pytest

from tests.models.objects import ask, build, events, inputs, outputs

SMALL = {"dense_before": [12], "lstm": [6], "dense_after": [8], "heads": 2}
ASSIGNMENT = outputs("assignment")


@pytest.mark.parametrize(
    "options",
    [
        {"dense_before": [12, 10]},
        {"lstm": [6, 6]},
        {"attention": 2},
        {"attention": 0},
        {"dense_after": [8, 8]},
        {"bidirectional": False},
        {"batch_norm": False},
    ],
    ids=str,
)
def test_each_option_changes_the_number_of_parameters(options):
    sizes = [build("attention_blstm", ASSIGNMENT, **{**SMALL, **more}).count_params() for more in ({}, options)]

    assert sizes[0] != sizes[1]


def test_any_number_of_jets_is_taken():
    model = build("attention_blstm", outputs("momenta", max_jets=10), given=inputs(10), **SMALL)

    assert model.output_shape == (None, 18)


def test_attention_shows_later_rows_to_earlier_ones():
    """An LSTM that only looks back cannot tell the first jet of the last; with attention it can."""
    tensors = events(least=5)
    other = {**tensors, "jets": tensors["jets"].copy()}
    other["jets"][:, 4] += 30

    def first_row(blocks):
        """The scores of the first jet, against those of the second: the softmax over all jets drops out."""
        model = build("attention_blstm", ASSIGNMENT, bidirectional=False, attention=blocks, **SMALL)
        return [np.log(chances[:, :, 0] / chances[:, :, 1]) for chances in _chances(model, tensors, other)]

    alone, together = first_row(0), first_row(1)

    np.testing.assert_allclose(alone[0], alone[1], atol=1e-4)
    assert np.abs(together[0] - together[1]).max() > 1e-3


def _chances(model, *samples):
    return [ask(model, tensors).astype(np.float64).reshape(-1, 4, 5) for tensors in samples]


def test_heads_divide_the_width():
    with pytest.raises(ValueError, match="5 heads do not divide the width 12; choose a width that is a multiple"):
        build("attention_blstm", ASSIGNMENT, **{**SMALL, "heads": 5})
