"""What goes wrong with real servers: another attempt, a replica, or an error that names the URL, in bounded time."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.events import remote
from pipeline.events.inspection import inspect_file
from pipeline.events.opening import Sites, open_root
from pipeline.events.pool import pool
from pipeline.events.reading import UnreadableError, open_events, reading
from pipeline.events.replicas import joined
from pipeline.events.retry import retrying
from tests.cluster.servers import free_port

pytestmark = pytest.mark.servers

N_EVENTS = 1200


@pytest.fixture
def path(make_nano, tmp_path):
    """A file of 1200 events in three clusters."""
    return make_nano(tmp_path / "a.root", N_EVENTS, cluster_entries=400)


@pytest.fixture
def impatient(monkeypatch):
    """Two seconds are waited for an answer, so that tests are quick."""
    monkeypatch.setattr(remote, "ANSWER_S", 2)
    monkeypatch.setenv("XRD_REQUESTTIMEOUT", "2")


def look(path):
    return inspect_file(path, is_mc=True, reads=["Muon_pt"], range_entries=500)


def problem_of(path):
    (problem,) = look(path).problems
    return problem


def planned(path):
    """The ranges of a file in which nothing is wrong."""
    found = look(path)
    assert not found.problems
    return found.ranges("dy")


def read(part, *, between=lambda: None):
    """The numbers of the events of *part*; *between* is done before another attempt, in place of waiting."""

    def attempt():
        with reading(part):
            return np.asarray(open_events(part).event)

    return retrying(part.path, attempt, sleep=lambda _: between())


def expected_of(part):
    return list(range(part.start, part.stop))


@pytest.mark.parametrize("protocol", ["root", "http"])
def test_where_nothing_listens_the_site_is_named(protocol):
    pytest.importorskip({"root": "XRootD", "http": "aiohttp"}[protocol])
    url, start = f"{protocol}://127.0.0.1:{free_port()}//a.root", time.monotonic()

    problem = problem_of(url)

    assert problem.startswith(f"{url} cannot be opened as a ROOT file: ")
    assert "can be reached from here, or list a replica" in problem
    assert time.monotonic() - start < 10


def test_a_missing_file_is_told_at_once(server):
    start = time.monotonic()
    problem = problem_of(server.url("none.root"))

    assert "none.root cannot be opened as a ROOT file: FileNotFoundError" in problem
    assert problem.endswith("Correct the URL, or remove it.")
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda content: content[: len(content) // 2], "is truncated: "),
        (lambda content: b"<html>" * 200, "cannot be opened as a ROOT file: ValueError: not a ROOT file"),
        (lambda content: b"", "cannot be opened as a ROOT file: "),
    ],
    ids=["truncated", "not ROOT", "empty"],
)
def test_a_bad_file_is_told(server, path, change, problem):
    path.write_bytes(change(path.read_bytes()))
    url = server.add(path)

    assert problem_of(url).startswith(f"{url} {problem}")


def test_a_file_that_may_not_be_read_asks_for_a_credential(server, path):
    url = server.add(path)
    (server.files / path.name).chmod(0)
    start = time.monotonic()

    assert "Get a credential that the server takes (voms-proxy-init, X509_USER_PROXY)" in problem_of(url)
    assert time.monotonic() - start < 1


def test_a_server_in_trouble_is_asked_three_times(nginx, caplog):
    problem = problem_of(nginx.url("trouble/a.root"))

    assert "503" in problem
    assert [record.args[1] for record in caplog.records if "attempt" in record.msg] == [1, 2]


def test_a_server_that_dies_and_comes_back_loses_no_event(server, path):
    first, *others = planned(server.add(path))
    assert read(first).tolist() == expected_of(first)

    server.kill()

    assert [read(part, between=server.start).tolist() for part in others] == [expected_of(part) for part in others]


def test_a_server_that_dies_for_good_is_named_and_may_come_back_later(server, path):
    url = server.add(path)
    first, *others = planned(url)
    assert read(first).tolist() == expected_of(first)

    server.kill()
    for part in others:
        with pytest.raises(UnreadableError, match=rf"{url}, entries {part.start} to {part.stop}.* cannot be read"):
            read(part)
    server.start()

    assert [read(part).tolist() for part in others] == [expected_of(part) for part in others]


def test_a_replica_is_read_when_a_server_dies(xrootd, nginx, path):
    name = joined([xrootd.add(path), nginx.add(path)])
    first, *others = planned(name)
    assert read(first).tolist() == expected_of(first)
    assert pool().get(name).file.file_path.startswith("root:")

    xrootd.kill()

    assert [read(part).tolist() for part in others] == [expected_of(part) for part in others]
    assert pool().get(name).file.file_path.startswith("http:")


def test_a_replica_is_read_when_a_server_is_silent(impatient, xrootd, nginx, path):
    part = planned(xrootd.add(path))[0]
    name, start = joined([xrootd.url(path.name), nginx.add(path)]), time.monotonic()
    xrootd.silence()

    with open_root(name, sites=Sites()) as file:
        assert str(file.file.uuid) == part.uuid
    assert time.monotonic() - start < 10


def test_a_replica_is_read_when_a_server_falls_silent_while_it_is_read(impatient, xrootd, nginx, path):
    name = joined([nginx.add(path), xrootd.add(path)])
    first, second, third = planned(name)
    assert read(first).tolist() == expected_of(first)
    nginx.silence()

    assert read(second).tolist() == expected_of(second)
    start = time.monotonic()
    assert read(third).tolist() == expected_of(third)
    assert time.monotonic() - start < 1


def test_a_damaged_replica_gives_way_to_a_whole_one(xrootd, nginx, path):
    whole = xrootd.add(path)
    path.write_bytes(path.read_bytes()[:5000])

    assert not look(joined([nginx.add(path), whole])).problems


def test_a_damaged_column_of_a_replica_gives_way_to_a_whole_one(xrootd, nginx, path):
    name = joined([xrootd.add(path), nginx.add(path)])
    parts = planned(name)
    with open_root(str(path)) as file:
        start = file["Events/event"].member("fBasketSeek")[1] + 70
    with (xrootd.files / path.name).open("r+b") as file:
        file.seek(start)
        file.write(b"\xff" * 40)

    assert [read(part).tolist() for part in parts] == [expected_of(part) for part in parts]


def test_another_file_under_the_url_of_a_replica_is_refused_by_name(xrootd, nginx, path, make_nano, tmp_path):
    name = joined([xrootd.add(path), nginx.add(path)])
    part = planned(name)[0]
    other = make_nano(tmp_path / "b.root", N_EVENTS, cluster_entries=400)
    url = nginx.add(other, path.name)
    xrootd.kill()

    with pytest.raises(InputError, match=rf"{url} is no replica of the planned file: its UUID is .* instead of {part.uuid}"):
        read(part)


def test_all_replicas_are_named_when_none_answers(xrootd, nginx, path):
    replicas = [xrootd.add(path), nginx.add(path)]
    xrootd.kill()
    nginx.kill()

    with pytest.raises(InputError, match="None of the 2 replicas can be used") as caught:
        retrying("root://x", lambda: open_root(joined(replicas), sites=Sites()), sleep=lambda _: None)
    assert all(url in str(caught.value) for url in replicas)


def test_a_silent_server_is_an_error_in_bounded_time(impatient, server, path):
    part = planned(server.add(path))[0]
    pool().close()
    server.silence()
    start = time.monotonic()

    with pytest.raises(UnreadableError, match=r"cannot be read: .*[Tt]ime|expired"):
        read(part)
    assert time.monotonic() - start < 10
    server.go_on()
    assert read(part).tolist() == expected_of(part)


def test_a_server_that_falls_silent_while_it_is_read_is_asked_again(impatient, server, path):
    first, second, *_ = planned(server.add(path))
    assert read(first).tolist() == expected_of(first)
    server.silence()

    assert read(second, between=server.go_on).tolist() == expected_of(second)


def test_a_server_without_ranges_is_told(make_nano, tmp_path):
    pytest.importorskip("aiohttp")
    make_nano(tmp_path / "a.root")
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            port = process.stdout.readline().split(b" port ")[1].split()[0].decode()
            problem = problem_of(f"http://127.0.0.1:{port}/a.root")
        finally:
            process.kill()

    assert "and that it can give ranges of bytes, as nginx can; or list a replica" in problem


def test_a_slow_line_is_no_silent_server(impatient, xrootd, nginx, make_nano, tmp_path):
    path = make_nano(tmp_path / "large.root", 40_000, cluster_entries=40_000)
    nginx.add(path)

    for url in (xrootd.add(path), nginx.url(f"slow/{path.name}")):
        with open_root(url) as file:
            tree = file["Events"]
            xrootd.wire.delay_s, start = 0.4, time.monotonic()
            assert len(tree.arrays(["event", "MET_pt", "Muon_pt", "Muon_phi"])) == 40_000
        assert time.monotonic() - start > 2.5


@pytest.mark.slow
@pytest.mark.parametrize("mid_read", [False, True], ids=["opening", "reading"])
def test_with_the_default_patience_a_silent_server_takes_less_than_a_minute(server, path, mid_read, tmp_path):
    script = f"""
import os, signal, sys, time
import numpy as np
from pipeline.events.inspection import inspect_file
from pipeline.events.pool import pool
from pipeline.events.reading import open_events, reading
from pipeline.events.retry import retrying
part, *others = inspect_file({server.add(path)!r}, is_mc=True, reads=[]).ranges("dy")
def attempt():
    with reading(part):
        return np.asarray(open_events(part).event)
{"open_events(part)" if mid_read else ""}
os.kill({server._process.pid}, signal.SIGSTOP)
start = time.monotonic()
try:
    retrying(part.path, attempt)
except Exception as error:
    print(type(error).__name__, time.monotonic() - start)
os.kill({server._process.pid}, signal.SIGCONT)
"""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("XRD_")}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, env=environment, check=True
    )

    kind, seconds = done.stdout.split()
    assert kind == "UnreadableError"
    assert 10 < float(seconds) < 60
