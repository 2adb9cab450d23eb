"""Models that are trained on parts of the training events, as the YAML asks for them."""

import pytest

from pipeline.config import Analysis
from pipeline.sizes import models_of_curve, smaller_models
from tests.toy_analysis import ANALYSIS

MODELS = {
    "m": {"architecture": "bdt", "inputs": "all", "label": "Trees", "training": {"epochs": 7}},
    "n": {"architecture": "dnn", "inputs": "all"},
    "other": {"architecture": "dnn", "inputs": "all"},
}


def analysis(curve=None, **models):
    given = {"models": ["m", "n"], "percent": [30, 3]} if curve is None else curve
    return Analysis.model_validate({"name": "toy", **ANALYSIS, "models": {**MODELS, **models}, "learning_curve": given})


def test_each_model_of_the_curve_has_one_of_each_size_behind_all_others():
    one = analysis()

    assert list(one.models) == ["m", "n", "other", "m_30pct", "m_3pct", "n_30pct", "n_3pct"]
    assert [one.training_of(name).fraction for name in one.models] == [1, 1, 1, 0.3, 0.03, 0.3, 0.03]
    assert smaller_models(one) == {"m_30pct", "m_3pct", "n_30pct", "n_3pct"}
    assert models_of_curve(one)["n"] == {3: "n_3pct", 30: "n_30pct", 100: "n"}


def test_a_smaller_model_is_the_same_in_all_else():
    one = analysis()

    assert one.training_of("m_3pct") == one.training_of("m").model_copy(update={"fraction": 0.03})
    assert (one.models["m_3pct"].label, one.models["n_3pct"].label) == ("Trees, 3 %", "n, 3 %")
    for key in ("architecture", "inputs", "options", "heads"):
        assert getattr(one.models["m_3pct"], key) == getattr(one.models["m"], key)


def test_a_model_that_has_the_name_already_stays_as_it_is():
    own = {"architecture": "bdt", "inputs": "all", "training": {"epochs": 90, "fraction": 0.03}}

    assert analysis(m_3pct=own).training_of("m_3pct").epochs == 90


def test_reading_an_analysis_again_changes_nothing():
    one = analysis()

    assert Analysis.model_validate(one.model_dump()) == one


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        ({"models": ["o"], "percent": [10]}, r"learning_curve\.models: 'o' is not defined\. Known: 'm', 'n'"),
        ({"models": ["m"], "percent": [100]}, r"percent"),
        ({"models": ["m"], "percent": []}, r"percent"),
        ({"models": ["m"], "percents": [10]}, r"percents"),
        ({"models": "m", "percent": [10]}, r"models"),
        (["m"], r"learning_curve"),
    ],
    ids=str,
)
def test_what_is_wrong_in_a_curve_is_named(curve, words):
    with pytest.raises(ValueError, match=words):
        analysis(curve)


def test_without_a_curve_there_are_no_further_models():
    plain = Analysis.model_validate({"name": "toy", **ANALYSIS})

    assert list(plain.models) == ["m"]
    assert models_of_curve(plain) == {}
    assert smaller_models(plain) == set()
