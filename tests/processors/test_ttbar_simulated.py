"""The analysis `ttbar` on its own simulation: what is written about it in docs/top_pairs.md."""

import numpy as np
import pytest

from models.chi_square import build
from pipeline.config import load_analysis
from pipeline.physics.partons import JET_PARTONS
from pipeline.stream.chunk import build_inputs
from pipeline.stream.spec import InputSpec, OutputSpec
from processors.ttbar import FULL, OTHER, PARTIAL, Processor, Settings

pytestmark = pytest.mark.slow
N_EVENTS = 2000
JET_OF = tuple(f"jet_of_{name}" for name in JET_PARTONS)


@pytest.fixture(scope="module")
def analysis(pytestconfig):
    return load_analysis(pytestconfig.rootpath / "config/ttbar.yaml")


@pytest.fixture(scope="module")
def selected(analysis, tmp_path_factory, opened):
    """The selected events of a simulated file, by the settings of the shipped analysis."""
    pytest.importorskip("pythia8mc", reason="needs nanoloom[simulation]")
    pytest.importorskip("fastjet", reason="needs nanoloom[simulation]")
    from pipeline.simulation.simulate import simulate_file

    path = tmp_path_factory.mktemp("ttbar") / "nano.root"
    simulate_file("tt_semi", n_events=N_EVENTS, seed=7, file_index=0, out=path)
    processor = Processor(Settings.model_validate(analysis.selection))
    events, _ = opened(path, {*processor.reads, "genWeight"})
    return processor.process(events)


@pytest.fixture(scope="module")
def tensors(analysis, selected):
    return build_inputs(selected, analysis.inputs["eight_jets"], place="nano.root")


def places(selected):
    return np.stack([selected.targets[name] for name in JET_OF], axis=1)


def event_efficiency(selected, tensors, analysis, **options):
    """Of the full events, the part in which every quark gets its jet; measured on even events for odd ones and back."""
    inputs = {
        name: InputSpec.without_scales(name, tuple(getattr(one, "features", one)), getattr(one, "max_objects", None))
        for name, one in analysis.inputs["eight_jets"].items()
    }
    method = build(inputs, OutputSpec(JET_OF, "linear", targets=JET_OF), **options)
    truth = places(selected)
    right = np.zeros(len(truth), dtype=bool)
    for kept in (0, 1):
        is_kept = np.arange(len(truth)) % 2 == kept
        part = {name: tensor[~is_kept] for name, tensor in tensors.items()}
        batch = Batch(part, truth[~is_kept].astype(np.float32), np.ones((~is_kept).sum(), np.float32))
        found = method.answer({name: tensor[is_kept] for name, tensor in tensors.items()}, method.measure(iter([batch])))
        of_w = np.sort(found[:, 1:3], axis=1) == np.sort(truth[is_kept, 1:3], axis=1)
        right[is_kept] = (found[:, [0, 3]] == truth[is_kept][:, [0, 3]]).all(axis=1) & of_w.all(axis=1)
    return right[selected.targets["event_class"] == FULL].mean()


class Batch:
    def __init__(self, tensors, targets, weight):
        self.tensors, self.targets, self.weight = tensors, targets, weight


def test_a_third_of_the_events_is_selected_and_two_fifths_of_these_are_full(selected):
    classes = selected.targets["event_class"]

    assert len(selected) / N_EVENTS == pytest.approx(0.36, abs=0.04)
    assert np.mean(classes == FULL) == pytest.approx(0.41, abs=0.07)
    assert np.mean(classes == PARTIAL) == pytest.approx(0.47, abs=0.07)
    assert np.mean(classes == OTHER) == 0


def test_the_lepton_has_either_charge_as_often(selected):
    charge = selected.inputs["lepton"]["charge"]

    assert set(charge.tolist()) == {-1, 1}
    assert abs(charge.mean()) < 5 / np.sqrt(len(charge))


def test_jets_of_b_quarks_are_b_jets_and_near_their_quarks(selected):
    full = selected.targets["event_class"] == FULL
    rows = np.flatnonzero(full)
    tags = {name: selected.inputs["jets"]["btag"][rows, selected.targets[f"jet_of_{name}"][rows]] for name in JET_PARTONS}
    pt = np.asarray(selected.inputs["jets"]["pt"][rows, selected.targets["jet_of_b_had"][rows]])

    assert min(np.mean(tags[name]) for name in ("b_had", "b_lep")) > 2 * max(np.mean(tags[name]) for name in ("q1", "q2"))
    assert np.median(pt / selected.targets["b_had"][rows, 0]) == pytest.approx(0.93, abs=0.04)


def test_measured_peaks_and_b_tags_make_the_baseline(selected, tensors, analysis):
    """Within four standard deviations of what 60,000 events gave."""
    tuned = event_efficiency(selected, tensors, analysis, top_minus_w=True)
    nominal = event_efficiency(selected, tensors, analysis, peaks="nominal", b_tags="none")

    assert tuned == pytest.approx(0.694, abs=0.11)
    assert nominal == pytest.approx(0.356, abs=0.11)
