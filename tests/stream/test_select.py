"""The digest that ties a model and a cache entry to the code that selected its events."""

import pytest

from pipeline import plugins
from pipeline.config import load_analysis
from pipeline.stream.select import processor_digest
from tests.toy_analysis import PROCESSOR, make_toy, write_toy


@pytest.fixture
def toy(tmp_path, monkeypatch, make_nano, pytestconfig):
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_edit_of_the_processor_changes_the_digest(toy):
    analysis = load_analysis("config/toy.yaml")
    before = processor_digest(analysis)
    assert before == processor_digest(analysis)

    plugins.find("processors", "toy").write_text(PROCESSOR.replace(">=", ">"), encoding="utf-8")

    assert processor_digest(analysis) != before


def test_an_edit_of_the_configuration_does_not(toy):
    before = processor_digest(load_analysis("config/toy.yaml"))

    write_toy(toy, title="Other", selection={"met_min_gev": 1.0})

    assert processor_digest(load_analysis("config/toy.yaml")) == before
