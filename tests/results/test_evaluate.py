"""Products of `evaluate`: histograms, yields and curves of made counts, and what is wrong with counts."""

import math

import numpy as np
import pytest
import uproot

from pipeline.errors import InputError
from pipeline.results.evaluate import evaluate
from pipeline.results.products import read_uhi, write_dataset_histograms
from pipeline.statistics.dataset_histograms import DatasetHistograms
from tests.results.made_counts import (
    DATASETS,
    PRODUCTS,
    SELECTED,
    SUMW,
    SUMW2,
    analysis_of,
    content,
    write_counts,
)


@pytest.fixture(scope="module")
def analysis():
    return analysis_of()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, analysis):
    folder = tmp_path_factory.mktemp("made")
    write_counts(analysis, folder)
    evaluate(analysis, folder, sumw=SUMW, sumw2=SUMW2)
    return folder


def test_every_product_is_there_and_nothing_temporary(folder):
    assert sorted([*PRODUCTS, "evaluations", "histograms"]) == sorted(path.name for path in folder.iterdir())


def test_the_same_counts_give_the_same_bytes(folder, analysis, tmp_path):
    write_counts(analysis, tmp_path)
    evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)

    for name in PRODUCTS[:-1]:
        assert (folder / name).read_bytes() == (tmp_path / name).read_bytes()


@pytest.mark.parametrize("histogram", ["mass", "pt", "good_score", "poor_score"])
def test_integral_of_one_number_an_event_is_xsec_times_lumi_times_efficiency(folder, analysis, histogram):
    histograms = read_uhi(folder / "histograms.json")
    for name, row in content(folder, "yields")["datasets"].items():
        expected = row["yield"] if name == "data" else row["xsec_pb"] * 1000 * row["lumi_inv_fb"] * row["efficiency"]
        total = histograms[f"datasets/{name}/{histogram}"].sum(flow=True)

        assert expected == pytest.approx(total.value, rel=1e-9)
        assert row["yield"] == pytest.approx(total.value, rel=1e-9)
        assert row["yield_stat"] == pytest.approx(math.sqrt(total.variance), rel=1e-9)


def test_groups_are_sums_of_their_datasets(folder):
    histograms = read_uhi(folder / "histograms.json")
    groups = {
        "processes/tt": ["tt_a", "tt_b"],
        "classes/tt": ["tt_a", "tt_b"],
        "classes/hh": ["hh"],
        "mc": ["tt_a", "tt_b", "hh", "other"],
        "data": ["data"],
    }
    for group, members in groups.items():
        for histogram in ("mass", "pt", "good_score"):
            parts = [histograms[f"datasets/{name}/{histogram}"] for name in members]

            np.testing.assert_allclose(
                sum(h.values(flow=True) for h in parts), histograms[f"{group}/{histogram}"].values(flow=True)
            )
            np.testing.assert_allclose(
                sum(h.variances(flow=True) for h in parts), histograms[f"{group}/{histogram}"].variances(flow=True)
            )


def test_keys_are_those_of_the_groups(folder):
    keys = read_uhi(folder / "histograms.json").keys()
    groups = {key.rpartition("/")[0] for key in keys}

    assert groups == {
        *(f"datasets/{name}" for name in DATASETS),
        *(f"processes/{name}" for name in ("tt", "hh", "other", "data")),
        *("classes/tt", "classes/hh", "mc", "data"),
    }
    assert {key for key in keys if key.endswith("_train")} == {
        f"classes/{c}/{m}_score_train" for c in ("tt", "hh") for m in ("good", "poor")
    }


def test_root_file_and_json_hold_the_same_histograms(folder):
    histograms = read_uhi(folder / "histograms.json")
    with uproot.open(folder / "histograms.root") as file:
        names = {key for key, kind in file.classnames(cycle=False).items() if kind == "TH1D"}

        assert names == histograms.keys()
        for key, histogram in histograms.items():
            assert file[key].values(flow=True).tolist() == histogram.values(flow=True).tolist()
            assert file[key].variances(flow=True).tolist() == histogram.variances(flow=True).tolist()
        assert file["mc/mass"].member("fXaxis").member("fTitle") == "m [GeV]"


