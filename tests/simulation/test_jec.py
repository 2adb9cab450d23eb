import json
from functools import partial

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.simulation.derive_jec import PT_EDGES_GEV, derive_jec, matched_jets, response_points
from pipeline.simulation.jec import JEC_FILE, correction_factor

CLOSURE = 0.02
BINS = [(30, 40), (40, 60), (60, 100), (100, 200), (200, 400), (400, 1000)]


@pytest.mark.parametrize("kind", ["AK4", "AK8"])
def test_the_correction_is_continuous_in_pt_and_near_one(kind):
    pt = np.geomspace(5, 3000, 20_000)
    for eta in (-4.0, 0.1, 1.7, 2.2, 2.7):
        factor = correction_factor(kind, pt, np.full(len(pt), eta))

        assert np.all((factor > 0.9) & (factor < 1.15))
        assert np.max(np.abs(np.diff(factor))) < 1e-3


def test_the_correction_is_the_same_on_both_sides():
    eta = np.array([0.4, 1.7, 2.3, 3.1])

    assert correction_factor("AK4", np.full(4, 50.0), eta).tolist() == correction_factor(
        "AK4", np.full(4, 50.0), -eta
    ).tolist()  # fmt: skip


def test_the_file_names_its_sample():
    assert "qcd_flat" in json.loads(JEC_FILE.read_text(encoding="utf-8"))["description"]


def test_points_give_back_a_made_response():
    rng = np.random.default_rng(1)
    gen_pt = np.exp(rng.uniform(np.log(PT_EDGES_GEV[0]), np.log(PT_EDGES_GEV[-1]), 50_000))
    raw, factor = response_points(gen_pt, 0.8 * gen_pt)

    assert [1.25] * len(raw) == pytest.approx(factor)
    assert np.all(np.diff(raw) > 0)


def test_too_few_jets_are_refused():
    with pytest.raises(InputError, match=r"No bin of transverse momentum has 300 jets; all together are 3"):
        response_points(np.full(3, 50.0), np.full(3, 50.0))


@pytest.mark.slow
def test_a_derived_correction_does_not_depend_on_when_it_is_derived(tmp_path):
    pytest.importorskip("pythia8mc", reason="needs nanoloom[simulation]")
    for name in ("a", "b"):
        derive_jec(n_events=8000, seed=5, out=tmp_path / name)

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "card"), [("AK4", "qcd_flat"), ("AK4", "tt_dilep"), ("AK8", "qcd_flat")])
def test_corrected_jets_of_an_independent_sample_close_within_two_percent(kind, card):
    pytest.importorskip("pythia8mc", reason="needs nanoloom[simulation]")
    found = matched_jets(kind, card=card, n_events=4000, seed=4242, correction=partial(correction_factor, kind))
    for low, high in BINS:
        for is_central in (found.abs_eta < 1.5, (found.abs_eta >= 1.5) & (found.abs_eta < 2.5)):
            response = found.response[is_central & (found.gen_pt >= low) & (found.gen_pt < high)]
            if len(response) >= 200:
                # The error of a median of Gaussian values is 1.25 times that of their mean.
                error = 1.25 * np.subtract(*np.quantile(response, [0.84, 0.16])) / 2 / np.sqrt(len(response))

                assert abs(np.median(response) - 1) < CLOSURE + 3 * error
