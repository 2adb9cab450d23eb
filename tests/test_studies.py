"""An analysis for a quick look: without the further trainings of its studies."""

import pytest
import yaml

from pipeline.config import load_analysis
from pipeline.errors import InputError
from pipeline.studies import VARIABLE
from tests.toy_analysis import ANALYSIS

FURTHER = {
    "models": {
        "m": {"architecture": "bdt", "inputs": "all"},
        "m_2": {"architecture": "bdt", "inputs": "all", "again": "m"},
    },
    "learning_curve": {"models": ["m"], "percent": [10]},
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(yaml.safe_dump({**ANALYSIS, **FURTHER}), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("value", "models"), [(None, ["m", "m_2", "m_10pct"]), ("yes", ["m", "m_2", "m_10pct"]), ("no", ["m"])], ids=str
)
def test_further_trainings_are_left_out_where_the_environment_says_so(path, monkeypatch, value, models):
    if value is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, value)

    assert list(load_analysis(path).models) == models


def test_what_is_wrong_is_still_told(path, monkeypatch):
    monkeypatch.setenv(VARIABLE, "no")
    path.write_text(yaml.safe_dump({**ANALYSIS, "models": ["m"]}), encoding="utf-8")

    with pytest.raises(InputError, match="models"):
        load_analysis(path)
