import pytest

from pipeline.errors import InputError, PipelineError
from pipeline.events.retry import retrying

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
