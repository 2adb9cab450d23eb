"""A disk that takes nothing more ends a stage with a message that names the product, and leaves nothing half-written."""

import errno
import os
import re
import resource
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.cli import main
from tests.toy_analysis import make_toy, write_toy

pytestmark = pytest.mark.slow

STAGES = {
    "plan": ("plan",),
    "summarise": ("summarise",),
    "train a network": ("train", "--model", "dnn", "--fold", "0"),
    "train trees": ("train", "--model", "bdt", "--fold", "0"),
    "score": ("score", "--dataset", "s"),
    "evaluate": ("evaluate",),
    "plot": ("plot",),
    "report": ("report",),
}
BESIDE = (
    ("train", "--model", "dnn", "--fold", "1"),
    ("train", "--model", "bdt", "--fold", "1"),
    ("score", "--dataset", "b"),
)
MODELS = {
    "dnn": {"architecture": "dnn", "inputs": "all", "options": {"units": [4]}},
    "bdt": {"architecture": "bdt", "inputs": "all"},
}
FULL, READ_ONLY = "No space left on device", "Read-only file system"


def run(*command):
    return CliRunner().invoke(main, [*command, "--config", "config/toy.yaml"], catch_exceptions=False)


def refused(result, *parts):
    """One message with all *parts*."""
    assert result.exit_code == 1, result.output
    said = result.output[result.output.index("error: ") :]
    assert said.count("\n") == 1
    for part in parts:
        assert part in said


def files(folder):
    """Everything below *folder*, with when it was written."""
    return {str(path.relative_to(folder)): path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, pytestconfig, make_nano):
    """The folder of the analysis `toy` with every product."""
    folder = tmp_path_factory.mktemp("finished")
    make_toy(folder, pytestconfig.rootpath, make_nano)
    write_toy(folder, models=MODELS, training={"epochs": 2, "batch_size": 8}, reading={"range_entries": 20})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        first, last = list(STAGES.values())[:4], list(STAGES.values())[4:]
        for stage in (*first, *BESIDE, ("score", "--dataset", "b"), *last):
            result = run(*stage)
            assert result.exit_code == 0, result.output
    shutil.rmtree(folder / ".scratch")
    return folder


@pytest.fixture
def toy(finished, tmp_path, monkeypatch):
    """A copy of it, which is the current folder."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def small_disk(folder, problem):
    """A disk with what is in *folder*, in its place, which takes nothing more."""
    mounted = ("mount", "-t", "tmpfs", "-o", "size=64M", "tmpfs", str(folder))
    kept = folder.with_name(f"{folder.name}-kept")
    shutil.copytree(folder, kept)
    if os.geteuid() != 0 or subprocess.run(mounted, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system, where it is allowed to")
    try:
        shutil.copytree(kept, folder, dirs_exist_ok=True)
        if problem == READ_ONLY:
            subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
        else:
            free = os.statvfs(folder)
            (folder / "ballast").write_bytes(bytes(free.f_bavail * free.f_frsize))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("problem", [FULL, READ_ONLY], ids=["full", "read-only"])
@pytest.mark.parametrize("stage", STAGES)
def test_results_that_cannot_be_written_are_named_and_what_was_there_stays(stage, problem, toy):
    with small_disk(toy / "results", problem):
        before = files(toy / "results")

        result = run(*STAGES[stage])

        refused(result, "results/toy/", f"cannot be used: {problem}. Expected room", "then start again")
        assert ".part" not in result.output
        assert files(toy / "results") == before


@pytest.mark.parametrize("problem", [FULL, READ_ONLY], ids=["full", "read-only"])
def test_without_room_for_scratch_a_network_is_trained_all_the_same(problem, toy):
    (toy / ".scratch").mkdir()
    with small_disk(toy / ".scratch", problem):
        result = run(*STAGES["train a network"], "--scale", "sync")

        assert result.exit_code == 0, result.output
        assert {path.name for path in (toy / ".scratch").rglob("*") if path.is_file()} <= {"ballast"}


@pytest.mark.parametrize("problem", [FULL, READ_ONLY], ids=["full", "read-only"])
@pytest.mark.parametrize(
    ("folder", "command"),
    [
        ("duplicates", (*STAGES["summarise"], "--scale", "sync")),
        ("xgboost", (*STAGES["train trees"], "--scale", "sync")),
        ("dask", (*STAGES["score"], "--workers", "2")),
    ],
    ids=["events to compare", "trees", "workers"],
)
def test_what_cannot_do_without_scratch_is_told(folder, command, problem, toy):
    (toy / ".scratch").mkdir()
    with small_disk(toy / ".scratch", problem):
        result = run(*command)

        assert result.exit_code == 2, result.output
        assert re.search(
            rf"\.scratch/{folder}\S* cannot be written: {problem}\. Expected a folder .*NANOLOOM_SCRATCH", result.output
        )
        assert {path.name for path in (toy / ".scratch").rglob("*") if path.is_file()} <= {"ballast"}


@contextmanager
def short_files():
    """This process may write files of 100 bytes at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_that_may_not_be_longer_is_told(toy):
    before = files(toy / "results")

    with short_files():
        result = run("plan")

    refused(result, "results/toy/plan.json cannot be used: File too large.", "`ulimit -f`")
    assert files(toy / "results") == before


@pytest.mark.parametrize("stage", ["plan", "report"])
def test_a_quota_that_is_reached_is_told(stage, toy, monkeypatch):
    def over_quota(path, text, **options):
        Path.write_bytes(path, text.encode()[:10])
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    before = files(toy / "results")
    monkeypatch.setattr(Path, "write_text", over_quota)

    refused(run(*STAGES[stage]), "results/toy/", "cannot be used: Disk quota exceeded.", "`quota -s`, on AFS `fs listquota`")

    assert files(toy / "results") == before
