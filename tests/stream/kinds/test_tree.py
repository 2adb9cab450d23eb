"""Trees in the stream: one shape for all jets, scales of the nodes that there are, and the same trees for any chunks."""

from typing import get_args

import awkward as ak
import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.errors import InputError
from pipeline.inputs import NodeFeature, Tree
from pipeline.physics.jet_trees import COMPONENTS, Algorithm
from pipeline.physics.selected import Cutflow, EventIds, Selected
from pipeline.physics.tree_features import FEATURES, PUBLISHED, Frame
from pipeline.stream.chunk import build_inputs
from pipeline.stream.kinds import tree
from pipeline.stream.kinds.kind import finished_all
from tests.physics.made_jets import drawn, jets

ALGORITHMS = ("kt", "cambridge_aachen", "anti_kt", "pt", "random")


def collection(**changes):
    return Tree(**{"kind": "tree", "of": "constituents", "algorithm": "kt", "max_leaves": 12, **changes})


def selected(constituents, first=0):
    """Jets of events that are numbered from *first*."""
    n = constituents.n_events
    ids = EventIds(np.ones(n, np.uint32), np.ones(n, np.uint32), np.arange(first, first + n, dtype=np.uint64))
    given = {name: ak.unflatten(constituents[name].astype(np.float32), constituents.counts) for name in COMPONENTS}
    return Selected(ids, np.ones(n), {}, Cutflow(), {"constituents": given})


def kept(constituents, one=None, *, first=0):
    return build_inputs(selected(constituents, first), {"tree": one or collection()}, place="here")


TWO = jets([(60.0, 0.0, 0.0, 0.0), (40.0, 0.2, 0.0, 0.0)], [(30.0, 1.0, 2.0, 0.0)])


def test_leaves_come_first_and_then_the_merges():
    tensors = kept(TWO, collection(features=["pt", "energy_fraction"], max_leaves=3))

    assert tensors["tree"][:, :, 0].round(3).tolist() == [[60, 40, 0, 100, 0], [30, 0, 0, 0, 0]]
    assert tensors["tree"][:, 3, 1] == pytest.approx([1, 0])
    assert tensors["tree_steps"].tolist() == [[[0, 1, 0], [0, 0, -1]], [[0, 0, -1], [0, 0, -1]]]


def test_a_model_is_told_the_shape_of_what_it_takes():
    one = collection()
    given = finished_all({"tree": one}, kept(drawn(np.random.default_rng(1), [3, 20, 1]), one))
    spec = tree.spec("tree", one, {kind: dict.fromkeys(one.features, 1.0) for kind in ("mean", "spread")})

    assert (spec.kind, spec.max_leaves, spec.features) == ("tree", 12, PUBLISHED)
    assert given["tree"].shape == (3, *spec.shape) == (3, 23, 7)
    assert given["tree_steps"].shape == (3, 11, 3)
    assert {tensor.dtype for tensor in given.values()} == {np.dtype(np.float32)}


def test_the_scales_are_those_of_the_nodes_that_there_are():
    counts = [1, 2, 7, 12, 30]
    table, n_zeros = tree.rows("tree", collection(), kept(drawn(np.random.default_rng(2), counts)))

    assert (len(table), n_zeros) == (sum(2 * min(n, 12) - 1 for n in counts), 0)
    assert (table[:, PUBLISHED.index("pt")] > 0).all()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_jet_with_more_constituents_than_leaves_keeps_its_momentum(algorithm):
    constituents = drawn(np.random.default_rng(3), [40])
    few, many = (
        kept(constituents, collection(algorithm=algorithm, max_leaves=n, frame="detector", features=["energy", "pt", "eta"]))
        for n in (10, 60)
    )

    np.testing.assert_allclose(few["tree"][0, 10 + 8], many["tree"][0, 60 + 38], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("cut", [0, 1, 5])
def test_any_chunks_give_the_same_bits(algorithm, cut):
    constituents, one = drawn(np.random.default_rng(4), [9, 1, 30, 12, 13, 2]), collection(algorithm=algorithm)
    whole = kept(constituents, one)
    ends = [np.arange(6) < cut, np.arange(6) >= cut]
    parts = [kept(constituents.of(rows), one, first=first) for rows, first in zip(ends, (0, cut), strict=True)]

    for name, tensor in whole.items():
        np.testing.assert_array_equal(tensor, np.concatenate([part[name] for part in parts]))


def test_the_order_of_the_constituents_in_the_file_does_not_matter():
    constituents = drawn(np.random.default_rng(5), [20])
    turned = constituents.take(np.random.default_rng(6).permutation(20))

    for name, tensor in kept(constituents).items():
        np.testing.assert_array_equal(tensor, kept(turned)[name])


def test_a_jet_without_constituents_is_refused_and_named():
    with pytest.raises(InputError, match=r"The jet of run 1, luminosity block 1, event 1 in here has no constituents"):
        kept(jets([(10.0, 0.0, 0.0, 0.0)], []))


def test_a_constituent_without_a_number_is_refused_and_named():
    broken = drawn(np.random.default_rng(7), [3, 4])
    broken["pz"][5] = np.nan

    with pytest.raises(InputError, match=r"constituents\.pz is nan for .* event 1 in here"):
        kept(broken)


def test_no_jets_are_no_trees():
    tensors = kept(jets())

    assert {name: tensor.shape for name, tensor in tensors.items()} == {"tree": (0, 23, 7), "tree_steps": (0, 11, 3)}


def test_the_yaml_knows_what_the_physics_knows():
    assert get_args(NodeFeature) == FEATURES
    assert get_args(Tree.model_fields["algorithm"].annotation) == get_args(Algorithm) == ALGORITHMS
    assert set(get_args(Tree.model_fields["frame"].annotation)) == set(get_args(Frame))
    assert collection().features == PUBLISHED


@pytest.mark.parametrize("change", [{"algorithm": "siscone"}, {"features": ["mass2"]}, {"frame": "w"}, {"max_leaves": 1}])
def test_settings_are_closed(change):
    with pytest.raises(ValidationError, match=next(iter(change))):
        collection(**change)
