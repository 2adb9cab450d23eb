"""The memory of a stage does not grow with the number of files."""

import re

import pytest
import yaml

from benchmarks.peak import STATUS, peak_mb
from benchmarks.sample import CARDS, sample_files
from tests.workflow.conftest import copy_project

FILES, MORE_FILES = 1, 4
EVENTS_PER_FILE = 50_000
CEILING_MB = 1500
# Of a scoring job, for many of them to fit on one machine.
SCORE_MB = 400
GROWTH, NOISE_MB = 1.05, 8


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    pytest.importorskip("pythia8mc", reason="the simulation is an extra: pip install nanoloom[simulation]")
    return sample_files(tmp_path_factory.mktemp("sample"), MORE_FILES * EVENTS_PER_FILE)


@pytest.fixture(scope="module")
def peaks(sample, pytestconfig, tmp_path_factory):
    """By number of files of each dataset, the peak memory in MB of each stage."""
    return {
        n: run_stages(n, sample, pytestconfig.rootpath, tmp_path_factory.mktemp(f"files_{n}")) for n in (FILES, MORE_FILES)
    }


def run_stages(n_files, sample, root, folder):
    copy_project(root, folder)
    (folder / "config/memory.yaml").write_text(yaml.safe_dump(analysis_of(root, sample, n_files)), encoding="utf-8")
    shrink_pages(folder / "pipeline/learning/xgboost_learner.py")
    peak_of(folder, "plan")
    return {
        "summarise": peak_of(folder, "summarise"),
        **{
            f"train {model}": max(peak_of(folder, "train", *named(model, fold)) for fold in "01") for model in ("dnn", "bdt")
        },
        "score": max(peak_of(folder, "score", "--dataset", dataset) for dataset in CARDS),
    }


def shrink_pages(path):
    """Let a page of xgboost be smaller than the selected events of one file, as the shuffle buffer is."""
    text, n_changed = re.subn(r"^PAGE_ROWS = .*$", "PAGE_ROWS = 2048", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert n_changed == 1
    path.write_text(text, encoding="utf-8")


def named(model, fold):
    return ("--model", model, "--fold", fold)


def analysis_of(root, sample, n_files):
    """hh_bbww on *n_files* files of each dataset; the shuffle buffer is smaller than the selected events of one of them."""
    analysis = yaml.safe_load((root / "config/hh_bbww.yaml").read_text(encoding="utf-8"))
    for name, dataset in analysis["datasets"].items():
        del dataset["simulate"]
        dataset["files"] = list(sample[name][:n_files])
    # Several ranges in one file: the first range of all needs less, for nothing is there yet to be added to.
    analysis["reading"] = {"range_entries": 20_000}
    analysis["models"] = {name: analysis["models"][name] for name in ("dnn", "bdt")}
    analysis["training"] |= {"epochs": 2, "batch_size": 1024, "shuffle_buffer_mb": 0.5}
    analysis["models"]["bdt"]["training"] |= {"epochs": 20}
    return analysis


def peak_of(folder, stage, *arguments):
    return peak_mb(folder, stage, "--config", "config/memory.yaml", *arguments)


@pytest.mark.slow
@pytest.mark.skipif(not STATUS.exists(), reason="only Linux says how much memory a process held at most")
@pytest.mark.parametrize("stage", ["summarise", "train dnn", "train bdt", "score"])
def test_four_times_the_files_need_no_more_memory(stage, peaks):
    assert peaks[MORE_FILES][stage] <= GROWTH * peaks[FILES][stage] + NOISE_MB, peaks
    assert peaks[MORE_FILES][stage] < (SCORE_MB if stage == "score" else CEILING_MB), peaks
