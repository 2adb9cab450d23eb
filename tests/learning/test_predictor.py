"""A trained model is opened by what can read it, and says what is wrong if nothing can."""

import pytest

from pipeline.errors import InputError
from pipeline.learning.predictor import load_predictor


def test_a_model_that_nothing_here_can_read_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"holds no model that can be scored: \{'torch': 'model\.pt'\}\. Expected one of"):
        load_predictor(tmp_path, {"torch": "model.pt"})


@pytest.mark.parametrize(("kind", "name"), [("onnx", "model.onnx"), ("xgboost", "model.ubj")])
def test_a_missing_file_names_the_stage_that_writes_it(kind, name, tmp_path):
    with pytest.raises(InputError, match=rf"{name} is missing\. The stage 'train' writes it\. Run that stage again\."):
        load_predictor(tmp_path, {"keras": "model.keras", kind: name})
