"""A product is whole or is not there."""

import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.files import private_folder, read_json, replacing, scratch_folder, scratch_place, write_json
from pipeline.processes import place


class Broken(Exception):
    """What stops a stage in the middle."""


def stop_in(path, *, folder=False):
    """Write half of a product to *path*, and stop."""
    with replacing(path) as temporary:
        if folder:
            temporary.mkdir()
        (temporary / "new.pdf" if folder else temporary).write_text("half", encoding="utf-8")
        raise Broken


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "new/plan.json"

    with replacing(path) as temporary:
        temporary.write_text("half", encoding="utf-8")
        assert not path.exists()

    assert path.read_text(encoding="utf-8") == "half"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_the_old_file_and_nothing_half_written(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text("old", encoding="utf-8")

    with pytest.raises(Broken):
        stop_in(path)

    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_whole(tmp_path):
    path = tmp_path / "figures"
    path.mkdir()
    (path / "old.pdf").write_text("old", encoding="utf-8")

    with replacing(path) as temporary:
        temporary.mkdir()
        (temporary / "new.pdf").write_text("new", encoding="utf-8")

    assert [file.name for file in path.iterdir()] == ["new.pdf"]
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_folder(tmp_path):
    path = tmp_path / "figures"
    path.mkdir()
    (path / "old.pdf").write_text("old", encoding="utf-8")

    with pytest.raises(Broken):
        stop_in(path, folder=True)

    assert [file.name for file in path.iterdir()] == ["old.pdf"]
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_left_is_not_mixed_in(tmp_path):
    path = tmp_path / "figures"
    with replacing(path) as temporary:
        temporary.mkdir()
    temporary.mkdir()
    (temporary / "left.pdf").write_text("left", encoding="utf-8")

    with replacing(path) as again:
        again.mkdir()

    assert list(path.iterdir()) == []


@pytest.fixture(scope="session")
def dead_process():
    """The number of a process that is no more."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.parametrize("name", ["scores.root", "figures", "a.b[1].json"])
def test_what_a_dead_process_left_of_a_product_is_removed(name, dead_process, tmp_path):
    path = tmp_path / name
    left = path.with_name(f".{path.stem}.{place()}.{dead_process}.part{path.suffix}")
    left.mkdir()
    (left / "half").touch()

    with replacing(path) as temporary:
        temporary.touch()

    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "left",
    [
        f".plan.{place()}.{os.getppid()}.part.json",
        ".plan.elsewhere-1.{dead}.part.json",
        f".plan.{place()}.{{dead}}.part.txt",
        f".planned.{place()}.{{dead}}.part.json",
        f".plan.{place()}.{{dead}}.json",
    ],
    ids=["a living process", "another machine", "another format", "another product", "no temporary name"],
)
def test_what_may_belong_to_somebody_is_kept(left, dead_process, tmp_path):
    kept = tmp_path / left.format(dead=dead_process)
    kept.touch()

    write_json(tmp_path / "plan.json", {})

    assert set(tmp_path.iterdir()) == {tmp_path / "plan.json", kept}


@pytest.mark.parametrize("name", ["scores.root", "roc.png", "plan.json"])
def test_the_temporary_name_keeps_the_suffix_by_which_writers_choose_a_format(name, tmp_path):
    with replacing(tmp_path / name) as temporary:
        temporary.touch()

        assert temporary.suffix == (tmp_path / name).suffix
        assert temporary.name.startswith(".")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf], ids=str)
def test_a_number_that_json_does_not_know_is_refused(value, tmp_path):
    path = tmp_path / "metrics.json"

    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"auc": value})

    assert list(tmp_path.iterdir()) == []


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(content=values)
def test_reading_gives_back_what_was_written(content, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "content.json"

    write_json(path, content)

    assert read_json(path, made_by="test") == content


def test_a_missing_product_names_its_stage(tmp_path):
    with pytest.raises(InputError, match=r"No .*plan\.json\. The stage 'plan' writes it\. Run that stage first\."):
        read_json(tmp_path / "plan.json", made_by="plan")


def test_a_damaged_product_names_its_stage(tmp_path):
    path = tmp_path / "plan.json"
    path.write_text('{"datasets": [', encoding="utf-8")

    with pytest.raises(InputError, match=r"plan\.json is no JSON: .* Remove it and run the stage 'plan' again\."):
        read_json(path, made_by="plan")


def test_a_scratch_folder_is_removed_also_after_an_error(tmp_path):
    with scratch_folder(tmp_path / "scratch") as folder:
        (folder / "sub").mkdir()
    with pytest.raises(KeyError), scratch_folder(tmp_path / "scratch"):
        raise KeyError

    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path):
    code = (
        "import os, signal, sys; from pathlib import Path; from pipeline.files import scratch_folder\n"
        "with scratch_folder(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], check=False)
    (killed,) = tmp_path.iterdir()
    elsewhere = tmp_path / f"other-host-1.{killed.name.split('.')[1]}.abc"
    elsewhere.mkdir()

    with scratch_folder(tmp_path) as mine, scratch_folder(tmp_path) as second:
        assert set(tmp_path.iterdir()) == {mine, second, elsewhere}


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
def lax_umask():
    """A user whose new folders are open to everybody."""
    before = os.umask(0o000)
    yield
    os.umask(before)


@pytest.mark.usefixtures("lax_umask")
def test_a_private_folder_and_those_made_above_it_are_closed_to_others(tmp_path):
    (tmp_path / "given").mkdir(mode=0o775)

    private_folder(tmp_path / "given/.scratch/chunks")

    assert mode(tmp_path / "given/.scratch/chunks") == mode(tmp_path / "given/.scratch") == 0o700
    assert mode(tmp_path / "given") == 0o775  # not ours to close


@pytest.mark.usefixtures("lax_umask")
def test_a_private_folder_that_was_open_is_closed(tmp_path):
    (tmp_path / "chunks").mkdir()
    assert mode(tmp_path / "chunks") == 0o777

    private_folder(tmp_path / "chunks")

    assert mode(tmp_path / "chunks") == 0o700


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder to another user")
def test_the_folder_of_another_user_is_not_taken_over(tmp_path, pytestconfig):
    tmp_path.chmod(0o755)
    theirs = tmp_path / "chunks"
    theirs.mkdir()
    theirs.chmod(0o777)
    code = (
        "import os, sys; from pathlib import Path; from pipeline.files import scratch_folder; os.setuid(65534)\n"
        "with scratch_folder(Path('chunks')): pass"
    )
    environment = {**os.environ, "PYTHONPATH": str(pytestconfig.rootpath)}

    # In its folder, since nobody else may walk through those above.
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.returncode
    assert "chunks cannot be written: Operation not permitted" in done.stderr


@pytest.mark.usefixtures("lax_umask")
def test_scratch_folders_are_closed_to_others(tmp_path):
    with scratch_folder(tmp_path / ".scratch/xgboost") as folder:
        assert [mode(path) for path in (tmp_path / ".scratch", tmp_path / ".scratch/xgboost", folder)] == [0o700] * 3


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, ".scratch/chunks"),
        ({"NANOLOOM_SCRATCH": ""}, ".scratch/chunks"),
        ({"NANOLOOM_SCRATCH": "/data/me"}, "/data/me/chunks"),
        ({"NANOLOOM_SCRATCH": "~/scratch"}, f"{os.path.expanduser('~')}/scratch/chunks"),  # noqa: PTH111
    ],
    ids=["not set", "empty", "set", "home"],
)
def test_an_environment_variable_says_where_scratch_is(environment, expected):
    assert str(scratch_place("chunks", environment)) == expected


def test_every_user_of_scratch_goes_where_the_variable_says(pytestconfig):
    code = (
        "from pipeline.events import repeated_keys, site_slots; from pipeline.learning import xgboost_learner\n"
        "from pipeline.scale import local; from pipeline.stream import cache\n"
        "print(repeated_keys.SCRATCH, site_slots.FOLDER, xgboost_learner.SCRATCH, local.SCRATCH, cache.usual_cache().folder)"
    )
    environment = {**os.environ, "PYTHONPATH": str(pytestconfig.rootpath), "NANOLOOM_SCRATCH": "/disk"}

    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["/disk/duplicates", "/disk/sites", "/disk/xgboost", "/disk", "/disk/chunks"]


def test_a_scratch_folder_that_cannot_be_made_says_what_to_do(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")

    with pytest.raises(InputError, match=r"file/x cannot be written: Not a directory\. Expected .* Give it space"):
        scratch_folder(tmp_path / "file/x").__enter__()


def test_a_folder_replaces_another_one_whole(tmp_path):
    for content in ("old", "new"):
        with replacing(tmp_path / "model") as folder:
            folder.mkdir()
            (folder / content).write_text(content, encoding="utf-8")

    assert [path.name for path in (tmp_path / "model").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