def test_yields_of_processes_are_sums(folder):
    yields = content(folder, "yields")
    first, second = (yields["datasets"][name] for name in ("tt_a", "tt_b"))
    tt = yields["processes"]["tt"]

    assert tt["n_selected"] == 1100
    assert tt["yield"] == pytest.approx(first["yield"] + second["yield"])
    assert tt["yield_stat"] == pytest.approx(math.hypot(first["yield_stat"], second["yield_stat"]))
    assert yields["datasets"]["data"]["yield"] == 70.0
    assert yields["datasets"]["data"]["yield_stat"] == pytest.approx(math.sqrt(70))


def test_an_analysis_without_models_has_histograms_and_empty_metrics(tmp_path):
    plain = analysis_of(task=None, models={}, inputs={})
    write_counts(plain, tmp_path)
    evaluate(plain, tmp_path, sumw=SUMW, sumw2=SUMW2)

    assert (content(tmp_path, "metrics"), content(tmp_path, "roc")) == ({}, {})
    assert not any(key.startswith("classes/") for key in read_uhi(tmp_path / "histograms.json"))


def test_only_data_makes_no_group_of_simulation(tmp_path):
    plain = analysis_of(task=None, models={}, inputs={}, datasets={"data": DATASETS["data"]})
    write_counts(plain, tmp_path, {"data": 5})
    evaluate(plain, tmp_path, sumw=SUMW, sumw2=SUMW2)

    keys = read_uhi(tmp_path / "histograms.json").keys()
    assert {key.rpartition("/")[0] for key in keys} == {"datasets/data", "processes/data", "data"}


def test_a_class_without_selected_events_is_named(analysis, tmp_path):
    write_counts(analysis, tmp_path, {**SELECTED, "tt_a": 0, "tt_b": 0})

    with pytest.raises(InputError, match=r"Class 'tt' has 0 selected events .* in tt_a, tt_b\. .* config/made\.yaml\."):
        evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)


def test_scores_of_other_classes_ask_for_a_new_score(folder, analysis, tmp_path):
    three = analysis_of(
        task={"kind": "classification", "classes": {"tt": ["tt"], "hh": ["hh"], "o": ["other"]}, "signal": "hh"}
    )

    with pytest.raises(
        InputError, match=r"counted for classes \('tt', 'hh'\), but config/made\.yaml has .*Run the stage `score`"
    ):
        evaluate(three, folder, sumw=SUMW, sumw2=SUMW2)


def test_another_binning_asks_for_a_new_score(folder, analysis):
    axes = {name: axis.model_dump() for name, axis in analysis.histograms.items()}
    other = analysis_of(histograms={**axes, "mass": {**axes["mass"], "bins": 11}})

    with pytest.raises(
        InputError, match=r"Histogram 'mass' in .* is not the one of config/made\.yaml.*Run the stage `score` again\."
    ):
        evaluate(other, folder, sumw=SUMW, sumw2=SUMW2)


def test_a_missing_dataset_names_its_file(analysis, tmp_path):
    write_counts(analysis, tmp_path)
    (tmp_path / "evaluations" / "hh.npz").unlink()

    with pytest.raises(InputError, match=r"No .*evaluations/hh\.npz\."):
        evaluate(analysis, tmp_path, sumw=SUMW, sumw2=SUMW2)


def test_a_sum_of_weights_of_zero_is_an_error(folder, analysis):
    with pytest.raises(InputError, match=r"Sum of weights of dataset 'hh' is 0\."):
        evaluate(analysis, folder, sumw={**SUMW, "hh": 0.0}, sumw2=SUMW2)


def test_a_sum_of_weights_that_is_missing_is_an_error(folder, analysis):
    with pytest.raises(InputError, match=r"No sum of weights of dataset 'hh'\."):
        evaluate(analysis, folder, sumw={"tt_a": 1.0, "tt_b": 1.0}, sumw2=SUMW2)


def test_histograms_of_one_dataset_are_not_scaled(folder, analysis, tmp_path):
    histograms = DatasetHistograms.load(folder / "histograms" / "data.npz")
    write_dataset_histograms(tmp_path / "data.root", histograms, None)
    with uproot.open(tmp_path / "data.root") as file:
        assert file.keys(cycle=False) == ["mass", "pt"]
        assert file["mass"].values(flow=True).sum() == 70
