import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.events.files import expand_files
from pipeline.events.opening import open_root
from pipeline.events.replicas import FORGET_AFTER_S, Sites, joined, replicas_of, site_of

A, B, C = "root://a:1094//x.root", "root://b//x.root", "https://c/x.root"


class Clock:
    """Shows the time that it is told."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture(autouse=True)
def no_client_needed(monkeypatch):
    """Nothing is opened, so the packages that read URLs need not be there."""
    monkeypatch.setattr("pipeline.events.files.require_plugin", lambda url: None)


@given(st.lists(st.sampled_from([A, B, C, "/eos/x.root"]), min_size=1, unique=True).filter(lambda p: p != ["/eos/x.root"]))
def test_what_was_joined_is_found_again(replicas):
    assert list(replicas_of(joined(replicas))) == (replicas if any("://" in r for r in replicas) else [joined(replicas)])


def test_replicas_are_tried_as_they_were_given():
    assert Sites().in_order(joined([B, A, C])) == [B, A, C]


def test_the_site_that_failed_is_tried_last_and_the_latest_at_the_very_end():
    clock = Clock()
    sites = Sites(clock)
    for replica in (B, A):
        clock.now += 1
        sites.failed(replica)

    assert sites.in_order(joined([A, B, C])) == [C, B, A]


def test_another_file_of_a_site_that_failed_waits_as_well():
    sites = Sites()
    sites.failed(A)

    assert sites.in_order(joined(["root://a:1094//y.root", B])) == [B, "root://a:1094//y.root"]


def test_a_failure_is_forgotten():
    clock = Clock()
    sites = Sites(clock)
    sites.failed(A)
    clock.now += FORGET_AFTER_S

    assert sites.in_order(joined([A, B])) == [A, B]


def test_a_site_is_host_and_port_without_the_user():
    assert [site_of(path) for path in (A, B, "root://me@B//x", "/eos/x.root")] == ["a:1094", "b", "b", ""]


def test_replicas_of_the_configuration_are_one_file():
    assert expand_files([[A, B], (C, "/eos/x.root")]) == [joined([A, B]), joined([C, "/eos/x.root"])]


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ([A], "at least two different places"),
        ([A, A], "at least two different places"),
        (["a.root", "b.root"], "one of them a URL"),
        ([A, "x|y.root"], r"holds a pattern or the sign '\|'"),
    ],
    ids=["one", "twice the same", "two local files", "with the sign that joins"],
)
def test_what_can_be_no_replicas_is_refused(given, problem):
    with pytest.raises(InputError, match=problem):
        expand_files([given])


def test_a_pattern_among_replicas_is_refused(tmp_path):
    for name in ("a.root", "b.root"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="holds a pattern"):
        expand_files([[A, f"{tmp_path}/*.root"]])


def test_a_local_copy_is_read_before_a_url(make_nano, tmp_path):
    path = str(make_nano(tmp_path / "a.root"))
    with open_root(joined([path, A])) as file:
        assert file.file.file_path == path


def test_what_may_pass_of_one_replica_is_tried_again_whatever_the_first_is(tmp_path, monkeypatch):
    """A local copy that is gone will be gone next time, and who is refused will be; the server that was late may answer."""
    tried = []

    def late(path):
        tried.append(path)
        if "://" not in path:
            raise InputError(f"No file {path}.") from FileNotFoundError(2, "no such file")
        if path == C:
            raise InputError(f"{path} does not answer.") from TimeoutError("late")
        raise InputError(f"{path} refuses.") from PermissionError(13, "no ticket")

    monkeypatch.setattr("pipeline.events.opening._open", late)
    gone = str(tmp_path / "gone.root")
    with pytest.raises(InputError, match="None of the 3 replicas can be used"):
        open_root(joined([gone, C, B]), sites=Sites())

    assert tried.count(C) == 3
