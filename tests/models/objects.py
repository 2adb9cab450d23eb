"""What the networks of objects are built from and asked with: semileptonic top pairs, made up."""

import numpy as np

from pipeline import plugins
from pipeline.learning import keras_learner  # sets what TensorFlow must know before it is imported
from pipeline.stream.spec import Head, InputSpec, OutputSpec

keras = keras_learner.keras
OBJECTS = ("w_had", "w_lep", "b_had", "b_lep", "top_had", "top_lep")
PARTONS = ("b_had", "b_lep", "q1", "q2")
JET = ("px", "py", "pz", "energy", "mass", "btag")


def spec(name, features, max_objects=None):
    """A collection with scales far from one."""
    number = np.arange(len(features), dtype=np.float32)
    return InputSpec(name, tuple(features), 10 * number - 5, 20 + 5 * number, max_objects)


def inputs(max_jets=5):
    """Lepton, missing momentum and jets, as published."""
    return {
        "lepton": spec("lepton", ("px", "py", "pz")),
        "met": spec("met", ("pt", "phi")),
        "jets": spec("jets", JET, max_jets),
    }


def outputs(*names, max_jets=5):
    """The heads of these *names*, or a plain vector of two classes."""
    known = {
        "momenta": Head("momenta", OBJECTS, ("px", "py", "pz"), "linear"),
        "assignment": Head("assignment", PARTONS, tuple(map(str, range(max_jets))), "softmax", "jets"),
    }
    heads = tuple(known[name] for name in names)
    if not heads:
        return OutputSpec(("tt", "hh"), "softmax")
    return OutputSpec(tuple(name for head in heads for name in head.names), "linear", heads)


def events(n_events=24, max_jets=5, *, least=2, seed=5):
    """Tensors of events with *least* to *max_jets* jets."""
    rng = np.random.default_rng(seed)
    tensors = {
        name: (one.mean + one.spread * rng.normal(size=(n_events, *one.shape))).astype(np.float32)
        for name, one in inputs(max_jets).items()
    }
    mask = (np.arange(max_jets) < rng.integers(least, max_jets + 1, size=(n_events, 1))).astype(np.float32)
    return {**tensors, "jets": tensors["jets"] * mask[..., np.newaxis], "jets_mask": mask}


def build(name, gives, *, given=None, seed=1, **options):
    """The architecture *name*, with weights drawn from *seed*."""
    keras_learner.prepare(1, seed)
    return plugins.load("models", name).build(given or inputs(), gives, **options)


def targets(gives, n_events=24):
    """Something to be learned: noise for momenta, a jet for each parton, a class for each event."""
    rng = np.random.default_rng(9)
    if not gives.heads:
        return np.eye(gives.size, dtype=np.float32)[np.arange(n_events) % gives.size]
    parts = [
        rng.normal(size=(n_events, head.size))
        if head.collection is None
        else np.eye(len(head.columns))[rng.integers(0, 2, size=(n_events, len(head.rows)))].reshape(n_events, -1)
        for head in gives.heads
    ]
    return np.concatenate(parts, axis=1).astype(np.float32)


def train(model, gives, steps=3):
    """Some steps, so that batch normalisation has learned something; the losses."""
    # Not traced, which takes longer than some steps of a small network.
    model.compile(optimizer=keras.optimizers.Adam(0.003), loss="mse", run_eagerly=True, jit_compile=False)
    return [float(model.train_on_batch(events(), targets(gives))) for _ in range(steps)]


def shake(model, seed=8):
    """Give *model* weights as after a training, among them means and variances of batch normalisation."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        low = 0.5 if "variance" in variable.path else -0.1
        variable.assign(variable + rng.uniform(low, low + 0.2, size=variable.shape))


def ask(model, tensors):
    """Its answers, without tracing it."""
    return keras.ops.convert_to_numpy(model(tensors, training=False))
