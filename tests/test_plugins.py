"""Plug-ins are found by the name of their file, and a misspelt name is answered with the nearest."""

import sys

import pytest

from pipeline import plugins
from pipeline.errors import InputError

MODEL = "import not_installed_anywhere\n\ndef build(inputs, outputs, *, width=3, depth=1) -> keras.Model:\n    pass\n"


@pytest.fixture
def folder(tmp_path):
    """A root with the processors `zpeak` and `dimuon`, and a model that cannot be imported."""
    for name in ("zpeak", "dimuon", "__init__"):
        path = tmp_path / "processors" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"NAME = {name!r}\n", encoding="utf-8")
    (tmp_path / "models").mkdir()
    (tmp_path / "models/net.py").write_text(MODEL, encoding="utf-8")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_plugin_is_found_by_its_name(folder):
    assert plugins.find("processors", "zpeak", root=folder) == folder / "processors/zpeak.py"


def test_a_misspelt_name_is_answered_with_the_nearest(folder):
    with pytest.raises(InputError, match=r"^No processors/zpeek\.py\. Nearest: 'zpeak'\. To add one, write that file\.$"):
        plugins.find("processors", "zpeek", root=folder)


def test_a_name_like_no_other_is_answered_with_all_of_them(folder):
    with pytest.raises(InputError, match=r"Known: 'dimuon', 'zpeak'\."):
        plugins.find("processors", "xyz", root=folder)


def test_an_empty_folder_holds_none(tmp_path):
    (tmp_path / "processors").mkdir()

    with pytest.raises(InputError, match=r"No processors/zpeak\.py\. There are none\."):
        plugins.find("processors", "zpeak", root=tmp_path)


def test_a_command_in_a_folder_without_plugins_is_told_to_change_it(tmp_path):
    with pytest.raises(InputError, match=rf"No folder processors/ in {tmp_path}, .* Go there, and run the command again\."):
        plugins.find("processors", "zpeak", root=tmp_path)


@pytest.mark.parametrize(("name", "stem"), [("tt", "tt"), ("tt_3", "tt_3"), ("tt_500", "tt"), ("a_b_7", "a_b")])
def test_a_card_is_found_by_its_name_with_and_without_a_parameter(name, stem, tmp_path):
    for known in ("tt", "tt_3", "a_b"):
        (tmp_path / f"{known}.yaml").touch()

    assert plugins.find_card(name, folder=tmp_path) == tmp_path / f"{stem}.yaml"


@pytest.mark.parametrize("name", ["ttt", "tt_x", "3"])
def test_a_misspelt_card_is_answered_with_the_nearest(name, tmp_path):
    (tmp_path / "tt.yaml").touch()

    with pytest.raises(
        InputError, match=rf"No process card '{name}'\. (Nearest|Known): 'tt'\. To add one, write .*/{name}\."
    ):
        plugins.find_card(name, folder=tmp_path)


def test_a_plugin_is_imported_once(folder):
    first = plugins.load("processors", "zpeak", root=folder)

    assert first.NAME == "zpeak"
    assert first is plugins.load("processors", "zpeak", root=folder)


def test_the_same_name_in_another_root_is_another_plugin(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "processors").mkdir()
    (other / "processors/zpeak.py").write_text("NAME = 'other'\n", encoding="utf-8")

    names = [plugins.load("processors", "zpeak", root=root).NAME for root in (folder, other, folder)]

    assert names == ["zpeak", "other", "zpeak"]


def test_a_plugin_that_fails_is_not_taken_for_imported(folder):
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError, match="not_installed_anywhere"):
            plugins.load("models", "net", root=folder)


def test_options_and_framework_are_read_without_importing(folder):
    path = plugins.find("models", "net", root=folder)

    assert plugins.options_of(path) == ("width", "depth")
    assert plugins.framework_of(path) == "keras"


@pytest.mark.parametrize(
    ("returns", "framework"),
    [("xgboost.Booster", "xgboost"), ("'keras.Model'", "keras"), ("Model", "Model")],
    ids=str,
)
def test_the_framework_is_the_first_word_of_what_build_returns(returns, framework, tmp_path):
    path = tmp_path / "net.py"
    path.write_text(f"def build(inputs, outputs) -> {returns}: ...\n", encoding="utf-8")

    assert plugins.framework_of(path) == framework
    assert plugins.options_of(path) == ()


def test_a_model_without_a_return_type_is_told_what_to_add(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("def build(inputs, outputs): ...\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"has no return type\. Expected -> keras\.Model or -> xgboost\.Booster\. Add it\."):
        plugins.framework_of(path)


def test_a_model_without_build_is_told_what_to_write(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("class Net:\n    def build(self): ...\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"net\.py has no function build\. Expected build\(inputs, outputs"):
        plugins.options_of(path)


def test_every_task_can_be_loaded_and_has_the_name_of_its_file():
    assert "classification" in plugins.task_names()
    for name in plugins.task_names():
        settings = plugins.load_task(name).Settings
        assert settings.model_json_schema()["properties"]["kind"]["const"] == name


def test_a_module_that_only_helps_a_task_is_none():
    with pytest.raises(InputError, match=r"No task 'score_counts' in pipeline/tasks\."):
        plugins.load_task("score_counts")
