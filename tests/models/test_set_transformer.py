"""The set transformer: the order of the jets means nothing, and each of its options."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models.objects import ask, build, events, outputs, shake

SMALL = {"width": 12, "embedding": [10], "blocks": 2, "heads": 3}
BOTH = outputs("momenta", "assignment")


@pytest.fixture(scope="module")
def model():
    model = build("set_transformer", BOTH, **SMALL)
    shake(model)
    return model


@settings(max_examples=10)
@given(order=st.permutations(range(5)))
def test_permuted_jets_give_the_same_momenta_and_permuted_assignments(order, model):
    """Also where padding comes to stand between jets."""
    tensors = events()
    permuted = {**tensors, "jets": tensors["jets"][:, order], "jets_mask": tensors["jets_mask"][:, order]}

    answers, others = ask(model, tensors), ask(model, permuted)

    np.testing.assert_allclose(answers[:, :18], others[:, :18], atol=1e-5)
    chances, other_chances = (found[:, 18:].reshape(-1, 4, 5) for found in (answers, others))
    np.testing.assert_allclose(chances[:, :, order], other_chances, atol=1e-5)


def test_jets_do_matter(model):
    tensors = events()
    other = {**tensors, "jets": tensors["jets"] + 30 * tensors["jets_mask"][..., np.newaxis]}

    assert np.abs(ask(model, tensors) - ask(model, other)).max() > 1e-2


@pytest.mark.parametrize(
    "options",
    [{"width": 15}, {"embedding": [10, 10]}, {"blocks": 3}, {"widen": 3}, {"decoder_blocks": 2}],
    ids=str,
)
def test_each_option_changes_the_number_of_parameters(options):
    sizes = [build("set_transformer", BOTH, **{**SMALL, **more}).count_params() for more in ({}, options)]

    assert sizes[0] < sizes[1]


def test_dropout_rests_when_the_model_answers():
    tensors = events()
    model = build("set_transformer", BOTH, dropout=0.5, **SMALL)

    np.testing.assert_array_equal(ask(model, tensors), ask(model, tensors))
    assert not np.array_equal(np.asarray(model(tensors, training=True)), np.asarray(model(tensors, training=True)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"heads": 5}, "5 heads do not divide the width 12"),
        ({"decoder_blocks": 0}, "decoder_blocks is 0; give 1 or more"),
    ],
    ids=["heads", "decoder_blocks"],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build("set_transformer", BOTH, **{**SMALL, **options})
