"""A regression of two particles and a jet, as settings and as an analysis."""

import numpy as np
import pytest

from pipeline.config import Analysis
from tests.toy_regression import ANALYSIS, TASK


@pytest.fixture(scope="session")
def regression():
    """Function that makes an analysis `toy` with changes of its task."""

    def make(**changes):
        return Analysis.model_validate({"name": "toy", **ANALYSIS, "task": {**TASK, **changes}})

    return make


@pytest.fixture(scope="session")
def answered_events():
    """Function that makes *n* events: truth, observables, weights, keys, and answers of the two models of the toy."""

    def make(n, seed=0):
        rng = np.random.default_rng(seed)
        truth = {name: _vectors(n, rng) for name in "ab"}
        truth["b"][rng.random(n) < 0.2] = np.nan
        jets = rng.integers(-1, 4, n).astype(np.float32)
        answers = {}
        for model, width in (("both", 0.1), ("measured", 0.3)):
            momenta = [_smeared(truth[name], width, rng) for name in "ab"]
            right = np.where(rng.random(n) < 0.7, jets, rng.integers(0, 4, n))[:, np.newaxis]
            answers[model] = np.concatenate([*momenta, right], axis=1).astype(np.float32)
        answers["measured"][:, 4:8] = np.nan
        return {
            "unseen": answers,
            "truth": {**truth, "jet_of_q": jets, "event_class": (rng.random(n) < 0.4).astype(np.float32)},
            "observables": {"n_jets": rng.integers(0, 7, n)},
            "weights": np.where(rng.random(n) < 0.1, -1.5, 1.5),
            "keys": rng.integers(0, 2**63, n).astype(np.uint64),
        }

    return make


def _vectors(n, rng):
    return np.stack(
        [10 + rng.exponential(60, n), rng.normal(0, 1, n), rng.uniform(-np.pi, np.pi, n), rng.normal(10, 1, n)], axis=1
    ).astype(np.float32)


def _smeared(given, width, rng):
    known = np.where(np.isnan(given), 1.0, given)
    return known * (1 + width * rng.normal(0, 1, given.shape))
