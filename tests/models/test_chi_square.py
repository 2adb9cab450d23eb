import numpy as np
import pytest

from models.chi_square import build
from pipeline import plugins
from pipeline.physics.augmentation import reflect_eta, rotate_phi
from pipeline.physics.kinematics import delta_phi
from tests.toy_top_pairs import FEATURES, NAMES, TOP_MASS, W_MASS, Outputs, Spec, is_right, specs, toy, true_places


def fitted(batch, **options):
    """The method with parameters from *batch*."""
    method = build(specs(), Outputs(), **options)
    parameters = method.measure(iter([batch]))
    return lambda events: method.answer(events.tensors, parameters)


def column(answers, name):
    return answers[:, NAMES.index(name)]


def test_it_is_a_baseline(pytestconfig):
    assert plugins.framework_of(pytestconfig.rootpath / "models/chi_square.py") == "baseline"


def test_perfect_events_are_reconstructed_to_the_last_particle():
    batch, truth = toy(400, resolution=0.0, n_extra=0)
    answers = fitted(toy(2000, resolution=0.02)[0])(batch)
    right = is_right(answers, batch)

    assert right.mean() > 0.8
    for name in ("top_had", "w_had", "b_had", "b_lep"):
        for part in ("pt", "eta", "mass"):
            expected = getattr(truth[name], part)[right]
            assert column(answers, f"{name}_{part}")[right] == pytest.approx(expected, rel=1e-3, abs=0.1)
    assert column(answers, "w_lep_mass") == pytest.approx(W_MASS, rel=1e-3)
    # One of the two solutions is the true neutrino.
    near = np.abs(column(answers, "top_lep_mass")[right] - TOP_MASS) < 1
    assert near.mean() > 0.95


def test_measured_peaks_beat_nominal_ones_where_the_jets_are_off_scale():
    training, testing = (toy(3000, seed=seed, scale=0.9, resolution=0.08)[0] for seed in (1, 2))
    right = {
        peaks: is_right(fitted(training, peaks=peaks, b_tags="none")(testing), testing) for peaks in ("measured", "nominal")
    }
    better, worse = (int((right[a] & ~right[b]).sum()) for a, b in (("measured", "nominal"), ("nominal", "measured")))

    # Paired: by more than five standard deviations of the events in which they differ (McNemar).
    assert better - worse > 5 * np.sqrt(better + worse)


def test_the_difference_of_masses_is_no_worse_than_the_mass():
    training, testing = (toy(3000, seed=seed, resolution=0.1)[0] for seed in (1, 2))
    right = {on: is_right(fitted(training, b_tags="none", top_minus_w=on)(testing), testing).mean() for on in (True, False)}

    assert right[True] > right[False]


def test_b_tags_help():
    training, testing = (toy(3000, seed=seed, resolution=0.1)[0] for seed in (1, 2))
    right = {tags: is_right(fitted(training, b_tags=tags)(testing), testing).mean() for tags in ("none", "likelihood")}

    assert right["likelihood"] > right["none"] + 0.05


def test_the_same_events_measure_the_same_numbers_and_these_are_all_that_it_keeps():
    training, testing = toy(1000, seed=1)[0], toy(50, seed=2)[0]
    method = build(specs(), Outputs())
    first, again = (dict(method.measure(iter([training[:600], training[600:]]))) for _ in range(2))

    assert first == again
    assert all(isinstance(value, float) for value in first.values())
    assert method.answer(testing.tensors, first).tobytes() == method.answer(testing.tensors, again).tobytes()


def test_nothing_is_measured_where_nothing_is_to_be():
    neither = build(specs(), Outputs(), peaks="nominal", b_tags="none")
    tags = build(specs(), Outputs(), peaks="nominal").measure(iter([toy(1000)[0]]))
    masses = build(specs(), Outputs(), b_tags="none").measure(iter([toy(1000)[0]]))

    assert neither.measure(iter([])) == {}
    assert {name[:7] for name in tags} == {"b_cost_"}
    assert {name[:5] for name in masses} == {"w_had", "top_h", "top_l"}


