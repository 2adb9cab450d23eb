"""Whether anybody is there to work is seen, and told in bounded time."""

import logging

import pytest

from pipeline.errors import PipelineError
from pipeline.scale.watch import SECONDS_BETWEEN_LOOKS, Stopped, Watch, is_at_work


class Client:
    """A dask client that knows its workers."""

    def __init__(self, *workers):
        self.workers = workers

    def scheduler_info(self):
        return {"workers": dict(enumerate(self.workers))}


class Clock:
    """Seconds that pass when it is said."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def worker(status="running", **tasks):
    return {"status": status, "metrics": {"task_counts": tasks}}


def watch(client, clock, **changes):
    given = {"where": "in a test", "count": 2, "patience_s": 30, "remedy": "Start them.", "more_memory": "buy some"}
    return Watch(client, clock=clock, **{**given, **changes})


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        ((), False),
        ((worker(),), True),
        ((worker("paused"),), False),
        ((worker("paused", executing=1),), True),
        ((worker("paused"), worker()), True),
        ((worker("closing"),), False),
    ],
    ids=["none", "one", "paused", "paused with work in hand", "one of two paused", "closing"],
)
def test_who_takes_work_or_has_some_is_at_work(workers, expected):
    assert is_at_work(Client(*workers)) == expected


def test_with_the_scheduler_nobody_is_left():
    """As dask answers then: with nothing at all."""
    client = Client(worker())
    client.scheduler_info = dict

    assert not is_at_work(client)


def test_nobody_for_a_while_is_borne_and_for_longer_is_told():
    clock, client = Clock(), Client(worker())
    looked_after = watch(client, clock)
    looked_after.look()

    client.workers = ()
    for clock.now in (10, 20, 39):
        looked_after.look()
    clock.now = 45

    with pytest.raises(PipelineError, match=r"^No worker \(in a test\) is at work, after 35 s\. Expected 2\. Start them\.$"):
        looked_after.look()


def test_one_that_comes_back_is_given_the_same_patience_again():
    clock, client = Clock(), Client()
    looked_after = watch(client, clock)
    looked_after.look()
    clock.now, client.workers = 20, (worker(),)
    looked_after.look()
    clock.now, client.workers = 40, ()
    looked_after.look()
    clock.now = 65

    looked_after.look()  # 25 s after the second one has gone

    clock.now = 70
    with pytest.raises(PipelineError, match="after 30 s"):
        looked_after.look()


def test_it_is_not_looked_at_more_often_than_needed():
    clock, client = Clock(), Client()
    looked_after = watch(client, clock, patience_s=0.0)
    clock.now = 1.0
    client.workers = (worker(),)
    looked_after.look()
    client.workers = ()

    clock.now = 1.0 + 0.9 * SECONDS_BETWEEN_LOOKS
    looked_after.look()

    clock.now = 1.0 + SECONDS_BETWEEN_LOOKS
    with pytest.raises(PipelineError):
        looked_after.look()


def test_when_all_were_stopped_nobody_is_waited_for_and_the_first_reason_of_each_is_told(caplog):
    clock, client = Clock(), Client(worker())
    reasons = {"job 1.0": "held: no memory"}
    looked_after = watch(client, clock, stopped=lambda: Stopped(dict(reasons), all_of_them=len(reasons) == 5))
    looked_after.look()
    with caplog.at_level(logging.WARNING):
        looked_after.look()
    reasons |= {"job 1.0": "removed: cleared away"} | {f"job {n}.0": "removed: a person" for n in (2, 3, 4, 5)}
    client.workers, clock.now = (), SECONDS_BETWEEN_LOOKS

    with pytest.raises(
        PipelineError, match=r"after 0 s\. Stopped: job 1\.0 held: no memory; job .*; and 2 more\. Expected 2"
    ):
        looked_after.look()
    told = [record.getMessage() for record in caplog.records]
    assert told.count("A worker (in a test) has stopped: job 1.0 held: no memory.") == 1
    assert not [text for text in told if "cleared away" in text]


def test_the_first_worker_is_waited_for():
    clock, client = Clock(), Client()

    def later():
        """Called while it is waited."""
        clock.now += 10
        client.workers = (worker(),) if clock.now > 15 else ()
        return Stopped()

    watch(client, clock, stopped=later).wait()

    assert clock.now == 20
