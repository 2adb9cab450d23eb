"""Toy events tt̄ → bℓν bqq' as tensors: two-body decays of exact masses, jets with a resolution, a scale and b tags."""

from dataclasses import dataclass

import numpy as np

from pipeline.physics.kinematics import Momentum
from pipeline.physics.partons import JET_PARTONS

TOP_MASS, W_MASS = 172.5, 80.4
FEATURES = {"jets": ("px", "py", "pz", "energy", "btag"), "lepton": ("px", "py", "pz", "energy"), "met": ("px", "py")}
TARGETS = ("top_had_px", *(f"jet_of_{name}" for name in ("b_lep", "b_had", "q2", "q1")))
OBJECTS = ("top_had", "top_lep", "w_had", "w_lep", "b_had", "b_lep")
NAMES = (
    *(f"{name}_{part}" for name in OBJECTS for part in ("pt", "eta", "phi", "mass")),
    *(f"jet_of_{name}" for name in JET_PARTONS),
)


@dataclass(frozen=True)
class Spec:
    """What a method needs to know of a tensor."""

    features: tuple[str, ...]
    max_objects: int | None = None


@dataclass(frozen=True)
class Outputs:
    """What a method needs to know of its outputs."""

    names: tuple[str, ...] = NAMES
    targets: tuple[str, ...] = TARGETS


@dataclass(frozen=True)
class Batch:
    """Events to measure with."""

    tensors: dict
    targets: np.ndarray
    weight: np.ndarray

    def __getitem__(self, part):
        return Batch({name: tensor[part] for name, tensor in self.tensors.items()}, self.targets[part], self.weight[part])


def specs():
    return {name: Spec(features, 6 if name == "jets" else None) for name, features in FEATURES.items()}


def toy(n, *, seed=1, scale=1.0, resolution=0.05, n_extra=1, lost=0.0):
    """A batch of *n* events, and the true momenta of `OBJECTS`.

    Args:
        n: number of events.
        seed: of all that is drawn.
        scale: that all jets are multiplied with.
        resolution: relative, of a jet's momentum.
        n_extra: jets beside those of the four quarks.
        lost: part of the events in which a quark has no jet: one from elsewhere is there instead.
    """
    rng = np.random.default_rng(seed)
    particles = {}
    for side in ("had", "lep"):
        top = _moving(TOP_MASS, rng.normal(0, 80, (n, 3)))
        w, b = _decay(rng, top, TOP_MASS, W_MASS)
        one, other = _decay(rng, w, W_MASS, 0.0)
        particles |= {f"top_{side}": top, f"w_{side}": w, f"b_{side}": b, f"one_{side}": one, f"other_{side}": other}
    quarks = [particles[name] for name in ("b_had", "one_had", "other_had", "b_lep")]
    factor = scale * (1 + resolution * rng.normal(size=(4, n)))
    jets = [_scaled(quark, one) for quark, one in zip(quarks, factor, strict=True)]
    jets += [_moving(0.0, rng.normal(0, 40, (n, 3))) for _ in range(n_extra)]
    is_lost = rng.uniform(size=n) < lost
    away = _moving(0.0, rng.normal(0, 60, (n, 3)))
    jets[1] = Momentum(*(np.where(is_lost, getattr(away, x), getattr(jets[1], x)) for x in ("px", "py", "pz", "energy")))
    order = np.argsort(rng.uniform(size=(n, len(jets))), axis=1)
    tags = np.array([rng.beta(*(5, 2) if place in (0, 3) else (2, 5), n) for place in range(len(jets))]).T
    table = np.stack([np.stack(_parts(jet), axis=1) for jet in jets], axis=1)
    table = np.concatenate([table, tags[..., np.newaxis]], axis=2)
    padded = np.zeros((n, 6, 5), np.float32)
    padded[:, : len(jets)] = np.take_along_axis(table, order[..., np.newaxis], axis=1)
    places = np.argsort(order, axis=1)[:, :4].astype(np.float32)
    places[is_lost, 1] = -1
    neutrino = particles["other_lep"]
    tensors = {
        "jets": padded,
        "jets_mask": np.repeat([np.arange(6) < len(jets)], n, axis=0).astype(np.float32),
        "lepton": np.stack(_parts(particles["one_lep"]), axis=1).astype(np.float32),
        "met": np.stack([neutrino.px, neutrino.py], axis=1).astype(np.float32),
    }
    by_target = {
        "top_had_px": particles["top_had"].px,
        **dict(zip((f"jet_of_{x}" for x in JET_PARTONS), places.T, strict=True)),
    }
    targets = np.stack([by_target[name] for name in TARGETS], axis=1).astype(np.float32)
    return Batch(tensors, targets, np.ones(n, np.float32)), {name: particles[name] for name in OBJECTS}


def true_places(batch):
    """Of the jets of b_had, q1, q2 and b_lep, shape (n_events, 4)."""
    return np.stack([batch.targets[:, TARGETS.index(f"jet_of_{name}")] for name in JET_PARTONS], axis=1)


def is_right(answers, batch):
    """Whether all four quarks are at their jets, the two of the W in either order."""
    found = np.stack([answers[:, NAMES.index(f"jet_of_{name}")] for name in JET_PARTONS], axis=1)
    truth = true_places(batch)
    found, truth = (np.concatenate([x[:, [0, 3]], np.sort(x[:, 1:3], axis=1)], axis=1) for x in (found, truth))
    return (found == truth).all(axis=1)


def _parts(p):
    return p.px, p.py, p.pz, p.energy


def _moving(mass, momentum):
    return Momentum(*momentum.T, np.sqrt((momentum**2).sum(axis=1) + mass**2))


def _scaled(p, factor):
    return Momentum(*(factor * part for part in _parts(p)))


def _decay(rng, parent, mass, heavy):
    """Into a particle of the mass *heavy* and a massless one, isotropic where the parent rests."""
    n = len(parent.px)
    direction = rng.normal(size=(n, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    size = (mass**2 - heavy**2) / (2 * mass)
    beta = np.stack([parent.px, parent.py, parent.pz], axis=1) / parent.energy[:, np.newaxis]
    return _boosted(_moving(heavy, size * direction), beta), _boosted(_moving(0.0, -size * direction), beta)


def _boosted(p, beta):
    vector = np.stack([p.px, p.py, p.pz], axis=1)
    beta2 = (beta**2).sum(axis=1)
    gamma = 1 / np.sqrt(1 - beta2)
    along = (vector * beta).sum(axis=1)
    shift = ((gamma - 1) * along / beta2 + gamma * p.energy)[:, np.newaxis] * beta
    return Momentum(*(vector + shift).T, gamma * (p.energy + along))
