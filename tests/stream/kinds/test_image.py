"""Images in the stream: small where they are kept, whole where a model takes them, scaled by all of their pixels."""

import awkward as ak
import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.inputs import Image
from pipeline.physics.selected import Cutflow, EventIds, Selected
from pipeline.statistics.moments import moments, zeros
from pipeline.stream.chunk import build_inputs
from pipeline.stream.kinds import image
from pipeline.stream.kinds.kind import finished_all

COLOUR = Image(
    kind="image",
    of="constituents",
    pixels=5,
    half_width=0.5,
    channels=("charged_pt", "neutral_pt", "charged_multiplicity"),
    steps=(),
    max_pixels=4,
)
# Two particles of one pixel, a third elsewhere, and a jet of one particle beyond the side.
JETS = {
    "eta_rel": [[0.01, 0.02, -0.4], [], [0.7]],
    "phi_rel": [[0.02, 0.03, 0.4], [], [0.0]],
    "pt": [[50.0, 30.0, 20.0], [], [9.0]],
    "charge": [[1.0, 0.0, -1.0], [], [1.0]],
}


def selected(**changes):
    ids = EventIds(*(np.arange(3, dtype=kind) for kind in (np.uint32, np.uint32, np.uint64)))
    given = {name: ak.values_astype(ak.Array(values), np.float32) for name, values in (JETS | changes).items()}
    return Selected(ids, np.ones(3), {}, Cutflow(), {"constituents": given})


def kept(collection=COLOUR, **changes):
    return build_inputs(selected(**changes), {"jet_image": collection}, place="here")


def test_the_whole_image_is_made_of_what_is_kept():
    whole = finished_all({"jet_image": COLOUR}, kept())["jet_image"]

    assert whole.shape == (3, 5, 5, 3)
    assert whole[0, 2, 2].tolist() == [50, 30, 1]
    assert whole[0, 0, 0].tolist() == [20, 0, 1]
    assert whole.sum(axis=(1, 2)).tolist() == [[70, 30, 2], [0, 0, 0], [0, 0, 0]]


def test_what_is_kept_is_small():
    large = COLOUR.model_copy(update={"pixels": 33, "max_pixels": 100})
    tensors = kept(large)

    assert sum(tensor.nbytes for tensor in tensors.values()) == 3 * 100 * (3 * 4 + 2)
    assert finished_all({"jet_image": large}, tensors)["jet_image"].nbytes == 3 * 33 * 33 * 3 * 4


def test_the_scales_are_those_of_all_pixels():
    tensors = kept()
    whole = finished_all({"jet_image": COLOUR}, tensors)["jet_image"]
    table, n_zeros = image.rows("jet_image", COLOUR, tensors)
    expected, found = moments(whole.reshape(-1, 3)), moments(table) + zeros(n_zeros, 3)

    assert (expected.n_rows, expected.mean, expected.spread) == (found.n_rows, found.mean, found.spread)
    assert expected.quantiles([0.01, 0.5, 0.99]) == found.quantiles([0.01, 0.5, 0.99])


def test_a_jet_with_more_pixels_than_are_kept_is_refused_and_named():
    few = COLOUR.model_copy(update={"max_pixels": 1})

    with pytest.raises(InputError, match=r"event 0 in here has 2 pixels that are not empty\. Expected at most 1.* to 4, or"):
        kept(few)


@pytest.mark.parametrize("feature", ["eta_rel", "pt", "charge"])
def test_a_particle_without_a_number_is_refused_and_named(feature):
    with pytest.raises(InputError, match=rf"constituents\.{feature} is nan for .* event 2 in here"):
        kept(**{feature: [[1.0, 1.0, 1.0], [], [np.nan]]})


def test_charges_are_read_only_where_a_channel_asks():
    grey = COLOUR.model_copy(update={"channels": ("pt", "multiplicity")})

    assert image.reads(COLOUR) == ("eta_rel", "phi_rel", "pt", "charge")
    assert image.reads(grey) == ("eta_rel", "phi_rel", "pt")
    assert finished_all({"jet_image": grey}, kept(grey))["jet_image"].sum(axis=(1, 2)).tolist() == [[100, 3], [0, 0], [0, 0]]


@pytest.mark.parametrize("normalise", ["sum", "l2"])
def test_images_are_normalised_where_that_is_asked_for(normalise):
    grey = COLOUR.model_copy(update={"channels": ("pt",), "normalise": normalise})
    jet = {"pt": [[40.0, 20.0, 80.0], [], [9.0]]}
    whole = finished_all({"jet_image": grey}, kept(grey, **jet))["jet_image"]

    assert (whole**2 if normalise == "l2" else whole).sum(axis=(1, 2, 3)).tolist() == pytest.approx([1, 0, 0])
    assert whole[0, 0, 0, 0] / whole[0, 2, 2, 0] == pytest.approx(4 / 3)
    assert whole[0].max() == pytest.approx(4 / 7 if normalise == "sum" else 0.8)
