"""A function in two steps: the second runs where what it wants is offered, the first elsewhere."""

import os
import signal
import time
from contextlib import contextmanager

import pytest
from distributed import Client, Nanny, SpecCluster
from distributed import Scheduler as DaskScheduler

from pipeline.config import Scheduler
from pipeline.errors import InputError, PipelineError
from pipeline.scale import two_steps
from pipeline.scale.choice import open_workers
from pipeline.scale.ordered import ordered_map
from pipeline.scale.two_steps import SECONDS_WITHOUT as LONG
from pipeline.scale.two_steps import Apart, Offers, TwoSteps


def read(number):
    time.sleep(0.02 * max(0, 4 - number))
    return number, os.getpid()


def predict(found):
    return *found, os.getpid()


def fail_at_three(found):
    if found[0] == 3:
        raise InputError("Model 3 does not fit. Expected another. Train again.")
    return found


STEPS = TwoSteps(read, predict, "GPU")


@contextmanager
def farm(*kinds):
    """The address of a scheduler with one worker of each of *kinds*, and their processes in that order."""
    workers = {
        place: {
            "cls": Nanny,
            "options": {"nthreads": 1, "host": "127.0.0.1", "resources": {"GPU": 1} if kind == "gpu" else None},
        }
        for place, kind in enumerate(kinds)
    }
    scheduler = {"cls": DaskScheduler, "options": {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}}
    with SpecCluster(scheduler=scheduler, workers=workers, silence_logs=50) as cluster, Client(cluster) as client:
        client.wait_for_workers(len(kinds))
        processes = client.run(os.getpid)
        named = {worker["name"]: processes[address] for address, worker in client.scheduler_info()["workers"].items()}
        yield cluster, [named[place] for place in range(len(kinds))]


def opened(cluster):
    return open_workers(Scheduler(kind="dask", address=cluster.scheduler_address, workers=2), 1)


@pytest.mark.parametrize(
    ("kinds", "readers", "predictors"),
    [(("cpu", "gpu"), (0,), (1,)), (("gpu",), (0,), (0,)), (("cpu",), (0,), (0,))],
    ids=["each kind", "only gpu", "only cpu"],
)
def test_each_step_runs_on_its_own_kind_of_worker(kinds, readers, predictors):
    with farm(*kinds) as (cluster, processes), opened(cluster) as workers:
        results = list(ordered_map(STEPS, range(12), workers=workers))

    assert [number for number, _, _ in results] == list(range(12))
    assert {reader for _, reader, _ in results} == {processes[place] for place in readers}
    assert {predictor for _, _, predictor in results} == {processes[place] for place in predictors}


def test_without_workers_both_steps_run_here():
    assert list(ordered_map(STEPS, range(3))) == [(number, os.getpid(), os.getpid()) for number in range(3)]


def test_an_error_of_either_step_surfaces_with_its_type():
    first = TwoSteps(fail_at_three, predict, "GPU")
    second = TwoSteps(read, fail_at_three, "GPU")
    with farm("cpu", "gpu") as (cluster, _), opened(cluster) as workers:
        for steps, items in ((second, range(5)), (first, [(1,), (3,)])):
            with pytest.raises(InputError, match=r"^Model 3 does not fit\. Expected another\. Train again\.$"):
                list(ordered_map(steps, items, workers=workers))


@pytest.mark.slow
def test_a_worker_that_joins_later_takes_work(monkeypatch):
    monkeypatch.setattr(two_steps, "SECONDS_BETWEEN_LOOKS", 0.0)
    with farm("cpu") as (cluster, (process,)), opened(cluster) as workers:
        assert {where for _, _, where in ordered_map(STEPS, range(3), workers=workers)} == {process}
        joined = {"cls": Nanny, "options": {"nthreads": 1, "host": "127.0.0.1", "resources": {"GPU": 1}}}
        cluster.worker_spec["joined"] = joined
        cluster.sync(cluster._correct_state)
        cluster.wait_for_workers(2)

        found = {where for _, _, where in ordered_map(STEPS, range(3), workers=workers)}

    assert len(found) == 1
    assert process not in found


class Pending:
    """A future that is never there."""

    def done(self):
        return False

    def result(self, timeout):
        raise TimeoutError


class Farm:
    """A client that finds other workers at each look: g offers a GPU, c and d do not."""

    def __init__(self, *looks):
        self.looks, self.readers = iter(looks), []

    def scheduler_info(self):
        return {"workers": {name: {"resources": {"GPU": 1} if name == "g" else {}} for name in next(self.looks)}}

    def submit(self, function, item, **options):
        if function is not predict:
            self.readers.append(options.get("workers"))
        return Pending()


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self):
        return self.now


class Waiting:
    """Results of two items that are waited for in vain, with another look at the workers each time."""

    def __init__(self, *looks):
        self.farm, self.clock = Farm(*looks), Clock()
        offers = Offers("GPU", clock=self.clock)
        offers.look(self.farm)
        self.results = [Apart(self.farm, offers, STEPS, number) for number in range(2)]

    def wait(self, seconds):
        self.clock.now += seconds
        for result in self.results:
            with pytest.raises(TimeoutError):
                result.result(timeout=0)


def test_a_worker_with_a_gpu_that_is_started_again_in_time_is_waited_for():
    waiting = Waiting("gc", "c", "gc", "c")

    for seconds in (LONG - 1, LONG - 1, LONG - 1):
        waiting.wait(seconds)

    assert waiting.farm.readers == [["c"], ["c"]]


def test_when_nobody_offers_it_any_more_that_is_told():
    waiting = Waiting("gc", "c", "c")
    waiting.wait(LONG - 1)
    waiting.clock.now += LONG

    with pytest.raises(PipelineError, match=r'No worker offers GPU any more\. .* Start one, with --resources "GPU=1"'):
        waiting.results[0].result(timeout=0)


def test_what_nobody_can_read_any_more_is_given_to_whoever_has_come():
    waiting = Waiting("gc", "gd", "gd")

    waiting.wait(10)
    waiting.wait(10)

    assert waiting.farm.readers == [["c"], ["c"], ["d"], ["d"]]


def test_when_no_reader_comes_back_those_with_a_gpu_read():
    waiting = Waiting("gc", "g", "g", "g")

    waiting.wait(LONG - 1)
    assert len(waiting.farm.readers) == 2
    waiting.wait(10)
    waiting.wait(10)

    assert waiting.farm.readers == [["c"], ["c"], None, None]


def test_all_futures_share_one_look_in_a_few_seconds():
    waiting = Waiting("gc")

    waiting.wait(1)
    waiting.wait(1)

    assert next(waiting.farm.looks, None) is None
    assert waiting.farm.readers == [["c"], ["c"]]


@pytest.mark.slow
def test_a_reader_that_is_killed_costs_no_item():
    with farm("cpu", "gpu") as (cluster, (reader, predictor)), opened(cluster) as workers:
        results = ordered_map(STEPS, range(60), workers=workers)
        first = next(results)
        os.kill(reader, signal.SIGKILL)
        found = [first, *results]

    assert [number for number, _, _ in found] == list(range(60))
    assert {where for _, _, where in found} == {predictor}
    assert predictor not in {where for _, where, _ in found}
