"""Events with several large jets: which are kept, and what is known of each jet; on made events."""

import itertools

import awkward as ak
import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.config import load_analysis
from pipeline.inputs import source_of
from pipeline.physics.kinematics import momentum
from pipeline.stream.chunk import build_inputs
from pipeline.stream.kinds.kind import kind_for
from pipeline.stream.observables import histogrammed
from processors import jets
from processors.jet_events import Processor, Settings
from tests.processors.nano_jets import QUARKS, SPLIT, TOP, WINDOW, all_arrays, draw, made, numbers

HARD, SOFT = {"pt": 650.0}, {"pt": 520.0, "eta": 0.1, "phi": 0.2, "mass": 90.0}
# Two top quarks, as QUARKS and at η = 1.6; the made quarks all have φ = 0.
TWO = [*QUARKS, (6, -1, 1.6), (24, 5, 1.6), (5, 5, 1.7), (2, 6, 1.5), (-1, 6, 1.6)]


def processor(**selection):
    return Processor(Settings.model_validate({"jet": WINDOW, "truth": TOP} | selection))


def test_a_row_is_an_event_with_its_jets_by_falling_momentum():
    particles = [{"pt": 30.0}, {"pt": 40.0, "pdgId": 22}]
    third = {"pt": 510.0, "phi": -0.1}
    event = {"jets": [third, SOFT | {"particles": particles}, HARD], "genWeight": -2.0}
    selected = processor().process(made([{"jets": [HARD]}, event]))

    assert (selected.ids.event.tolist(), selected.weight.tolist()) == ([101], [-2.0])
    assert {name: numbers(selected.inputs["jets"][name]) for name in ("pt", "phi_rel", "multiplicity")} == {
        "pt": [[650, 520]],
        "phi_rel": [[0, pytest.approx(0.2)]],
        "multiplicity": [[1, 2]],
    }
    assert np.exp(numbers(selected.inputs["constituents_1"]["log_pt"])).tolist() == [pytest.approx([10])]
    assert np.exp(numbers(selected.inputs["constituents_2"]["log_pt"])).tolist() == [pytest.approx([40, 30])]
    assert {name: float(selected.observables[name][0]) for name in ("pt_1", "pt_2", "mass_2", "multiplicity_2")} == {
        **{"pt_1": 650, "pt_2": 520, "mass_2": 90, "multiplicity_2": 2}
    }
    assert selected.inputs["event"]["mass_2"].tolist() == [90]


def test_the_mass_of_the_system_is_that_of_all_jets():
    far = SOFT | {"phi": 3.0}
    selected = processor().process(made([{"jets": [HARD, far]}]))
    p = [momentum(*(np.array([one.get(name, default)]) for name, default in zip(
        ("pt", "eta", "phi", "mass"), (0, 0, 0, 170.0), strict=True))) for one in (HARD, far)]  # fmt: skip

    assert selected.observables["system_mass"] == pytest.approx((p[0] + p[1]).mass, rel=1e-6)
    assert 1100 < selected.observables["system_mass"][0] < 1300


@pytest.mark.parametrize(
    ("n_cuts", "event"),
    [
        (3, {"jets": [HARD, SOFT]}),
        (3, {"jets": [HARD, SOFT], "generated": QUARKS}),
        (0, {"jets": [HARD]}),
        (0, {"jets": [HARD, {"pt": 499.0}]}),
        (1, {"jets": [HARD, SOFT], "generated": SPLIT}),
        (3, {"jets": [HARD, SOFT | {"eta": 1.6}], "generated": TWO}),
        (1, {"jets": [HARD, SOFT | {"eta": -1.6}], "generated": TWO}),
        (1, {"jets": [HARD, SOFT | {"phi": 2.0}], "generated": QUARKS}),
        (2, {"jets": [HARD, {"particles": []}]}),
    ],
    ids=[
        *("QCD", "one top in both jets", "one jet", "one in the window", "split top", "two tops", "one of two tops"),
        *("one that is no top jet", "one without particles"),
    ],
)
def test_an_event_passes_as_many_cuts_as_it_should(n_cuts, event):
    cuts = processor().process(made([event])).cutflow.cuts[1:]

    assert n_cuts == sum(cut.n_events for cut in cuts)
    assert [cut.name for cut in cuts] == ["2 jets in window", "truth", "constituents"]


