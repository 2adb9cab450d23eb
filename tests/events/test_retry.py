import errno
import os
from types import SimpleNamespace

import pytest

from pipeline.errors import InputError, PipelineError
from pipeline.events.retry import DamagedError, retrying

URL = "root://host//x.root"


class Failing:
    """Fails as often as it is told, then answers."""

    def __init__(self, times, error):
        self.left, self.error, self.calls = times, error, 0

    def __call__(self):
        self.calls += 1
        self.left -= 1
        if self.left >= 0:
            raise self.error
        return "answer"


def test_a_network_error_is_tried_three_times_with_growing_waits():
    work, waits = Failing(2, OSError("gone")), []
    assert retrying(URL, work, sleep=waits.append) == "answer"
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize(
    "error",
    [
        TypeError("'OSError' object is not subscriptable"),
        TypeError("'FSTimeoutError' object is not subscriptable"),
        ValueError("I/O operation on closed file."),
    ],
    ids=str,
)
def test_a_network_error_that_uproot_disguises_is_tried_again(error):
    assert retrying(URL, Failing(1, error), sleep=lambda _: None) == "answer"


@pytest.mark.parametrize(
    "error", [TypeError("'int' object is not subscriptable"), ValueError("cannot broadcast"), PermissionError("no")], ids=str
)
def test_other_errors_are_raised_at_once(error):
    work = Failing(1, error)
    with pytest.raises(type(error), match=str(error)):
        retrying(URL, work, sleep=lambda _: None)
    assert work.calls == 1


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN], ids=errno.errorcode.get)
def test_a_disk_behind_a_network_is_asked_again_as_well(number):
    work, waits = Failing(2, OSError(number, os.strerror(number))), []

    assert retrying("/eos/x.root", work, sleep=waits.append) == "answer"
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EISDIR, errno.EDQUOT], ids=errno.errorcode.get)
def test_what_a_disk_refuses_is_not_asked_again(number):
    work = Failing(1, OSError(number, os.strerror(number)))
    with pytest.raises(OSError, match=os.strerror(number)):
        retrying("/eos/x.root", work, sleep=lambda _: None)
    assert work.calls == 1


def test_the_third_error_is_raised():
    work = Failing(3, OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        retrying(URL, work, sleep=lambda seconds: None)
    assert work.calls == 3


def test_an_error_raised_from_a_network_error_is_tried_again():
    error = PipelineError("range cannot be read")
    error.__cause__ = TimeoutError()
    assert retrying(URL, Failing(1, error), sleep=lambda seconds: None) == "answer"


@pytest.mark.parametrize(
    ("path", "error"),
    [("x.root", OSError("disk")), (URL, FileNotFoundError("x")), (URL, PermissionError("x")), (URL, InputError("x"))],
    ids=["local file", "missing file", "forbidden file", "no error of the network"],
)
def test_what_will_not_mend_itself_is_raised_at_once(path, error):
    work = Failing(1, error)
    with pytest.raises(type(error)):
        retrying(path, work, sleep=lambda seconds: None)
    assert work.calls == 1


def test_attempts_inside_of_attempts_are_not_multiplied():
    work = Failing(100, OSError("gone"))
    with pytest.raises(OSError, match="gone"):
        retrying(URL, lambda: retrying(URL, work, sleep=lambda _: None), sleep=lambda _: None)
    assert work.calls == 3


def test_there_are_as_many_attempts_as_replicas():
    work = Failing(4, OSError("gone"))
    assert retrying("|".join([URL] * 5), work, sleep=lambda _: None) == "answer"


def test_no_attempt_begins_late():
    now = iter(range(0, 1000, 29))
    work = Failing(100, TimeoutError("no answer"))
    with pytest.raises(TimeoutError, match="no answer"):
        retrying(URL, work, sleep=lambda _: None, clock=lambda: next(now))
    assert work.calls == 2


def test_a_damaged_file_is_tried_again_only_where_it_has_a_replica():
    once = Failing(1, DamagedError("x"))
    with pytest.raises(DamagedError):
        retrying(URL, once, sleep=lambda _: None)
    assert retrying(f"{URL}|{URL}", Failing(1, DamagedError("x")), sleep=lambda _: None) == "answer"


@pytest.mark.parametrize(
    ("message", "calls"),
    [("[3010] permission denied", 1), ("[3030] no", 1), ("[FATAL] Auth failed", 1), ("[FATAL] Connection error", 3)],
)
def test_what_an_xrootd_server_refuses_is_not_asked_again(message, calls):
    work = Failing(100, OSError(f"XRootD error: {message}"))
    with pytest.raises(OSError, match="XRootD error"):
        retrying(URL, work, sleep=lambda _: None)
    assert work.calls == calls


@pytest.mark.parametrize(("status", "calls"), [(401, 1), (403, 1), (416, 1), (429, 3), (500, 3), (503, 3)])
def test_of_http_only_what_may_pass_is_asked_again(status, calls):
    aiohttp = pytest.importorskip("aiohttp")
    work = Failing(100, aiohttp.ClientResponseError(SimpleNamespace(real_url=URL), (), status=status))
    with pytest.raises(aiohttp.ClientResponseError):
        retrying(URL, work, sleep=lambda _: None)
    assert work.calls == calls


def test_a_connection_that_http_lost_is_tried_again():
    aiohttp = pytest.importorskip("aiohttp")
    assert retrying(URL, Failing(1, aiohttp.ServerDisconnectedError()), sleep=lambda _: None) == "answer"
