"""Areas and rejections in bins of an observable, against a loop over the events of each bin."""

from itertools import pairwise

import numpy as np
import pytest

from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.statistics.bootstrap import poisson_multiplicities
from pipeline.statistics.hashing import mix64, salted
from pipeline.statistics.sums import Quantum
from pipeline.tasks.discriminant import logit_bins
from pipeline.tasks.score_entries import BINS_IN_ONE

UNIT = Quantum.of_typical_weight(1.0)
N = 600
EDGES = [0.0, 1.0, 2.0, 4.0]
SCALES = {"s": 2.0, "b1": 1.0, "b2": 3.0}
SHIFT = {"s": 0.4, "b1": 0.0, "b2": -0.2}


def analysis_of(against=None):
    return Analysis.model_validate(
        {
            "name": "toy",
            "title": "Toy",
            "processor": "toy",
            "energy_tev": 13,
            "lumi_inv_fb": 1.0,
            "bootstrap_replicas": 60,
            "processes": {"sig": {"label": "S"}, "bkg": {"label": "B"}},
            "datasets": {
                name: {"process": "sig" if name == "s" else "bkg", "xsec_pb": 1.0, "files": [f"{name}.root"]}
                for name in SCALES
            },
            "task": {
                "kind": "classification",
                "classes": {"b": ["bkg"], "s": ["sig"]},
                "signal": "s",
                "against": {"pt": {"edges": EDGES}} if against is None else against,
            },
            "inputs": {"all": {"event": ["x"]}},
            "models": {"m": {"architecture": "dnn", "inputs": "all"}},
        }
    )


def events(name):
    """Scores, observable, weights and keys of a dataset; the separation grows with the observable."""
    rng = np.random.default_rng(len(name) + ord(name[-1]))
    pt = rng.uniform(-0.5, 4.5, N)
    odds = np.exp(SHIFT[name] * pt + rng.normal(0, 1, N))
    scores = np.stack([1 / (1 + odds), odds / (1 + odds)], axis=1).astype(np.float32)
    return scores, pt, rng.choice([1.0, 2.0], N), mix64(np.arange(N))


def write(analysis, folder):
    for name in SCALES:
        scores, pt, weights, keys = events(name)
        counts = analysis.task.counts_for(analysis, name, UNIT)
        counts.fill({"m": scores}, {}, weights, keys, 1 if name == "s" else 0, {"pt": pt})
        counts.save(folder / f"{name}.npz")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("counts")
    write(analysis_of(), folder)
    return analysis_of().task.evaluate(analysis_of(), folder, SCALES).metrics["m"]["curves"]["pt"]


def in_bin(low, high, replica=0):
    """Bin of the logit and weight of signal and background between *low* and *high*; of a replica from 1 on."""
    parts = {"s": [], "b": []}
    for name in SCALES:
        scores, pt, weights, keys = events(name)
        draws = poisson_multiplicities(salted(keys, f"dataset {name}"), 60, 1)
        drawn = SCALES[name] * weights * (draws[:, replica - 1] if replica else 1)
        inside = (pt >= low) & (pt < high)
        parts[name[0]] += list(zip(logit_bins(scores[inside].astype(float), 1) // BINS_IN_ONE, drawn[inside], strict=True))
    return [np.array(parts[key]).T for key in "sb"]


def slow_auc(low, high, replica=0):
    (sig, w_sig), (bkg, w_bkg) = in_bin(low, high, replica)
    above = (sig[:, np.newaxis] > bkg) + 0.5 * (sig[:, np.newaxis] == bkg)
    return w_sig @ above @ w_bkg / w_sig.sum() / w_bkg.sum()


def slow_bkg_effs(low, high, sig_eff):
    """Background efficiencies of the last cut that keeps too little of the signal, and of the first that keeps enough."""
    (sig, w_sig), (bkg, w_bkg) = in_bin(low, high)
    cut = max(place for place in set(sig) if w_sig[sig >= place].sum() >= sig_eff * w_sig.sum())
    return [w_bkg[bkg >= place].sum() / w_bkg.sum() for place in (cut + 1, cut)]


@pytest.mark.parametrize("number", range(3))
def test_the_area_of_each_bin_is_that_of_all_pairs_of_its_events(found, number):
    low, high = EDGES[number], EDGES[number + 1]
    point = found["auc"][number]
    replicas = [slow_auc(low, high, replica) for replica in range(1, 61)]

    assert point["value"] == pytest.approx(slow_auc(low, high), rel=1e-12)
    assert point["stat"] == pytest.approx(np.std(replicas, ddof=1), rel=1e-9)


@pytest.mark.parametrize("sig_eff", [0.3, 0.5])
def test_the_rejection_of_each_bin_is_that_at_the_same_efficiency_in_it(found, sig_eff):
    """Each bin has its own cut: the first score at which enough signal is kept, or between it and the next."""
    for (low, high), point in zip(pairwise(EDGES), found["rejection"][str(sig_eff)], strict=True):
        tight, loose = slow_bkg_effs(low, high, sig_eff)
        assert tight * (1 - 1e-12) <= 1 / point["value"] <= loose * (1 + 1e-12)
        assert 0 < point["stat"] < point["value"]


def test_what_grows_with_the_observable_is_seen_to(found):
    values = [point["value"] for point in found["auc"]]

    assert found["edges"] == EDGES
    assert values == sorted(values)


def test_a_bin_without_events_has_no_value_and_no_error(tmp_path):
    analysis = analysis_of({"pt": {"edges": [1.0, 2.0, 5.0, 9.0]}})
    write(analysis, tmp_path)

    curves = analysis.task.evaluate(analysis, tmp_path, SCALES).metrics["m"]["curves"]["pt"]

    assert curves["auc"][2] == curves["rejection"]["0.5"][2] == {"value": None, "stat": None}
    assert curves["auc"][1]["value"] > 0.5


def test_counts_of_other_bins_are_refused(tmp_path):
    write(analysis_of(), tmp_path)
    other = analysis_of({"pt": {"edges": [0.0, 1.0]}})

    with pytest.raises(InputError, match=r"counted for against .* Run the stage `score` for s again"):
        other.task.evaluate(other, tmp_path, SCALES)


def test_without_an_observable_the_metrics_have_no_curves(tmp_path):
    analysis = analysis_of({})
    write(analysis, tmp_path)

    assert "curves" not in analysis.task.evaluate(analysis, tmp_path, SCALES).metrics["m"]


def test_a_name_of_no_observable_is_refused_in_the_yaml():
    with pytest.raises(ValueError, match="against"):
        analysis_of({"jet pt": {"edges": [0, 1]}})
