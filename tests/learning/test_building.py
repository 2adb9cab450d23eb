"""What is said when an architecture does not take what the configuration gives it."""

import re

import numpy as np
import pytest

from pipeline.config import Analysis
from pipeline.errors import InputError
from pipeline.learning.building import build_model
from pipeline.stream.spec import InputSpec
from tests.toy_analysis import ANALYSIS


def spec(max_objects=None):
    return {"event": InputSpec("event", ("met",), np.zeros(1, np.float32), np.ones(1, np.float32), max_objects)}


def analysis(architecture, **options):
    models = {"m": {"architecture": architecture, "inputs": "all", "options": options}}
    return Analysis.model_validate({"name": "toy", **ANALYSIS, "models": models})


@pytest.fixture(autouse=True)
def root(monkeypatch, pytestconfig):
    """Models are found in the current folder."""
    monkeypatch.chdir(pytestconfig.rootpath)


def test_a_model_that_fits_is_built():
    assert build_model(analysis("bdt", max_depth=3), "m", spec()).num_features() == 1
    assert build_model(analysis("dnn", units=[4]), "m", spec()).count_params() == 1 * 4 + 4 + 4 * 2 + 2


@pytest.mark.parametrize(
    ("architecture", "options", "max_objects", "reason"),
    [
        ("dnn", {"activation": "rellu"}, None, "Could not interpret activation function identifier: rellu"),
        ("dnn", {"units": 5}, None, "'int' object is not iterable"),
        ("dnn", {"units": [0]}, None, "Received an invalid value for `units`, expected a positive integer"),
        ("dnn", {"dropout": 1.5}, None, "Invalid value received for argument `rate`"),
        ("dnn", {}, 3, "dnn takes flat inputs, 'event' is a padded collection"),
        ("bdt", {}, 3, "bdt takes flat inputs, 'event' is a padded collection"),
        ("bdt", {"max_depth": -1}, None, "value -1 for Parameter max_depth should be greater equal to 0"),
    ],
    ids=["activation", "units", "no unit", "dropout", "padded dnn", "padded bdt", "depth"],
)
def test_options_and_inputs_that_do_not_fit_are_told_with_the_line(architecture, options, max_objects, reason):
    with pytest.raises(
        InputError, match=rf"^Model 'm' cannot be built: {re.escape(reason)}.* \(models/{architecture}\.py, line \d+\)\."
    ) as error:
        build_model(analysis(architecture, **options), "m", spec(max_objects))

    assert "\n" not in str(error.value)
    assert "Correct models.m.options or inputs in config/toy.yaml" in str(error.value)


def test_a_bug_in_an_architecture_keeps_its_traceback(tmp_path, monkeypatch):
    (tmp_path / "models").mkdir()
    build = "def build(inputs, outputs) -> keras.Model:\n    return inputs['no such input']\n"
    text = f"from __future__ import annotations\n{build}"
    (tmp_path / "models/broken.py").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(KeyError, match="no such input"):
        build_model(analysis("broken"), "m", spec())