def test_answers_do_not_depend_on_other_events_or_on_padding():
    batch, _ = toy(40)
    method = build(specs(), Outputs())
    parameters = method.measure(iter([toy(1000)[0]]))
    together = method.answer(batch.tensors, parameters)
    alone = np.concatenate([method.answer(batch[row : row + 1].tensors, parameters) for row in range(40)])
    filled = {**batch.tensors, "jets": np.where(batch.tensors["jets_mask"][..., np.newaxis] > 0, batch.tensors["jets"], 99)}

    assert together.tobytes() == alone.tobytes() == method.answer(filled, parameters).tobytes()


def columns_of(tensors):
    """All features by `<collection>_<feature>`."""
    return {f"{name}_{f}": tensors[name][..., place] for name, known in FEATURES.items() for place, f in enumerate(known)}


def tensors_of(columns, mask):
    stacked = {name: np.stack([columns[f"{name}_{f}"] for f in known], axis=-1) for name, known in FEATURES.items()}
    return stacked | {"jets_mask": mask}


def test_turning_and_mirroring_the_event_turn_and_mirror_the_answer():
    batch, _ = toy(100)
    method = build(specs(), Outputs())
    parameters = method.measure(iter([toy(1000)[0]]))
    rng = np.random.default_rng(3)
    angle, sign = rng.uniform(-np.pi, np.pi, 100), rng.choice([-1, 1], 100)

    def moved(columns):
        return reflect_eta(rotate_phi(columns, angle), sign)

    # In float32 the mass of a single jet, a small difference of large numbers, would move by itself.
    tensors = {name: tensor.astype(np.float64) for name, tensor in batch.tensors.items()}
    expected = moved(dict(zip(NAMES, method.answer(tensors, parameters).T, strict=True)))
    image = tensors_of(moved(columns_of(tensors)), tensors["jets_mask"])
    found = dict(zip(NAMES, method.answer(image, parameters).T, strict=True))

    for name in NAMES:
        difference = delta_phi(expected[name], found[name]) if name.endswith("phi") else expected[name] - found[name]
        assert np.abs(difference).max() < 1e-3, name


def test_an_event_with_three_jets_has_no_answer():
    batch, _ = toy(3)
    mask = batch.tensors["jets_mask"].copy()
    mask[1, 3:] = 0
    answers = build(specs(), Outputs(), peaks="nominal", b_tags="none").answer(batch.tensors | {"jets_mask": mask}, {})
    is_place = np.array([name.startswith("jet_of_") for name in NAMES])

    assert np.isnan(answers[1, ~is_place]).all()
    assert (answers[1, is_place] == -1).all()
    assert np.isfinite(answers[[0, 2]]).all()


def test_names_that_are_not_asked_for_are_not_given():
    batch, _ = toy(3)
    method = build(specs(), Outputs(names=("top_had_mass", "other_pt")), peaks="nominal", b_tags="none")

    assert method.answer(batch.tensors, {}).shape == (3, 2)
    assert np.isnan(method.answer(batch.tensors, {})[:, 1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"peaks": "nominal", "top_minus_w": True}, "needs measured ones"),
        ({"peaks": "tuned"}, "peaks is 'tuned'; it can be measured or nominal"),
        ({"b_tags": True}, "b_tags is True"),
    ],
)
def test_unknown_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        build(specs(), Outputs(), **options)


def test_missing_inputs_are_errors():
    with pytest.raises(ValueError, match=r"needs input met\.px"):
        build({name: spec for name, spec in specs().items() if name != "met"}, Outputs())
    with pytest.raises(ValueError, match=r"needs input jets\.btag"):
        build(specs() | {"jets": Spec(("px", "py", "pz", "energy"), 6)}, Outputs())


def test_the_truth_is_in_the_toy():
    """The toy's own places are right by its own measure."""
    batch, _ = toy(20)
    answers = np.full((20, len(NAMES)), np.nan)
    answers[:, [NAMES.index(f"jet_of_{name}") for name in ("b_had", "q2", "q1", "b_lep")]] = true_places(batch)

    assert is_right(answers, batch).all()
