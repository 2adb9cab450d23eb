"""The digest that ties a model and a cache entry to the code that selected its events."""

from importlib.metadata import version

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


def test_an_edit_of_data_in_a_folder_of_the_processors_changes_the_digest(toy):
    (toy / "processors/data").mkdir()
    (toy / "processors/data/sf.json").write_text('{"sf": 1.0}', encoding="utf-8")
    (toy / "processors/toy.py").write_text(f"{PROCESSOR}\nSF = Path(__file__).parent / 'data/sf.json'\n", encoding="utf-8")
    before = processor_digest(load_analysis("config/toy.yaml"))

    (toy / "processors/data/sf.json").write_text('{"sf": 2.0}', encoding="utf-8")

    assert processor_digest(load_analysis("config/toy.yaml")) != before


def test_an_edit_of_a_file_that_selection_names_changes_the_digest(toy):
    (toy / "golden.json").write_text("{}", encoding="utf-8")
    write_toy(toy, selection={"lumi": {"masks": ["golden.json"]}})
    before = processor_digest(load_analysis("config/toy.yaml"))

    (toy / "golden.json").write_text('{"1": [[1, 2]]}', encoding="utf-8")

    assert processor_digest(load_analysis("config/toy.yaml")) != before


@pytest.mark.parametrize("package", ["awkward", "coffea", "numpy", "uproot"])
def test_another_version_of_what_the_processor_computes_with_changes_the_digest(package, toy, monkeypatch):
    analysis = load_analysis("config/toy.yaml")
    before = processor_digest(analysis)

    monkeypatch.setattr("pipeline.digest._version", lambda name: "99" if name == package else version(name))

    assert processor_digest(analysis) != before
