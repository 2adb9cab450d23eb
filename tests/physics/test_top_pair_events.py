import itertools

import numpy as np
import pytest

from pipeline.physics.chi_square import NOMINAL
from pipeline.physics.kinematics import momentum
from pipeline.physics.peaks import Peak
from pipeline.physics.tag_ratio import N_BINS
from pipeline.physics.top_pair_events import EventReader, answers, at_places, matched_places
from pipeline.physics.top_pair_peaks import MEASURED, TopPairPeaks, b_costs_of, peaks_of
from tests.toy_top_pairs import FEATURES, TARGETS, TOP_MASS, W_MASS, toy, true_places

READER = EventReader(FEATURES)


def measured(batches, *, has_tags=True):
    peaks = TopPairPeaks(READER, W_MASS, has_tags)
    for batch in batches:
        peaks.fill(batch.tensors, batch.targets, TARGETS, batch.weight)
    return peaks.parameters()


def test_features_are_found_by_name_in_any_order():
    batch, _ = toy(5)
    turned = EventReader(FEATURES | {"jets": FEATURES["jets"][::-1]})
    tensors = batch.tensors | {"jets": batch.tensors["jets"][..., ::-1]}

    assert turned.column(tensors, "jets", "pz").tolist() == READER.column(batch.tensors, "jets", "pz").tolist()
    assert turned.candidates(tensors).jets.energy.tolist() == READER.candidates(batch.tensors).jets.energy.tolist()
    assert READER.n_jets(batch.tensors).tolist() == [5] * 5


@pytest.mark.parametrize(
    ("features", "missing"),
    [({"jets": FEATURES["jets"][:4]}, "jets.btag"), ({"met": ("px",)}, "met.py"), ({"lepton": ()}, "lepton.px")],
)
def test_a_missing_input_is_named(features, missing):
    with pytest.raises(ValueError, match=f"needs input {missing}"):
        EventReader(FEATURES | features).check(tags=True)


def test_what_is_not_asked_for_is_not_needed():
    EventReader({"jets": FEATURES["jets"][:4]}).check(collections=("jets",), tags=False)


def test_momenta_are_taken_at_places_and_missing_ones_are_nan():
    jets = momentum([[10.0, 20.0], [30.0, 40.0], [50.0, 60.0]], 0.0, 0.0, 0.0)

    assert at_places(jets, np.array([1, -1, 0])).px.tolist() == pytest.approx([20, np.nan, 50], nan_ok=True)


def test_answers_are_in_the_order_asked_for_and_nan_where_nothing_is_known():
    table = answers(
        ["w_had_mass", "jet_of_q1", "top_lep_pt", "b_had_eta", "b_had_pt"],
        {"w_had": momentum([10.0], 1.0, 0.5, 80.0), "b_had": momentum([20.0], -1.5, 0.5, 5.0)},
        {"q1": np.array([3])},
        1,
    )

    assert table[0].tolist() == pytest.approx([80, 3, np.nan, -1.5, 20], nan_ok=True)


def test_places_beyond_the_input_set_are_none():
    targets = np.array([[7.0, 0.0, 1.0, 2.0, 5.0], [7.0, 3.0, -1.0, 2.0, 4.0]])

    assert matched_places(targets, TARGETS, 5).tolist() == [[1, -1, 2, 0], [-1, 4, 2, 3]]
    with pytest.raises(ValueError, match="targets jet_of_q1; name all partons"):
        matched_places(targets, TARGETS[:-1], 5)


def test_peaks_are_those_of_the_toy():
    """Jets at 0.9 of their energy: the masses of jets come out at 0.9, that with lepton and neutrino in between."""
    batch, _ = toy(20_000, scale=0.9)
    peaks = peaks_of(measured([batch]))

    assert peaks.w_had.mass == pytest.approx(0.9 * W_MASS, abs=0.5)
    assert peaks.top_had.mass == pytest.approx(0.9 * TOP_MASS, abs=1)
    assert 0.9 * TOP_MASS < peaks.top_lep.mass < TOP_MASS
    # Two jets with 5 % each: 5 %/√2 of the mass.
    assert peaks.w_had.width == pytest.approx(0.9 * W_MASS * 0.05 / np.sqrt(2), rel=0.05)
    assert peaks.w_lep == NOMINAL.w_lep


def test_events_with_a_lost_quark_are_not_measured():
    clean, _ = toy(4000)
    spoiled, _ = toy(4000, lost=0.5)
    whole = (true_places(spoiled) >= 0).all(axis=1)

    assert 0.4 < whole.mean() < 0.6
    assert measured([spoiled]) == measured([spoiled[whole]])
    assert measured([spoiled])["w_had_width"] == pytest.approx(measured([clean])["w_had_width"], rel=0.1)


def test_any_batches_measure_the_same():
    batch, _ = toy(2000)

    assert measured([batch]) == pytest.approx(measured([batch[:3], batch[3:3], batch[3:1500], batch[1500:]]))


def test_costs_fall_with_the_tag_and_weights_count():
    batch, _ = toy(5000)
    parameters = measured([batch])
    costs = b_costs_of(parameters, np.array([[0.05, 0.5, 0.95]]))

    assert sorted(costs[0].tolist(), reverse=True) == costs[0].tolist()
    assert costs[0, 0] > 0 > costs[0, 2]
    assert sum(name.startswith("b_cost_") for name in parameters) == N_BINS
    assert not any(name.startswith("b_cost_") for name in measured([batch], has_tags=False))


def test_the_difference_of_masses_is_measured_where_it_is_asked_for():
    batch, _ = toy(20_000)
    peaks = TopPairPeaks(READER, W_MASS, has_tags=False, minus_w=True)
    peaks.fill(batch.tensors, batch.targets, TARGETS, batch.weight)
    found = peaks_of(peaks.parameters(), minus_w=True)

    assert found.minus_w
    assert found.top_had.mass == pytest.approx(TOP_MASS - W_MASS, abs=1)
    assert found.top_had.width < measured([batch])["top_had_width"]


def test_parameters_become_peaks():
    numbers = {f"{name}_{part}": float(n) for n, (name, part) in enumerate(itertools.product(MEASURED, ("mass", "width")))}
    found = peaks_of(numbers)

    assert (found.w_had, found.top_had, found.top_lep) == (Peak(0, 1), Peak(2, 3), Peak(4, 5))
    assert (found.w_lep, found.minus_w) == (NOMINAL.w_lep, False)
