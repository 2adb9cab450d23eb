"""What is wrong on Snakemake's command line, or in any of the analyses, is told at once and briefly."""

import shutil

import pytest

from pipeline.errors import InputError
from pipeline.workflow import load_analyses, size_of
from tests.toy_analysis import make_toy, write_toy


@pytest.fixture
def toy(tmp_path, make_nano, pytestconfig):
    """A folder with the analyses `toy` and `other`."""
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    shutil.copy(tmp_path / "config/toy.yaml", tmp_path / "config/other.yaml")
    return tmp_path


def test_all_analyses_are_taken_or_those_that_are_named(toy):
    assert list(load_analyses(root=toy)) == ["other", "toy"]
    assert list(load_analyses("toy", root=toy)) == ["toy"]
    assert list(load_analyses("toy, other", root=toy)) == list(load_analyses("toy other", root=toy)) == ["toy", "other"]


def test_every_broken_analysis_is_told_in_its_own_line_and_how_to_run_the_others(toy):
    write_toy(toy, lumi_inv_fb=-1)
    (toy / "config/broken.yaml").write_text("title: [", encoding="utf-8")

    with pytest.raises(InputError) as error:
        load_analyses(root=toy)

    first, second, way_on = str(error.value).splitlines()
    assert first.startswith(f"{toy}/config/broken.yaml is not valid YAML: ")
    assert second == f"{toy}/config/toy.yaml: lumi_inv_fb: Input should be greater than 0"
    assert way_on == "Without them: --config analyses=other"


def test_an_analysis_whose_model_is_missing_is_not_named_as_one_that_runs(toy):
    write_toy(toy, models={"m": {"architecture": "bdtt", "inputs": "all"}})

    with pytest.raises(InputError, match=r"^No models/bdtt\.py\. Nearest: 'bdt'.*\nWithout them: --config analyses=other$"):
        load_analyses(root=toy)


def test_a_misspelt_name_is_answered_with_the_nearest(toy):
    with pytest.raises(InputError, match=r"^No .*tyo\.yaml\. Nearest: 'toy'\. To add an analysis, write that file\.$"):
        load_analyses("tyo", root=toy)


def test_a_folder_without_analyses_is_told_and_not_taken_for_nothing_to_do(tmp_path):
    with pytest.raises(InputError, match=rf"there is no config/\*\.yaml in {tmp_path}\. .* snakemake --directory\.$"):
        load_analyses(root=tmp_path)


@pytest.mark.parametrize(("given", "size"), [(1, 1.0), ("0.1", 0.1), ("1e-2", 0.01), (10, 10.0)], ids=str)
def test_a_size_is_a_factor(given, size):
    assert size_of(given) == size


@pytest.mark.parametrize("given", ["abc", "", 0, -1, "nan", "inf", None, "1,5"], ids=str)
def test_what_is_no_factor_is_refused(given):
    with pytest.raises(
        InputError, match=rf"^size is {given}\. Expected a number above 0, such as 0\.1\. Correct --config size"
    ):
        size_of(given)


@pytest.mark.parametrize("path", ["processors/toy.py", "models/bdt.py"])
def test_a_plugin_that_is_no_python_is_told_with_its_line(path, toy):
    (toy / path).write_text("import numpy\ndef (", encoding="utf-8")

    with pytest.raises(InputError, match=rf"{path}, line 2, is no Python: .*\. Correct it there\.$"):
        load_analyses("toy", root=toy)
