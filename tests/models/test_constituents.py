"""Networks on the particles of a jet: published sizes, and that neither padding nor, where it should not, order matters."""

from functools import cache

import numpy as np
import pytest

from pipeline import plugins
from pipeline.learning import keras_learner  # sets what TensorFlow must know before it is imported
from pipeline.learning.export import export_onnx
from pipeline.learning.predictor import OnnxPredictor
from pipeline.stream.spec import InputSpec, OutputSpec

keras = keras_learner.keras
TUTORIAL = ("eta_rel", "phi_rel", "log_e", "log_p")
MOMENTA = ("eta_rel", "phi_rel", "log_pt", "log_e", "log_pt_rel", "log_e_rel", "delta_r")
LITE = {"neighbours": 7, "channels": [[32, 32, 32], [64, 64, 64]], "units": [128]}
SMALL = {
    "mlp": {"units": [8]},
    "pfn": {"particle_units": [8, 8], "units": [8]},
    "pcnn": {"channels": [4, 8, 8], "blocks": 1, "units": [8]},
    "particlenet": {"neighbours": 3, "channels": [[8, 8], [8, 8]], "units": [8], "embedding": 4, "fusion": 8},
    "particle_transformer": {
        **{"embedding": [8, 16, 8], "pair_embedding": [8], "heads": 2, "layers": 1, "class_layers": 1, "expansion": 2}
    },
}
every_model = pytest.mark.parametrize("architecture", SMALL)
every_set = pytest.mark.parametrize("architecture", ["pfn", "particlenet", "particle_transformer"])


def spec(n_particles, features=MOMENTA):
    """Scales far from one, as momenta have them."""
    n = len(features)
    mean, spread = np.linspace(-0.2, 1, n), np.linspace(0.3, 2, n)
    return {"jets": InputSpec("jets", features, mean.astype(np.float32), spread.astype(np.float32), max_objects=n_particles)}


def build(architecture, n_particles=10, *, seed=1, features=MOMENTA, outputs=("qcd", "top"), **options):
    keras_learner.prepare(1, seed)
    options = {**SMALL[architecture], **options} if not options.pop("full_size", False) else options
    return plugins.load("models", architecture).build(spec(n_particles, features), OutputSpec(outputs, "softmax"), **options)


def jets(counts, n_particles=10, *, seed=2, padding=0.0):
    """Jets of so many particles; behind the last one is *padding*."""
    rng = np.random.default_rng(seed)
    mask = (np.arange(n_particles) < np.array(counts)[:, np.newaxis]).astype(np.float32)
    particles = rng.normal(0.1, 0.5, size=(len(counts), 20, len(MOMENTA)))[:, :n_particles]
    return {"jets": np.where(mask[..., np.newaxis], particles, padding).astype(np.float32), "jets_mask": mask}


COUNTS = [10, 1, 2, 3, 4, 5, 9, 7, 0, 6]


LABELS = np.eye(2, dtype=np.float32)[np.arange(len(COUNTS)) % 2]


def train(model, given, *, optimizer, steps=1):
    """Without compiling, which takes longer than these steps; the losses."""
    model.compile(optimizer=optimizer, loss="categorical_crossentropy", run_eagerly=True)
    return [float(model.train_on_batch(given, LABELS)) for _ in range(steps)]


@cache
def trained(architecture):
    """A few steps, so that batch normalisation has learned something; not to be changed by a test."""
    model = build(architecture)
    train(model, jets(COUNTS), optimizer=keras.optimizers.Adam(0.01), steps=3)
    return model


def answers(model, given):
    return keras.ops.convert_to_numpy(model(given, training=False))


def n_trainable(model):
    return sum(int(np.prod(variable.shape)) for variable in model.trainable_variables)


