import pytest

from pipeline.errors import InputError
from pipeline.events.files import expand_files, is_url, local_files, require_plugin


@pytest.fixture
def folder(tmp_path):
    for name in ("b.root", "a.root", "sub/c.root", "readme.txt", "odd[1].root"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def test_a_pattern_gives_its_files_sorted(folder):
    assert expand_files(["[ab].root"], root=folder) == [str(folder / "a.root"), str(folder / "b.root")]


def test_two_stars_go_into_folders(folder):
    names = [path.rpartition("/")[2] for path in expand_files([f"{folder}/**/*.root"])]
    assert names == ["a.root", "b.root", "odd[1].root", "c.root"]


def test_the_order_of_what_is_given_is_kept(folder):
    given = ["b.root", "*/c.root", "a.root"]
    assert [path.rpartition("/")[2] for path in expand_files(given, root=folder)] == ["b.root", "c.root", "a.root"]


def test_relative_paths_stay_relative(folder, monkeypatch):
    monkeypatch.chdir(folder)
    assert expand_files(["sub/c.root", "?.root"]) == ["sub/c.root", "a.root", "b.root"]


def test_a_file_with_signs_of_a_pattern_in_its_name_is_found(folder):
    assert expand_files(["odd[1].root"], root=folder) == [str(folder / "odd[1].root")]


def test_a_plain_path_is_passed_on_even_if_missing(tmp_path):
    assert expand_files(["none.root"], root=tmp_path) == [str(tmp_path / "none.root")]


def test_a_pattern_without_a_match_is_an_error(folder):
    with pytest.raises(InputError, match=r"No file matches 'x\*\.root' in .* Expected at least one\. Correct the pattern"):
        expand_files(["x*.root"], root=folder)


def test_a_pattern_in_a_url_is_an_error():
    with pytest.raises(InputError, match=r"Patterns are for local files only\. List the URLs"):
        expand_files(["https://example.org/*.root"])


@pytest.mark.parametrize(("url", "extra"), [("root://host//x.root", "xrootd"), ("https://host/x.root", "https")])
def test_a_missing_plugin_says_what_to_install(url, extra):
    with pytest.raises(InputError, match=rf"pip install nanoloom\[{extra}\]"):
        require_plugin(url, find=lambda name: None)


def test_an_installed_plugin_is_enough():
    asked = []
    require_plugin("root://host//x.root", find=lambda name: asked.append(name) or "found")
    assert asked == ["XRootD"]


def test_a_url_is_told_from_a_path():
    assert [is_url(path) for path in ("root://h//x", "https://h/x", "/eos/x.root", "C:x.root")] == [True, True, False, False]


def test_files_to_be_watched_are_those_that_are_here_now(tmp_path):
    (tmp_path / "a.root").touch()

    given = [f"{tmp_path}/*.root", f"{tmp_path}/missing.root", f"{tmp_path}/none*.txt", "root://server//b.root"]

    assert local_files(given) == [f"{tmp_path}/a.root"]
