"""Turned training events: what stays, what turns, and that it depends on nothing but event and epoch."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.config import Sequence
from pipeline.physics.kinematics import delta_phi
from pipeline.stream.augment import turned_inputs, turned_truth, turns_of
from pipeline.stream.truth import in_coordinates

BOTH = ("rotate_phi", "reflect_eta")
COLLECTIONS = {"lepton": ("px", "py", "pz", "pt"), "jets": Sequence(features=("pt", "eta", "phi"), max_objects=3)}


def events(n, seed=0):
    """Inputs and truth in which the lepton is the top: they must stay together."""
    rng = np.random.default_rng(seed)
    top = np.stack([rng.exponential(50, n), rng.normal(0, 1, n), rng.uniform(-3, 3, n), np.full(n, 172.5)], axis=1)
    mask = (np.arange(3) < rng.integers(0, 4, n)[:, np.newaxis]).astype(np.float32)
    jets = rng.normal(1, 1, (n, 3, 3)).astype(np.float32) * mask[..., np.newaxis]
    lepton = in_coordinates(top, ("px", "py", "pz", "pt")).astype(np.float32)
    keys = rng.integers(0, 2**63, n).astype(np.uint64)
    return keys, {"lepton": lepton, "jets": jets, "jets_mask": mask}, {"top": top.astype(np.float32), "n": np.arange(n)}


def turned(keys, tensors, truth, *, epoch=1, names=BOTH):
    turns = turns_of(names, keys, seed=7, epoch=epoch)
    return turned_inputs(tensors, COLLECTIONS, turns), turned_truth(truth, ("top",), turns)


def test_inputs_and_truth_turn_together():
    keys, tensors, truth = events(200)
    inputs, targets = turned(keys, tensors, truth)
    again = in_coordinates(targets["top"].astype(np.float64), ("px", "py", "pz", "pt"))

    np.testing.assert_allclose(inputs["lepton"], again, rtol=2e-5, atol=2e-4)
    assert not np.allclose(inputs["lepton"], tensors["lepton"])


def test_what_does_not_turn_stays_as_it_is():
    keys, tensors, truth = events(50)
    inputs, targets = turned(keys, tensors, truth)

    np.testing.assert_array_equal(inputs["jets"][..., 0], tensors["jets"][..., 0])
    np.testing.assert_array_equal(np.abs(inputs["jets"][..., 1]), np.abs(tensors["jets"][..., 1]))
    np.testing.assert_array_equal(inputs["jets_mask"], tensors["jets_mask"])
    np.testing.assert_array_equal(targets["top"][:, [0, 3]], truth["top"][:, [0, 3]])
    assert targets["n"] is truth["n"]


def test_padding_stays_empty():
    keys, tensors, truth = events(100)
    inputs, _ = turned(keys, tensors, truth)

    assert not inputs["jets"][tensors["jets_mask"] == 0].any()


def test_all_objects_of_an_event_turn_by_one_angle():
    keys, tensors, truth = events(100)
    inputs, targets = turned(keys, tensors, truth, names=("rotate_phi",))
    full = tensors["jets_mask"].all(axis=1)
    by_jet = delta_phi(inputs["jets"][full, :, 2], tensors["jets"][full, :, 2])
    by_top = delta_phi(targets["top"][full, 2], truth["top"][full, 2])

    assert np.abs(delta_phi(by_jet, by_top[:, np.newaxis])).max() < 1e-5


@settings(max_examples=20)
@given(st.integers(0, 40))
def test_an_event_turns_the_same_in_any_chunk(cut):
    keys, tensors, truth = events(40)
    whole, _ = turned(keys, tensors, truth)
    parts = []
    for some in (slice(cut), slice(cut, None)):
        inputs, targets = ({name: table[some] for name, table in tables.items()} for tables in (tensors, truth))
        part, _ = turned(keys[some], inputs, targets)
        parts.append(part["lepton"])

    np.testing.assert_array_equal(np.concatenate(parts), whole["lepton"])


def test_another_epoch_turns_otherwise_and_the_same_epoch_alike():
    keys, tensors, truth = events(40)
    first, same, other = (turned(keys, tensors, truth, epoch=epoch)[0]["lepton"] for epoch in (1, 1, 2))

    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 1


def test_angles_are_uniform_and_half_of_the_events_are_mirrored():
    keys, tensors, truth = events(4000)
    _, targets = turned(keys, tensors, truth)
    angles = np.mod(delta_phi(targets["top"][:, 2], truth["top"][:, 2]), 2 * np.pi)
    mirrored = np.sign(targets["top"][:, 1]) != np.sign(truth["top"][:, 1])

    assert np.histogram(angles, bins=4, range=(0, 2 * np.pi))[0] == pytest.approx([1000] * 4, abs=110)
    assert mirrored.mean() == pytest.approx(0.5, abs=0.03)
