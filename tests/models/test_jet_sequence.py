"""Jets of an event read one after the other: against the definition in NumPy, and that padding is never seen."""

import numpy as np
import pytest

from models.layers.tree import through_tree
from pipeline import plugins
from pipeline.learning import keras_learner  # sets what TensorFlow must know before it is imported
from pipeline.learning.export import export_onnx
from pipeline.learning.predictor import KerasPredictor, OnnxPredictor
from pipeline.physics.jet_trees import jet_trees
from pipeline.physics.tree_features import PUBLISHED, node_features
from pipeline.physics.tree_steps import steps_of
from pipeline.stream.spec import InputSpec, OutputSpec
from tests.physics.made_jets import drawn

keras = keras_learner.keras
N_EVENTS, WIDTH, MAX_LEAVES = 12, 6, 8
COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, 4, 3, 2, 1]
LABELS = np.eye(2, dtype=np.float32)[np.arange(N_EVENTS) % 2]
MEAN = np.array([30, 0, 0, 30, 0.1, 25, 1.5], np.float32)
SPREAD = np.array([40, 0.4, 0.4, 40, 0.2, 30, 0.4], np.float32)
JETS = {"mean": np.array([250, 80], np.float32), "spread": np.array([40, 30], np.float32)}


def specs(n_jets=2, *, n_trees=None, max_leaves=MAX_LEAVES):
    trees = {
        # What the second one's scales are does not matter: all are scaled as the first.
        f"tree_{k + 1}": InputSpec(f"tree_{k + 1}", PUBLISHED, MEAN * (k + 1), SPREAD, max_leaves=max_leaves)
        for k in range(n_jets if n_trees is None else n_trees)
    }
    return {"jets": InputSpec("jets", ("pt", "mass"), **JETS, max_objects=n_jets), **trees}


def build(inputs=None, *, seed=1, **options):
    keras_learner.prepare(1, seed)
    inputs = specs() if inputs is None else inputs
    options = {"width": WIDTH, "recurrent": 5, "units": [16]} | options
    return plugins.load("models", "jet_sequence").build(inputs, OutputSpec(("qcd", "ww"), "softmax"), **options)


def shaken(model):
    """With biases that are not 0."""
    rng = np.random.default_rng(2)
    model.set_weights([weight + rng.normal(0, 0.2, weight.shape).astype(np.float32) for weight in model.get_weights()])
    return model


def tensors(n_jets=2, *, n_trees=None, times=1, max_leaves=MAX_LEAVES):
    rng = np.random.default_rng(3)
    n_events = N_EVENTS * times
    given = {
        "jets": rng.normal(JETS["mean"], JETS["spread"], (n_events, n_jets, 2)).astype(np.float32),
        "jets_mask": np.ones((n_events, n_jets), np.float32),
    }
    for k in range(n_jets if n_trees is None else n_trees):
        trees = jet_trees(drawn(rng, COUNTS * times), "kt", np.arange(n_events, dtype=np.uint64))
        steps, columns = steps_of(trees, max_leaves), node_features(trees, "jet")
        table = np.vstack([np.stack([columns[name] for name in PUBLISHED], axis=1), np.zeros((1, 7), np.float32)])
        given |= {f"tree_{k + 1}": table[steps.nodes], f"tree_{k + 1}_steps": steps.table.astype(np.float32)}
    return given