@pytest.mark.parametrize(
    ("architecture", "features", "options", "n_classes", "expected"),
    [
        # CMS Machine Learning Documentation: 400 → 1024 → 256 → 256 → 2.
        ("mlp", TUTORIAL, {}, 2, 739_330),
        # The same: 349k.
        ("pcnn", TUTORIAL, {}, 2, 349_162),
        # The same: 577k.
        ("particlenet", TUTORIAL, {"embedding": 32, "fusion": 384}, 2, 576_714),
        # arXiv:1902.08570, table 3: 366k, and 26k of the Lite version, for the seven inputs.
        ("particlenet", MOMENTA, {}, 2, 366_160),
        ("particlenet", MOMENTA, LITE, 2, 26_416),
        # arXiv:1902.08570, table 3: 82k.
        ("pfn", TUTORIAL, {}, 2, 82_558),
        # arXiv:2202.03772: 2.14M, for 17 inputs and ten classes.
        ("particle_transformer", (*MOMENTA, *"abcdefghij"), {}, 10, 2_143_486),
    ],
    ids=["MLP", "P-CNN", "ParticleNet of the tutorial", "ParticleNet", "ParticleNet-Lite", "PFN", "ParT"],
)
def test_the_default_has_as_many_parameters_as_published(architecture, features, options, n_classes, expected):
    names = tuple(f"class_{number}" for number in range(n_classes))
    model = build(architecture, 100, features=features, outputs=names, full_size=True, **options)

    assert expected == n_trainable(model)


def test_particlenet_lite_is_that_of_its_authors():
    """With the moving means of batch normalisation, as Keras counts: github.com/hqucms/ParticleNet, tf-keras."""
    assert build("particlenet", 100, features=TUTORIAL, full_size=True, **LITE).count_params() == 26_898


@every_model
def test_outputs_are_probabilities_also_of_jets_with_few_particles(architecture):
    model = trained(architecture)

    scores = answers(model, jets(COUNTS))

    assert scores.shape == (len(COUNTS), 2)
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-6)
    assert len(np.unique(scores[:, 0])) == len(COUNTS)


@every_model
def test_what_stands_in_padding_does_not_matter(architecture):
    model = trained(architecture)

    np.testing.assert_array_equal(answers(model, jets(COUNTS)), answers(model, jets(COUNTS, padding=17.0)))


@every_model
def test_what_stands_in_padding_does_not_matter_in_training_either(architecture):
    weights = []
    for padding in (0.0, 17.0):
        model = build(architecture)
        train(model, jets(COUNTS, padding=padding), optimizer=keras.optimizers.SGD(0.1))
        weights.append(model.get_weights())

    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("longer", [11, 16])
@pytest.mark.parametrize("architecture", [name for name in SMALL if name != "mlp"])
def test_more_padding_changes_nothing(architecture, longer):
    model, long = trained(architecture), build(architecture, longer)
    long.set_weights(model.get_weights())

    np.testing.assert_allclose(answers(model, jets(COUNTS)), answers(long, jets(COUNTS, longer)), atol=1e-6)


@pytest.mark.parametrize("architecture", [name for name in SMALL if name != "mlp"])
def test_more_padding_changes_no_statistics_of_batches(architecture):
    """Means and variances that batch normalisation learns are those of particles."""
    seen = []
    for n_particles in (10, 16):
        model = build(architecture, n_particles, dropout=0.0)
        train(model, jets(COUNTS, n_particles), optimizer=keras.optimizers.SGD(0.0))
        seen.append(model.get_weights())

    for first, second in zip(*seen, strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-6)


def test_more_padding_gives_the_mlp_weights_that_do_not_matter():
    model, long = trained("mlp"), build("mlp", 12)
    weights, longer = model.get_weights(), long.get_weights()
    longer[0][: len(weights[0])] = weights[0]
    long.set_weights([longer[0], *weights[1:]])

    np.testing.assert_allclose(answers(model, jets(COUNTS)), answers(long, jets(COUNTS, 12)), atol=1e-6)


@every_set
def test_the_order_of_the_particles_does_not_matter(architecture):
    model, given = trained(architecture), jets(COUNTS)
    order = np.random.default_rng(3).permutation(10)  # of the padding as well
    turned = {name: tensor[:, order] for name, tensor in given.items()}

    np.testing.assert_allclose(answers(model, given), answers(model, turned), atol=2e-6)


@every_model
def test_every_particle_matters(architecture):
    model, given = trained(architecture), jets([5, 5])
    for place in range(5):
        moved = {"jets": given["jets"].copy(), "jets_mask": given["jets_mask"]}
        moved["jets"][:, place] += 0.5

        assert np.abs(answers(model, given) - answers(model, moved)).min() > 1e-7, place


@every_model
def test_the_same_seed_gives_the_same_weights(architecture):
    first, again, other = (build(architecture, seed=seed).get_weights() for seed in (3, 3, 4))

    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


@every_model
def test_one_step_lowers_the_loss_on_ten_jets(architecture):
    losses = train(build(architecture, dropout=0.0), jets(COUNTS), optimizer=keras.optimizers.SGD(0.02), steps=2)

    assert losses[1] < losses[0]