def test_no_input_knows_the_truth():
    """What is histogrammed does."""
    selected = processor().process(made([{"jets": [HARD, SOFT | {"eta": 1.6}], "generated": TWO}]))

    assert selected.observables["n_quarks_2"].tolist() == [3]
    assert not [name for features in selected.inputs.values() for name in features if "quarks" in name]


def test_angles_on_both_sides_of_the_opposite_direction_are_near_each_other():
    selected = processor(truth=None).process(made([{"jets": [HARD, SOFT | {"phi": phi}]} for phi in (3.1, -3.1)]))

    assert ak.flatten(selected.inputs["jets"]["phi_rel"]).tolist() == pytest.approx([0, 3.1, 0, 2 * np.pi - 3.1], abs=1e-6)


def test_a_softer_jet_does_not_stand_in_for_one_that_fails():
    """Otherwise the softer jets of an event would decide whether it is signal."""
    jets_of_event = [HARD | {"phi": 2.0}, SOFT, {"pt": 510.0}]

    assert len(processor().process(made([{"jets": jets_of_event, "generated": QUARKS}]))) == 0
    assert len(processor().process(made([{"jets": jets_of_event[1:], "generated": QUARKS}]))) == 1


@pytest.mark.parametrize("n_jets", [1, 2, 3])
def test_its_jets_are_those_of_rows_that_are_jets(n_jets):
    """The other processor without truth and with as many jets an event, on events of which it keeps so many."""
    events = draw(600)
    selected = processor(truth=None, n_jets=n_jets).process(made(events))
    every = jets.Processor(jets.Settings.model_validate({"jet": WINDOW | {"max_per_event": n_jets}, "truth": None})).process(
        made(events)
    )
    rows = {}
    for row, event in enumerate(every.ids.event.tolist()):
        rows.setdefault(event, []).append(row)
    whole = {event: found for event, found in rows.items() if len(found) == n_jets}

    assert len(selected) > 5
    # An event may be lost there too, when one of its hardest jets has no particles.
    assert set(selected.ids.event.tolist()) == set(whole)
    for k in range(n_jets):
        mine = [whole[event][k] for event in selected.ids.event.tolist()]
        for name, values in every.inputs["constituents"].items():
            assert numbers(selected.inputs[f"constituents_{k + 1}"][name]) == numbers(values[mine]), name
        for name, values in every.observables.items():
            assert selected.observables[f"{name}_{k + 1}"].tolist() == values[mine].tolist(), name


def test_any_chunks_give_the_same_numbers():
    events, one = made(draw(200)), processor(truth=None)
    whole = one.process(events)
    parts = [one.process(events[a:b]) for a, b in itertools.pairwise([0, 3, 3, 90, 200])]

    assert len(whole) > 10
    for name, values in all_arrays(whole).items():
        assert numbers(values) == [value for part in parts for value in numbers(all_arrays(part)[name])], name
    assert whole.cutflow == sum((part.cutflow for part in parts[1:]), parts[0].cutflow)


def test_an_empty_chunk_and_an_empty_selection_are_no_exceptions():
    for events in (made([]), made([{}, {"jets": [{"pt": 10.0}]}])):
        assert {0} == {len(values) for values in all_arrays(processor().process(events)).values()}


@pytest.mark.parametrize(
    ("change", "place"),
    [({"n_jets": 0}, "n_jets"), ({"jet": WINDOW | {"max_per_event": 2}}, "max_per_event")],
    ids=["no jets", "a row a jet"],
)
def test_settings_are_closed(change, place):
    with pytest.raises(ValidationError, match=place):
        processor(**change)


def test_the_shipped_analysis_fits(pytestconfig):
    analysis = load_analysis(pytestconfig.rootpath / "config/jet_events.yaml")
    one = Processor(Settings.model_validate(analysis.selection))
    pair = [{"pt": pt, "mass": 80.0, "particles": [{"pt": 100.0}, {"pt": 90.0, "eta": 0.25}]} for pt in (270.0, 260.0)]
    selected = one.process(made([{"jets": pair}]))

    assert len(selected) == 1
    assert {axis.observable for axis in analysis.histograms.values()} <= set(histogrammed(selected))
    for collections in analysis.inputs.values():
        for name, collection in collections.items():
            assert set(kind_for(collection).reads(collection)) <= set(selected.inputs[source_of(name, collection)])
        build_inputs(selected, collections, place="made")