def answers(model, given):
    return keras.ops.convert_to_numpy(model(given, training=False))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slow(model, given, *, n_jets=2, gated=False):
    """Jet by jet: the embedding of its tree alone, and one step of the GRU as arXiv:1406.1078 has it (reset gate inside)."""
    weights = {variable.path: np.asarray(variable, np.float64) for variable in model.variables}

    def one(*parts):
        return next(w for path, w in weights.items() if path.endswith("/".join(parts)))

    def dense(name, x):
        return x @ one(name, "kernel") + one(name, "bias")

    nodes, steps = keras.Input((2 * MAX_LEAVES - 1, WIDTH)), keras.Input((MAX_LEAVES - 1, 3))
    embed = keras.Model([nodes, steps], through_tree(nodes, steps, gated=gated, activation="relu"))
    mine = {variable.path.split("merge/")[-1]: variable for variable in model.variables if "merge" in variable.path}
    for variable in embed.variables:
        variable.assign(mine[variable.path.split("merge/")[-1]])
    state = np.zeros((len(given["jets"]), 5))
    for k in range(n_jets):
        own = (given["jets"][:, k] - JETS["mean"]) / JETS["spread"]
        u = np.maximum(dense("node", (given[f"tree_{k + 1}"] - MEAN) / SPREAD), 0)
        x = np.hstack([own, answers(embed, [u.astype(np.float32), given[f"tree_{k + 1}_steps"]])])
        bias = one("gru_cell", "bias")
        fed, kept = x @ one("gru_cell", "kernel") + bias[0], state @ one("recurrent_kernel") + bias[1]
        update, reset = (sigmoid(fed[:, part] + kept[:, part]) for part in (slice(5), slice(5, 10)))
        new = np.tanh(fed[:, 10:] + reset * kept[:, 10:])
        state = update * state + (1 - update) * new
    logits = dense("output", np.maximum(dense("hidden_1", state), 0))
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("gated", [False, True], ids=["simple", "gated"])
def test_it_is_what_it_is_defined_as(gated):
    model, given = shaken(build(gated=gated)), tensors()
    found = answers(model, given)

    np.testing.assert_allclose(found, slow(model, given, gated=gated), atol=1e-5)
    assert len(np.unique(found[:, 0])) == N_EVENTS


def test_one_network_embeds_all_jets():
    assert build(specs(2)).count_params() == build(specs(5)).count_params()


def test_without_trees_it_sees_the_jets_alone():
    model = shaken(build(specs(n_trees=0)))

    assert set(model.input) == {"jets", "jets_mask"}
    assert answers(model, tensors(n_trees=0)).shape == (N_EVENTS, 2)


def test_a_jet_that_is_not_there_does_not_matter():
    model, given = shaken(build()), tensors()
    given["jets_mask"][:, 1] = 0
    moved = {**given, "jets": given["jets"].copy(), "tree_2": given["tree_2"] + 1}
    moved["jets"][:, 1] += 17

    np.testing.assert_array_equal(answers(model, given), answers(model, moved))


@pytest.mark.parametrize("name", ["jets", "tree_1", "tree_2"])
def test_every_jet_and_tree_matters(name):
    model, given = shaken(build()), tensors()
    moved = {**given, name: given[name] + 1}

    assert np.abs(answers(model, given) - answers(model, moved)).max(axis=1).min() > 1e-7


def test_more_leaves_change_nothing():
    model = shaken(build())
    long = build(specs(max_leaves=17))
    long.set_weights(model.get_weights())

    np.testing.assert_allclose(answers(model, tensors()), answers(long, tensors(max_leaves=17)), atol=1e-6)


def test_a_few_steps_lower_the_loss_on_twelve_events():
    model = build()
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="categorical_crossentropy")
    losses = [float(model.train_on_batch(tensors(), LABELS)) for _ in range(5)]

    assert losses[-1] < losses[0]


@pytest.mark.parametrize("n_trees", [2, 0])
def test_onnx_and_a_saved_model_answer_the_same(n_trees, tmp_path):
    model = shaken(build(specs(n_trees=n_trees), gated=True))
    many = tensors(n_trees=n_trees, times=60)
    model.save(tmp_path / "model.keras")

    export_onnx(model, tmp_path / "model.onnx", tensors(n_trees=n_trees))

    np.testing.assert_allclose(OnnxPredictor(tmp_path / "model.onnx").predict(many), answers(model, many), atol=1e-5, rtol=0)
    np.testing.assert_allclose(
        KerasPredictor(tmp_path / "model.keras").predict(many), answers(model, many), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (specs(3, n_trees=2), "2 trees for 3 of jets"),
        ({name: spec for name, spec in specs().items() if name != "jets"}, "one padded collection, the jets, and trees"),
        ({**specs(), "event": InputSpec.without_scales("event", ("ht",))}, "not jets, tree_1, tree_2, event"),
        ({**specs(1), **{"tree_2": specs(2, max_leaves=9)["tree_2"]}, "jets": specs(2)["jets"]}, "differ in features"),
    ],
    ids=["a tree too few", "no jets", "numbers of the event", "another size"],
)
def test_inputs_that_do_not_fit_are_told(inputs, message):
    with pytest.raises(ValueError, match=message):
        build(inputs)
