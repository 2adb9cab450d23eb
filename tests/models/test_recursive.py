"""The recursive network: published sizes, the definition as a slow recursion, and that padding is never seen."""

import subprocess
import sys

import numpy as np
import pytest

from pipeline import plugins
from pipeline.learning import keras_learner  # sets what TensorFlow must know before it is imported
from pipeline.learning.export import export_onnx
from pipeline.learning.predictor import KerasPredictor, OnnxPredictor
from pipeline.physics.jet_trees import jet_trees
from pipeline.physics.tree_features import PUBLISHED, node_features
from pipeline.physics.tree_steps import steps_of
from pipeline.stream.spec import InputSpec, OutputSpec
from tests.physics.made_jets import drawn, split

keras = keras_learner.keras
COUNTS = [10, 1, 2, 3, 4, 5, 9, 7, 8, 6]
LABELS = np.eye(2, dtype=np.float32)[np.arange(len(COUNTS)) % 2]
MEAN = np.array([30, 0, 0, 30, 0.1, 25, 1.5], np.float32)
SPREAD = np.array([40, 0.4, 0.4, 40, 0.2, 30, 0.4], np.float32)
every_version = pytest.mark.parametrize("gated", [False, True], ids=["simple", "gated"])


def trees_of(algorithm="kt", counts=COUNTS, seed=1):
    constituents = drawn(np.random.default_rng(seed), counts)
    return jet_trees(constituents, algorithm, np.arange(len(counts), dtype=np.uint64))


def table_of(trees):
    columns = node_features(trees, "jet")
    return np.stack([columns[name] for name in PUBLISHED], axis=1)


def tensors_of(trees, max_leaves=10, *, padding=0.0):
    """What the network takes; *padding* stands where there is no node."""
    steps = steps_of(trees, max_leaves)
    table = np.vstack([table_of(trees), np.full((1, len(PUBLISHED)), padding, np.float32)])
    return {"tree": table[steps.nodes], "tree_steps": steps.table.astype(np.float32)}


def build(max_leaves=10, *, gated=False, seed=1, outputs=("qcd", "w"), **options):
    keras_learner.prepare(1, seed)
    spec = {"tree": InputSpec("tree", PUBLISHED, MEAN, SPREAD, max_leaves=max_leaves)}
    activation = "softmax" if len(outputs) > 1 else "sigmoid"
    module = plugins.load("models", "recursive")
    return module.build(spec, OutputSpec(outputs, activation), gated=gated, **options)


def shaken(gated, **options):
    """With biases that are not 0."""
    model = build(gated=gated, width=6, units=[5], **options)
    rng = np.random.default_rng(2)
    model.set_weights([weight + rng.normal(0, 0.2, weight.shape).astype(np.float32) for weight in model.get_weights()])
    return model


def answers(model, given):
    return keras.ops.convert_to_numpy(model(given, training=False))


@pytest.mark.parametrize(("gated", "expected"), [(False, 8_481), (True, 48_761)])
def test_it_has_as_many_parameters_as_published(gated, expected):
    """arXiv:1702.00748, table 1 of its code: seven features, 40 wide, one output."""
    assert expected == build(gated=gated, outputs=("w",)).count_params()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slow(model, trees, gated):
    """By recursion from the root of each jet, in float64."""
    weights = {variable.path: np.asarray(variable, np.float64) for variable in model.variables}

    def dense(name, x):
        kernel, bias = (
            next(w for path, w in weights.items() if path.endswith(f"{name}/{part}")) for part in ("kernel", "bias")
        )
        return x @ kernel + bias

    def embedding(node, children, u, n):
        if node < n:
            return u[node]
        parts = np.stack([*(embedding(child, children, u, n) for child in children[node - n].tolist()), u[node]])
        if not gated:
            return np.maximum(dense("merge", parts.ravel()), 0)
        new = np.maximum(dense("merge", sigmoid(dense("reset", parts.ravel())) * parts.ravel()), 0)
        every = np.vstack([new, parts])
        share = np.exp(dense("mix", every.ravel()).reshape(4, -1))
        return (share / share.sum(axis=0) * every).sum(axis=0)

    found, table, first = [], table_of(trees).astype(np.float64), 0
    for n, (momenta, children) in zip(trees.counts.tolist(), split(trees), strict=True):
        own = table[first : first + len(momenta)]
        first += len(momenta)
        u = np.maximum(dense("node", (own - MEAN) / SPREAD), 0)
        logits = dense("output", np.maximum(dense("hidden_1", embedding(len(momenta) - 1, children, u, n)), 0))
        found.append(np.exp(logits) / np.exp(logits).sum())
    return np.array(found)


