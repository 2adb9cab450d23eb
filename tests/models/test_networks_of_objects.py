"""What all networks of objects have in common: heads, masks, saving, and the same answers as ONNX."""

import numpy as np
import pytest

from pipeline.learning.export import export_onnx
from pipeline.learning.predictor import OnnxPredictor
from tests.models.objects import ask, build, events, inputs, keras, outputs, shake, spec, train

SMALL = {
    "blstm": {"dense_before": [12], "lstm": [5, 4], "dense_after": [8, 6], "activation_after": ["relu", "elu"]},
    "attention_blstm": {"dense_before": [12], "lstm": [6], "dense_after": [8], "heads": 2},
    "set_transformer": {"width": 12, "embedding": [10], "blocks": 2, "heads": 3},
}
CASES = {
    "blstm, published readout": ("blstm", {}),
    "blstm, mean": ("blstm", {"readout": "mean"}),
    "lstm": ("blstm", {"bidirectional": False}),
    "attention_blstm": ("attention_blstm", {}),
    "set_transformer": ("set_transformer", {"decoder_blocks": 2}),
}
HEADS = {"both": ("momenta", "assignment"), "classes": ()}
every_case = pytest.mark.parametrize(("name", "options"), CASES.values(), ids=CASES)
every_head = pytest.mark.parametrize("heads", HEADS.values(), ids=HEADS)
# Those that skip padded rows; in the published readout they take part, as rows of zeros.
MASKING = {name: case for name, case in CASES.items() if name not in ("blstm, published readout", "lstm")}
masking = pytest.mark.parametrize(("name", "options"), MASKING.values(), ids=MASKING)


def small(name, options, gives, **more):
    return build(name, gives, **{**SMALL[name], **options}, **more)


def chances(answers, n_columns=5):
    """The assignment among *answers*, which comes last, shape (n_events, n_partons, n_columns)."""
    return answers[:, -4 * n_columns :].reshape(-1, 4, n_columns)


@every_head
@every_case
def test_outputs_have_the_shape_and_activation_of_their_heads(name, options, heads):
    gives, tensors = outputs(*heads), events()
    answers = ask(small(name, options, gives), tensors)

    assert answers.shape == (24, gives.size)
    if not heads:
        np.testing.assert_allclose(answers.sum(axis=1), 1, atol=1e-6)
    if "assignment" in heads:
        np.testing.assert_allclose(chances(answers).sum(axis=2), 1, atol=1e-6)
        missing = np.broadcast_to(tensors["jets_mask"][:, np.newaxis] == 0, (24, 4, 5))
        assert missing.any()
        assert (chances(answers)[missing] == 0).all()


@pytest.mark.slow
@every_case
def test_onnx_answers_as_keras(name, options, tmp_path):
    gives = outputs("momenta", "assignment")
    model = small(name, options, gives)
    shake(model)

    export_onnx(model, tmp_path / "model.onnx", events())

    other = events(1100, least=0, seed=6)
    np.testing.assert_allclose(OnnxPredictor(tmp_path / "model.onnx").predict(other), ask(model, other), atol=1e-5, rtol=0)


@pytest.mark.slow
@every_case
def test_training_lowers_the_loss_and_a_saved_model_answers_the_same(name, options, tmp_path):
    gives, tensors = outputs("momenta", "assignment"), events()
    model = small(name, options, gives)

    losses = train(model, gives, steps=4)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

    assert losses[-1] < losses[0]
    np.testing.assert_array_equal(ask(model, tensors), ask(loaded, tensors))


@pytest.mark.slow
@every_case
def test_the_same_seed_gives_the_same_weights(name, options):
    first, again, other = (small(name, options, outputs("momenta"), seed=seed).get_weights() for seed in (3, 3, 4))

    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@every_case
def test_nothing_in_the_padding_is_seen(name, options):
    gives, tensors = outputs("momenta", "assignment"), events()
    model = small(name, options, gives)
    shake(model)
    noise = np.random.default_rng(2).normal(0, 1e3, size=tensors["jets"].shape).astype(np.float32)
    dirty = np.where(tensors["jets_mask"][..., np.newaxis] == 0, noise, tensors["jets"])

    assert not np.array_equal(dirty, tensors["jets"])
    np.testing.assert_array_equal(ask(model, tensors), ask(model, {**tensors, "jets": dirty}))


@masking
def test_more_padding_changes_nothing(name, options):
    """The same events with room for nine jets, through the same weights."""
    tensors = events()
    model = small(name, options, outputs("momenta", "assignment"))
    shake(model)
    longer = small(name, options, outputs("momenta", "assignment", max_jets=9), given=inputs(9))
    longer.set_weights(model.get_weights())
    room = {
        **tensors,
        "jets": np.pad(tensors["jets"], ((0, 0), (0, 4), (0, 0))),
        "jets_mask": np.pad(tensors["jets_mask"], ((0, 0), (0, 4))),
    }

    answers, others = ask(model, tensors), ask(longer, room)

    np.testing.assert_allclose(answers[:, :18], others[:, :18], atol=2e-5)
    np.testing.assert_allclose(chances(answers), chances(others, 9)[:, :, :5], atol=1e-5)
    assert (chances(others, 9)[:, :, 5:] == 0).all()


@masking
def test_the_padding_of_one_event_does_not_change_how_others_are_trained(name, options):
    """Batch normalisation counts rows that are there: with more padding, a step gives the same weights."""
    weights = []
    for max_jets in (5, 9):
        gives = outputs("momenta", max_jets=max_jets)
        model = small(name, {**options, "dropout": 0.0}, gives, given=inputs(max_jets))
        model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", run_eagerly=True, jit_compile=False)
        tensors = events()
        tensors["jets"] = np.pad(tensors["jets"], ((0, 0), (0, max_jets - 5), (0, 0)))
        tensors["jets_mask"] = np.pad(tensors["jets_mask"], ((0, 0), (0, max_jets - 5)))
        model.train_on_batch(tensors, np.ones((24, 18), np.float32))
        weights.append(model.get_weights())

    for first, second in zip(*weights, strict=True):
        np.testing.assert_allclose(first, second, atol=2e-6)


@every_case
def test_an_event_without_jets_has_finite_answers(name, options):
    tensors = events()
    none = {**tensors, "jets": 0 * tensors["jets"], "jets_mask": 0 * tensors["jets_mask"]}

    answers = ask(small(name, options, outputs("momenta", "assignment")), none)

    assert np.isfinite(answers).all()
    assert (chances(answers) == 0).all()


@every_case
def test_an_assignment_over_an_unknown_collection_is_refused(name, options):
    given = {"lepton": spec("lepton", ("px", "py", "pz"))}

    with pytest.raises(ValueError, match="head 'assignment' asks for objects of 'jets', which is no padded collection"):
        small(name, options, outputs("assignment"), given=given)
