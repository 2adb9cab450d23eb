"""One number for all that is known of an event: the same for copies, another for everything else."""

import awkward as ak
import numpy as np
import pytest

from pipeline.physics.selected import Cutflow, EventIds, Selected
from pipeline.statistics.hashing import mix64
from pipeline.stream.contents import content_keys

N = 40


def selected(**changes):
    """Events with a weight, an observable, and jagged inputs."""
    number = np.arange(N)
    given = {
        "weight": np.ones(N),
        "mass": 90.0 + number,
        "n_jets": number % 3,
        "missing": ak.Array([None if i % 4 == 0 else float(i) for i in range(N)]),
        "jet_pt": ak.unflatten(np.arange(float((number % 3).sum())), number % 3),
    } | changes
    ids = EventIds(np.ones(N, np.uint32), np.ones(N, np.uint32), number.astype(np.uint64))
    weight, pt = given.pop("weight"), given.pop("jet_pt")
    return Selected(ids, weight, given, Cutflow(), {"jet": {"pt": pt}})


KEYS = mix64(np.arange(N))


def test_a_copy_has_the_same_number_and_all_others_another():
    first, again = content_keys(selected(), KEYS), content_keys(selected(), KEYS)

    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first)) == N


def test_the_number_does_not_depend_on_the_other_events_of_the_range():
    whole, events = content_keys(selected(), KEYS), selected()
    ids = EventIds(events.ids.run[7:20], events.ids.luminosity_block[7:20], events.ids.event[7:20])
    observables = {name: values[7:20] for name, values in events.observables.items()}
    part = Selected(ids, events.weight[7:20], observables, Cutflow(), {"jet": {"pt": events.inputs["jet"]["pt"][7:20]}})

    np.testing.assert_array_equal(content_keys(part, KEYS[7:20]), whole[7:20])


@pytest.mark.parametrize(
    "changes",
    [
        {"weight": np.nextafter(np.ones(N), 2)},
        {"mass": np.nextafter(90.0 + np.arange(N), 0)},
        {"n_jets": 1 + np.arange(N) % 3},
        {"missing": ak.Array([-1.0 if i % 4 == 0 else i + 0.5 for i in range(N)])},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_another_weight_or_observable_gives_another_number(changes):
    assert not (content_keys(selected(**changes), KEYS) == content_keys(selected(), KEYS)).any()


def test_other_objects_give_another_number():
    pt = selected().inputs["jet"]["pt"]

    same = content_keys(selected(jet_pt=pt + 1), KEYS) == content_keys(selected(), KEYS)

    np.testing.assert_array_equal(same, ak.num(pt).to_numpy() == 0)


def test_another_name_gives_another_number():
    assert not (content_keys(selected(), mix64(KEYS)) == content_keys(selected(), KEYS)).any()
