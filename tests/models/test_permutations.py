"""The network of permutations: what it knows of each assignment, and that all of them add up."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import permutations as network
from pipeline.learning.export import export_onnx
from pipeline.learning.predictor import OnnxPredictor
from pipeline.physics.kinematics import Momentum
from pipeline.physics.neutrino import neutrino_momentum, neutrino_pz
from pipeline.stream.spec import Head, InputSpec, OutputSpec
from tests.models.objects import ask, build, keras, outputs, shake

MAX_JETS = 6
P = ("px", "py", "pz", "energy")
ROWS = ("b_had", "q1", "q2", "b_lep")
# Places of features in what the dense layers see.
M_W, M_TOP, NEAR, FAR, TAG_HAD, TAG_LEP, N_JETS = 0, 1, 3, 4, 17, 18, -1


def inputs(max_jets=MAX_JETS):
    return {
        "jets": InputSpec.without_scales("jets", (*P, "btag"), max_jets),
        "lepton": InputSpec.without_scales("lepton", P),
        "met": InputSpec.without_scales("met", ("px", "py")),
    }


def assignment(max_jets=MAX_JETS, rows=ROWS):
    head = Head("assignment", rows, tuple(map(str, range(max_jets))), "softmax", "jets")
    return OutputSpec(head.names, "softmax", (head,))


def momenta(rng, *shape):
    """Massive momenta of some ten GeV."""
    p = rng.normal(0, 40, size=(*shape, 3))
    mass = rng.uniform(1, 15, size=shape)
    return np.concatenate([p, np.sqrt((p**2).sum(axis=-1) + mass**2)[..., np.newaxis]], axis=-1).astype(np.float32)


def events(n_events=24, *, least=2, max_jets=MAX_JETS, seed=3):
    rng = np.random.default_rng(seed)
    mask = (np.arange(max_jets) < rng.integers(least, max_jets + 1, size=(n_events, 1))).astype(np.float32)
    jets = np.concatenate([momenta(rng, n_events, max_jets), rng.uniform(size=(n_events, max_jets, 1))], axis=-1)
    return {
        "jets": (jets * mask[..., np.newaxis]).astype(np.float32),
        "jets_mask": mask,
        "lepton": momenta(rng, n_events),
        "met": rng.normal(0, 40, size=(n_events, 2)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def model():
    made = build("permutations", assignment(), given=inputs(), units=[12, 8])
    shake(made)
    return made


def chances(answers, max_jets=MAX_JETS):
    return answers.reshape(-1, 4, max_jets)


def known(tensors, n_jets=MAX_JETS):
    """What the dense layers see before normalisation, shape (n_events, n_choices, n_features)."""
    jets = tensors["jets"]
    event = network._Event(jets[..., :4], jets[..., 4] * tensors["jets_mask"], tensors["lepton"], list(tensors["met"].T))
    features = network._features(event, tensors["jets_mask"], network.assignments(n_jets), 80.4, 172.5)
    return keras.ops.convert_to_numpy(features)


@pytest.mark.parametrize(("n_jets", "n_choices"), [(4, 12), (5, 60), (6, 180), (7, 420)])
def test_there_are_as_many_assignments_as_choices_of_four_jets(n_jets, n_choices):
    choices = network.assignments(n_jets)
    by_hand = {(b, *sorted((q, p)), c) for b, q, p, c in permutations(range(n_jets), 4)}

    assert len(choices) == len({tuple(choice) for choice in choices.tolist()}) == n_choices
    assert {tuple(choice) for choice in choices.tolist()} == by_hand


def test_masses_and_tags_are_those_of_the_loop_over_assignments():
    tensors = events(6, least=MAX_JETS)
    features = known(tensors)

    for event in range(6):
        jets = tensors["jets"][event].astype(np.float64)
        lepton = Momentum(*tensors["lepton"][event].astype(np.float64))
        met = tensors["met"][event].astype(np.float64)
        solutions = neutrino_momentum(*met, neutrino_pz(lepton, *met, w_mass=80.4))
        for choice, (b_had, q1, q2, b_lep) in enumerate(network.assignments(MAX_JETS)):
            w = Momentum(*(jets[q1, :4] + jets[q2, :4]))
            top = w + Momentum(*jets[b_had, :4])
            leptonic = np.log((lepton + solutions + Momentum(*jets[b_lep, :4])).mass / 172.5)
            near, far = sorted(leptonic.tolist(), key=abs)
            row = features[event, choice]

            np.testing.assert_allclose(row[[M_W, M_TOP]], np.log([w.mass / 80.4, top.mass / 172.5]), atol=2e-3)
            np.testing.assert_allclose(row[[NEAR, FAR]], [near, far], atol=2e-3)
            np.testing.assert_allclose(row[[TAG_HAD, TAG_LEP]], jets[[b_had, b_lep], 4], rtol=1e-5)
            assert row[N_JETS] == MAX_JETS


@settings(max_examples=20)
@given(angle=st.floats(-3, 3), side=st.sampled_from([-1.0, 1.0]))
def test_turning_and_mirroring_the_event_change_nothing_that_is_seen(angle, side):
    tensors = events(8, least=MAX_JETS)
    turned = {name: np.array(tensor, dtype=np.float64) for name, tensor in tensors.items()}
    for name in ("jets", "lepton", "met"):
        px, py = tensors[name][..., 0].astype(np.float64), tensors[name][..., 1].astype(np.float64)
        turned[name][..., 0] = np.cos(angle) * px - np.sin(angle) * py
        turned[name][..., 1] = np.sin(angle) * px + np.cos(angle) * py
        if name != "met":
            turned[name][..., 2] *= side

    first = known({name: np.asarray(tensor, dtype=np.float64) for name, tensor in tensors.items()})

    np.testing.assert_allclose(known(turned), first, atol=5e-3)


def test_probabilities_add_up_and_padding_has_none(model):
    tensors = events()
    found = chances(ask(model, tensors))
    enough = tensors["jets_mask"].sum(axis=1) >= 4

    assert 0 < enough.sum() < 24
    np.testing.assert_allclose(found[enough].sum(axis=2), 1, atol=1e-5)
    assert (found[~enough] == 0).all()
    assert (found[np.broadcast_to(tensors["jets_mask"][:, np.newaxis] == 0, found.shape)] == 0).all()
    # No jet is two quarks at once.
    assert (found.sum(axis=1) <= 1 + 1e-5).all()


@settings(max_examples=10)
@given(order=st.permutations(range(MAX_JETS)))
def test_permuted_jets_are_assigned_alike(order, model):
    """The two quarks of the W boson are told apart by their place alone."""
    tensors = events(least=4)
    permuted = {**tensors, "jets": tensors["jets"][:, order], "jets_mask": tensors["jets_mask"][:, order]}

    found, other = chances(ask(model, tensors)), chances(ask(model, permuted))

    np.testing.assert_allclose(found[:, [0, 3]][:, :, order], other[:, [0, 3]], atol=1e-4)
    np.testing.assert_allclose((found[:, 1] + found[:, 2])[:, order], other[:, 1] + other[:, 2], atol=1e-4)


def test_more_padding_changes_nothing(model):
    tensors = events(least=4)
    longer = build("permutations", assignment(8), given=inputs(8), units=[12, 8])
    longer.set_weights(model.get_weights())
    room = {
        **tensors,
        "jets": np.pad(tensors["jets"], ((0, 0), (0, 2), (0, 0))),
        "jets_mask": np.pad(tensors["jets_mask"], ((0, 0), (0, 2))),
    }

    found = chances(ask(longer, room), 8)

    np.testing.assert_allclose(found[:, :, :MAX_JETS], chances(ask(model, tensors)), atol=1e-5)
    assert (found[:, :, MAX_JETS:] == 0).all()


def test_only_the_first_jets_are_assigned():
    model = build("permutations", assignment(), given=inputs(), units=[8], max_jets=5)

    assert (chances(ask(model, events()))[:, :, 5] == 0).all()


def test_partons_come_in_the_order_that_is_asked_for(model):
    rows = ("b_lep", "q1", "q2", "b_had")
    other = build("permutations", assignment(rows=rows), given=inputs(), units=[12, 8])
    other.set_weights(model.get_weights())
    tensors = events()

    np.testing.assert_array_equal(chances(ask(other, tensors)), chances(ask(model, tensors))[:, [3, 1, 2, 0]])


@pytest.mark.slow
def test_onnx_answers_as_keras_and_training_lowers_the_loss(tmp_path):
    model = build("permutations", assignment(), given=inputs(), units=[12, 8], dropout=0.1)
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="mse", run_eagerly=True, jit_compile=False)
    tensors, wanted = events(), np.tile(np.eye(MAX_JETS, dtype=np.float32)[:4].reshape(1, -1), (24, 1))
    losses = [float(model.train_on_batch(tensors, wanted)) for _ in range(6)]

    export_onnx(model, tmp_path / "model.onnx", tensors)
    other = events(1100, least=0, seed=6)

    assert losses[-1] < losses[0]
    np.testing.assert_allclose(OnnxPredictor(tmp_path / "model.onnx").predict(other), ask(model, other), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("given", "gives", "message"),
    [
        ({"lepton": inputs()["lepton"], "met": inputs()["met"]}, assignment(), "jets is missing"),
        ({**inputs(), "lepton": InputSpec.without_scales("lepton", ("px",))}, assignment(), "needs lepton.py"),
        (inputs(3), assignment(3), "raise max_objects"),
        (inputs(), outputs("momenta", "assignment"), r"set heads: \[assignment\]"),
    ],
    ids=["no jets", "no momentum", "little room", "momenta"],
)
def test_what_does_not_fit_is_refused(given, gives, message):
    with pytest.raises(ValueError, match=message):
        build("permutations", gives, given=given)
