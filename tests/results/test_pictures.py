"""Mean images: each class after each step, the same bits from any chunks, and drawn with what they are."""

from types import SimpleNamespace

import awkward as ak
import numpy as np
import pytest

from pipeline.inputs import Image
from pipeline.learning.pictures import add_pictures, empty_pictures
from pipeline.physics.selected import Cutflow, EventIds, Selected
from pipeline.results.figures import pictures as figure
from pipeline.results.figures.products import Picture
from pipeline.results.figures.style import Header
from pipeline.results.pictures import mean_pictures, pictures_of
from pipeline.statistics.sums import Quantum
from pipeline.stream.chunk import build_inputs
from pipeline.stream.kinds.kind import finished_all
from tests.toy_analysis import ANALYSIS

IMAGE = {"kind": "image", "of": "constituents", "pixels": 7, "half_width": 0.6, "steps": ["flip", "centre"]}
INPUTS = {"images": {"jet": IMAGE}, "raw": {"jet": {**IMAGE, "steps": []}}, "numbers": {"event": ["met"]}}
NAMES = ["images_jet_raw", "images_jet_centre", "images_jet_flip"]


@pytest.fixture
def analysis():
    from pipeline.config import Analysis

    return Analysis.model_validate({"name": "toy", **ANALYSIS, "inputs": INPUTS, "models": {}})


def drawn(n_jets, *, seed=1):
    """Jets of 1 to 20 particles with weights of either sign."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 21, n_jets)
    n = counts.sum()
    columns = {"eta_rel": rng.normal(0, 0.2, n), "phi_rel": rng.normal(0, 0.2, n), "pt": rng.exponential(20, n)}
    given = {name: ak.unflatten(values.astype(np.float32), counts) for name, values in columns.items()}
    ids = EventIds(*(np.arange(n_jets, dtype=kind) for kind in (np.uint32, np.uint32, np.uint64)))
    return Selected(ids, rng.choice([0.7, -0.3, 1.9], n_jets), {}, Cutflow(), {"constituents": given})


def part(selected, rows):
    ids = EventIds(*(column[rows] for column in (selected.ids.run, selected.ids.luminosity_block, selected.ids.event)))
    given = {name: values[rows] for name, values in selected.inputs["constituents"].items()}
    return Selected(ids, selected.weight[rows], {}, Cutflow(), {"constituents": given})


def summed(analysis, *chunks):
    total = empty_pictures(analysis, Quantum.of_typical_weight(1.0))
    for chunk in chunks:
        add_pictures(total, analysis, chunk, place="here")
    return total


def test_each_image_is_shown_once_and_after_each_of_its_steps(analysis):
    found = pictures_of(analysis)

    assert list(found) == NAMES
    assert [one.steps for one in found.values()] == [(), ("centre",), ("centre", "flip")]


@pytest.mark.parametrize("cut", [0, 1, 17, 40])
def test_any_chunks_give_the_same_sums(analysis, cut):
    selected = drawn(40)
    whole = summed(analysis, selected)
    parts = summed(analysis, part(selected, slice(0, cut))) + summed(analysis, part(selected, slice(cut, 40)))

    for name, histogram in whole.histograms.items():
        np.testing.assert_array_equal(histogram.sumw, parts.histograms[name].sumw)


def test_the_mean_is_that_of_the_whole_images_with_their_weights(analysis, tmp_path):
    quantum, scales, sums, images, weights = Quantum.of_typical_weight(1.0), {}, {}, {}, {}
    for seed, dataset in enumerate(analysis.datasets, start=1):
        selected = drawn(30, seed=seed)
        summed(analysis, selected).save(tmp_path / f"{dataset}.npz")
        scales[dataset], weights[dataset] = float(seed), selected.weight * seed
        sums[dataset] = SimpleNamespace(sumw=float(quantum.counts(selected.weight).sum() * quantum.value))
        collections = pictures_of(analysis)
        images[dataset] = finished_all(collections, build_inputs(selected, collections, place="here"))
    found = mean_pictures(analysis, tmp_path, sums, scales)

    for name, members in analysis.task.classes.items():
        datasets = [key for key, one in analysis.datasets.items() if one.process in members]
        weight = np.concatenate([weights[key] for key in datasets])
        for picture in NAMES:
            stacked = np.concatenate([images[key][picture] for key in datasets])[..., 0]
            expected = np.tensordot(weight, stacked, 1) / weight.sum()
            # Of the histogram x comes first and y rises; of the image rows come first and y falls.
            np.testing.assert_allclose(
                expected, found[f"pictures/{name}/{picture}_pt"].values().T[::-1], rtol=1e-5, atol=1e-5
            )


def test_without_images_nothing_is_read(analysis, tmp_path):
    assert mean_pictures(analysis.model_copy(update={"inputs": {}}), tmp_path / "nowhere", {}, {}) == {}


def test_a_figure_has_a_row_for_each_class_and_a_column_for_each_step():
    edges, rng = np.linspace(-0.6, 0.6, 8), np.random.default_rng(1)
    steps = ("raw", "centre", "flip")
    keys = [f"pictures/{group}/images_jet_{step}_pt" for group in ("qcd", "w") for step in steps]
    products = SimpleNamespace(
        analysis=SimpleNamespace(inputs={"images": {"jet": Image.model_validate(IMAGE)}, "numbers": {"event": ("met",)}}),
        pictures={key: Picture(edges, rng.random((7, 7))) for key in keys},
        group_label=str.upper,
        header=lambda: Header(13.0),
    )
    (drawing,) = figure.drawings(products)
    panels = drawing.draw().axes

    assert drawing.name == "images_jet_pt"
    assert [panel.texts[0].get_text() for panel in panels[:6]] == [
        f"{group}\n{title}" for group in ("QCD", "W") for title in ("as it is", "centred", "flipped")
    ]
    assert panels[-1].get_ylabel() == "mean $p_T$ in a pixel [GeV]"
    for key, panel in zip(keys, panels[:6], strict=True):
        np.testing.assert_array_equal(products.pictures[key].values.T.ravel(), panel.collections[0].get_array().ravel())