@every_model
def test_a_saved_model_answers_the_same_in_safe_mode(architecture, tmp_path):
    model = trained(architecture)
    model.save(tmp_path / "model.keras")

    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)

    np.testing.assert_allclose(answers(model, jets(COUNTS)), answers(loaded, jets(COUNTS)), rtol=0, atol=1e-6)


@every_model
def test_onnx_answers_as_keras(architecture, tmp_path):
    model = trained(architecture)

    export_onnx(model, tmp_path / "model.onnx", jets(COUNTS))

    many = jets(COUNTS * 120, seed=5)
    np.testing.assert_allclose(OnnxPredictor(tmp_path / "model.onnx").predict(many), answers(model, many), atol=1e-5, rtol=0)


@every_model
def test_it_takes_one_padded_collection(architecture, inputs):
    with pytest.raises(ValueError, match=f"{architecture} takes one padded collection, not event, leptons; give it"):
        plugins.load("models", architecture).build(inputs, OutputSpec(("a", "b"), "softmax"))
    with pytest.raises(ValueError, match=f"{architecture} takes one padded collection, not event; give it"):
        plugins.load("models", architecture).build({"event": inputs["event"]}, OutputSpec(("a", "b"), "softmax"))


@pytest.mark.parametrize(("architecture", "missing"), [("particlenet", "eta_rel"), ("particle_transformer", "log_pt")])
def test_coordinates_must_be_among_the_features(architecture, missing):
    with pytest.raises(ValueError, match=f"{architecture} needs '{missing}' as a coordinate; 'jets' has "):
        build(architecture, features=tuple(name for name in MOMENTA if name != missing))


def test_heads_share_the_width():
    with pytest.raises(ValueError, match="cannot share a width of 8 between 3 heads"):
        build("particle_transformer", heads=3)


def edges_of(points, count, k, fade=0.01):
    """`_edges` of one jet: neighbours, weights, and which of them are edges."""
    module = plugins.load("models", "particlenet")
    n = len(points)
    distances = np.square(points[:, np.newaxis] - points).sum(axis=-1)[np.newaxis].astype(np.float32)
    mask = (np.arange(n) < count).astype(np.float32)[np.newaxis, :, np.newaxis]
    index, weight, is_edge = module._edges(distances, mask, k, fade)
    return [np.asarray(keras.ops.convert_to_numpy(one))[0] for one in (index, weight, is_edge)]


@pytest.mark.parametrize("count", [0, 1, 2, 4, 8], ids=lambda count: f"{count} particles")
@pytest.mark.parametrize("k", [3, 7])
def test_neighbours_are_the_nearest_others_and_never_padding(count, k):
    # Padding at the origin is nearer than any particle.
    points = np.random.default_rng(count).uniform(1, 2, size=(8, 2)) * (np.arange(8) < count)[:, np.newaxis]
    index, weight, is_edge = edges_of(points, count, k)

    for particle in range(8):
        chosen = index[particle][is_edge[particle] == 1].tolist()
        others = sorted(set(range(count)) - {particle}, key=lambda other: np.hypot(*(points[particle] - points[other])))
        assert chosen == (others[:k] if particle < count else [])
    assert (weight[is_edge == 0] == 0).all()
    assert (weight[is_edge == 1] > 0).all()


def test_a_neighbour_that_is_as_far_as_the_next_one_fades():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0], [2.0 + 1e-3, 0.0], [0.0, 9.0]])
    _, weight, _ = edges_of(points, 5, 2)

    assert weight[0] == pytest.approx([1, 0.1], abs=0.01)  # 4 and 4.004: a thousandth apart, of a hundredth


def test_a_tie_does_not_make_particlenet_jump():
    """Two particles pass each other as the last neighbour of a third: nothing jumps."""
    model, given = trained("particlenet"), jets([6] * 2)
    given["jets"][:, :, :2] = [[0, 0], [0.1, 0], [0, 0.2], [0.3, 0], [0, 0.3], [0.5, 0.5], *[[0, 0]] * 4]
    given["jets"][0, 4, 1] -= 1e-6
    given["jets"][1, 4, 1] += 1e-6
    given["jets"][1, :, 2:] = given["jets"][0, :, 2:]

    before, after = answers(model, given)[:, 0]

    assert before == pytest.approx(after, abs=1e-5)
