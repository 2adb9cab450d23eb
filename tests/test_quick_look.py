"""An analysis for a quick look: without the further trainings of its studies, and with few epochs."""

import pytest
import yaml

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.quick_look import EPOCHS, STUDIES
from tests.toy_analysis import ANALYSIS

FURTHER = {
    "models": {
        "m": {"architecture": "bdt", "inputs": "all"},
        "m_2": {"architecture": "bdt", "inputs": "all", "again": "m"},
        "short": {"architecture": "bdt", "inputs": "all", "training": {"epochs": 3}},
        "long": {"architecture": "bdt", "inputs": "all", "training": {"epochs": 800, "learning_rate": 0.1}},
    },
    "learning_curve": {"models": ["m"], "percent": [10]},
}


@pytest.fixture
def path(tmp_path, monkeypatch):
    for variable in (STUDIES, EPOCHS):
        monkeypatch.delenv(variable, raising=False)
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump({**ANALYSIS, **FURTHER}), encoding="utf-8")
    return path


def epochs(analysis):
    return {model: analysis.training_of(model).epochs for model in ("m", "short", "long")}


@pytest.mark.parametrize(("value", "left_out"), [(None, set()), ("yes", set()), ("no", {"m_2", "m_10pct"})], ids=str)
def test_further_trainings_are_left_out_where_the_environment_says_so(path, monkeypatch, value, left_out):
    if value is not None:
        monkeypatch.setenv(STUDIES, value)

    assert set(load_analysis(path).models) == {"m", "m_2", "short", "long", "m_10pct"} - left_out


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        ("", {"m": 30, "short": 3, "long": 800}),
        ("5", {"m": 5, "short": 3, "long": 5}),
        ("100", {"m": 30, "short": 3, "long": 100}),
    ],
)
def test_no_training_is_longer_than_the_environment_says_and_none_becomes_longer(path, monkeypatch, most, expected):
    monkeypatch.setenv(EPOCHS, most)
    analysis = load_analysis(path)

    assert epochs(analysis) == expected
    assert analysis.training_of("long").learning_rate == 0.1


def test_epochs_of_the_common_training_are_shortened(path, monkeypatch):
    monkeypatch.setenv(EPOCHS, "7")
    path.write_text(yaml.safe_dump({**ANALYSIS, **FURTHER, "training": {"epochs": 50}}), encoding="utf-8")

    assert epochs(load_analysis(path)) == {"m": 7, "short": 3, "long": 7}


def test_a_search_may_still_begin(path, monkeypatch):
    monkeypatch.setenv(EPOCHS, "2")
    search = {"m": {"search": {"training.learning_rate": {"uniform": [0.1, 0.2]}}, "min_epochs": 9}}
    path.write_text(yaml.safe_dump({**ANALYSIS, **FURTHER, "tune": search}), encoding="utf-8")

    assert load_analysis(path).tune["m"].min_epochs == 2


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5"])
def test_what_is_no_number_of_epochs_is_told(path, monkeypatch, value):
    monkeypatch.setenv(EPOCHS, value)

    with pytest.raises(InputError, match=f"NANOLOOM_EPOCHS is '{value}'. Expected a number of epochs from 1"):
        load_analysis(path)


@pytest.mark.parametrize(("variable", "value"), [(STUDIES, "no"), (EPOCHS, "2")])
@pytest.mark.parametrize("wrong", [{"models": ["m"]}, {"models": {"m": "bdt"}}, {"training": 5}])
def test_what_is_wrong_is_still_told(path, monkeypatch, variable, value, wrong):
    monkeypatch.setenv(variable, value)
    path.write_text(yaml.safe_dump({**ANALYSIS, **wrong}), encoding="utf-8")

    with pytest.raises(InputError, match=next(iter(wrong))):
        load_analysis(path)