@every_version
@pytest.mark.parametrize("algorithm", ["kt", "pt", "random"])
def test_it_is_the_recursion_of_the_paper(gated, algorithm):
    trees, model = trees_of(algorithm), shaken(gated)

    found = answers(model, tensors_of(trees))

    np.testing.assert_allclose(found, slow(model, trees, gated), atol=1e-5)
    assert len(np.unique(found[:, 0])) == len(COUNTS)


@every_version
def test_left_and_right_are_not_the_same(gated):
    trees, model = trees_of(), shaken(gated)
    before = answers(model, tensors_of(trees))
    trees.children[:] = trees.children[:, ::-1].copy()
    has_merges = trees.counts > 1

    assert (np.abs(answers(model, tensors_of(trees)) - before).max(axis=1) > 1e-6).tolist() == has_merges.tolist()


@every_version
def test_what_stands_in_padding_does_not_matter(gated):
    trees, model = trees_of(), shaken(gated)

    np.testing.assert_array_equal(answers(model, tensors_of(trees)), answers(model, tensors_of(trees, padding=17.0)))


@every_version
@pytest.mark.parametrize("longer", [11, 16, 33])
def test_more_padding_changes_nothing(gated, longer):
    """Also where it brings more registers."""
    trees, model = trees_of(), shaken(gated)
    long = build(longer, gated=gated, width=6, units=[5])
    long.set_weights(model.get_weights())

    np.testing.assert_allclose(answers(model, tensors_of(trees)), answers(long, tensors_of(trees, longer)), atol=1e-6)


def train(model, given, *, steps=1, rate=0.05):
    model.compile(optimizer=keras.optimizers.SGD(rate), loss="categorical_crossentropy", run_eagerly=True)
    return [float(model.train_on_batch(given, LABELS)) for _ in range(steps)]


@every_version
def test_padding_does_not_matter_in_training_either(gated):
    trees, weights = trees_of(), []
    for max_leaves, padding in ((10, 0.0), (10, 17.0), (16, 3.0)):
        model = build(max_leaves, gated=gated, width=6, units=[5])
        train(model, tensors_of(trees, max_leaves, padding=padding))
        weights.append(model.get_weights())

    for first, second, third in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, third, atol=1e-6)


@every_version
def test_one_step_lowers_the_loss_on_ten_jets(gated):
    losses = train(build(gated=gated, width=8, units=[8]), tensors_of(trees_of()), steps=2)

    assert losses[1] < losses[0]


@every_version
def test_every_node_matters(gated):
    given, model = tensors_of(trees_of(counts=[5, 5])), shaken(gated)
    for place in (*range(5), *range(10, 14)):
        moved = {**given, "tree": given["tree"].copy()}
        moved["tree"][:, place] += SPREAD

        assert np.abs(answers(model, given) - answers(model, moved)).min() > 1e-7, place


@every_version
def test_the_same_seed_gives_the_same_weights(gated):
    first, again, other = (build(gated=gated, seed=seed).get_weights() for seed in (3, 3, 4))

    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@every_version
def test_onnx_and_a_saved_model_answer_the_same(gated, tmp_path):
    model = shaken(gated)
    many = tensors_of(trees_of(counts=COUNTS * 110, seed=5))
    model.save(tmp_path / "model.keras")

    export_onnx(model, tmp_path / "model.onnx", tensors_of(trees_of()))

    np.testing.assert_allclose(OnnxPredictor(tmp_path / "model.onnx").predict(many), answers(model, many), atol=1e-5, rtol=0)
    np.testing.assert_allclose(
        KerasPredictor(tmp_path / "model.keras").predict(many), answers(model, many), atol=1e-6, rtol=0
    )


def test_a_saved_network_is_opened_in_a_process_that_has_not_built_it(tmp_path, pytestconfig):
    shaken(True).save(tmp_path / "model.keras")
    code = "import sys; from pipeline.learning.predictor import KerasPredictor as K; K(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "model.keras")],
        cwd=pytestconfig.rootpath, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("max_objects", [None, 4])
def test_it_takes_one_tree(max_objects):
    spec = {"jets": InputSpec.without_scales("jets", ("pt",), max_objects)}

    with pytest.raises(ValueError, match="recursive takes one collection of kind: tree, not jets"):
        plugins.load("models", "recursive").build(spec, OutputSpec(("a", "b"), "softmax"))
