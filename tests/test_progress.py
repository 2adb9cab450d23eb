"""What a log shows of a stage, with a clock that the test moves."""

import re

import pytest

from pipeline.events.plan import Range
from pipeline.learning.learner import Epoch
from pipeline.progress import Progress


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


def lines(capsys):
    return capsys.readouterr().err.splitlines()


def test_a_stage_ends_with_one_line(clock, capsys):
    with Progress("score tt", clock=clock) as stage:
        clock.wait(2.0)
        stage.advance_to(5000)

    assert lines(capsys) == ["score tt: 5,000 events, 2,500.0 events/s, 2.0 s"]


def test_a_line_every_few_seconds_tells_rate_and_time_left(clock, capsys):
    with Progress("score tt", 4000, clock=clock) as stage:
        for done in range(1000, 5000, 1000):
            clock.wait(3.0)
            stage.advance_to(done)

    assert lines(capsys) == [
        "score tt: 2,000 of 4,000 events, 333.3 events/s, 6 s left",
        "score tt: 4,000 of 4,000 events, 333.3 events/s, 0 s left",
        "score tt: 4,000 events, 333.3 events/s, 12.0 s",
    ]


def test_nothing_done_yet_has_no_time_left(clock, capsys):
    with Progress("score tt", 10, clock=clock) as stage:
        clock.wait(6.0)
        stage.advance_to(0)
        first = lines(capsys)
        stage.advance_to(10)

    assert first == ["score tt: 0 of 10 events, 0.0 events/s"]


def test_an_error_ends_without_a_line_that_looks_like_success(clock, capsys):
    def items():
        yield "a"
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"), Progress("score tt", clock=clock) as stage:
        list(stage.over(items()))

    assert lines(capsys) == []


def test_an_epoch_is_told_with_its_losses(clock, capsys):
    with Progress("train dnn fold 0", 2, unit="epochs", clock=clock) as stage:
        for number in (1, 2):
            clock.wait(10.0)
            stage.epoch_done(Epoch(number, loss=0.5, val_loss=0.25 * number, learning_rate=1.0, n_events={"sig": 5}))

    assert lines(capsys) == [
        "train dnn fold 0: 1 of 2 epochs, 0.1 epochs/s, loss 0.5000, validation 0.2500, 10 s left",
        "train dnn fold 0: 2 of 2 epochs, 0.1 epochs/s, loss 0.5000, validation 0.5000, 0 s left",
        "train dnn fold 0: 2 epochs, 0.1 epochs/s, loss 0.5000, validation 0.5000, 20.0 s",
    ]


def test_items_are_handed_on_lazily_and_counted(clock, capsys):
    with Progress("plan", unit="files", clock=clock) as stage:
        assert list(stage.over(iter("abc"))) == ["a", "b", "c"]

    assert re.fullmatch(r"plan: 3 files, .*", lines(capsys)[0])


def test_ranges_add_their_entries(clock, capsys):
    with Progress("score tt", clock=clock) as stage:
        for start in (0, 50):
            stage.range_done(Range("tt", "a.root", "uuid", start, start + 50))
        clock.wait(1.0)

    assert lines(capsys) == ["score tt: 100 events, 100.0 events/s, 1.0 s"]


class Terminal:
    """A standard error that is a terminal."""

    def __init__(self):
        self.text = ""

    def isatty(self):
        return True

    def write(self, text):
        self.text += text
        return len(text)

    def flush(self):
        pass


def test_a_terminal_shows_a_bar_with_what_is_done(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)

    with Progress("score tt", 200) as stage:
        stage.advance_to(150)

    assert "score tt" in terminal.text
    assert "150/200" in terminal.text
