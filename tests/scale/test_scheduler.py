"""The workers of a scheduler that runs already, with and without encryption."""

import os
import socket
import time

import dask
import pytest
from distributed import LocalCluster
from distributed.security import Security

from pipeline.config import Scheduler
from pipeline.errors import InputError, PipelineError
from pipeline.scale.choice import open_workers
from pipeline.scale.ordered import ordered_map
from pipeline.scale.scheduler import _watch


def place(number):
    return number, os.getpid(), os.getcwd()  # noqa: PTH109 - what a worker of dask has


def die(number):
    os._exit(1)


def have_no_memory(number):
    raise MemoryError("Unable to allocate")


def grow(number):
    """Take more memory than a worker may have, and keep it."""
    kept = bytearray(10**9)
    for page in range(0, len(kept), 4096):
        kept[page] = 1
    time.sleep(60)


def wait_for_a_second(number):
    time.sleep(1)
    return number


def be_late(number):
    raise TimeoutError("the function's own")


@pytest.fixture
def farm():
    """Function that starts two workers, as somebody else would; they end with the test."""
    clusters = []

    def start(security=None, memory_limit=0):
        cluster = LocalCluster(
            n_workers=2,
            memory_limit=memory_limit,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            security=security,
            protocol="tls://" if security else "tcp://",
            silence_logs=50,
        )
        clusters.append(cluster)
        return cluster.scheduler_address

    yield start
    for cluster in clusters:
        cluster.close()


def test_work_is_done_there_and_results_come_in_order(farm, tmp_path, monkeypatch):
    address = farm()
    monkeypatch.chdir(tmp_path)  # after the farm was started elsewhere

    with open_workers(Scheduler(kind="dask", address=address, workers=2), 1) as workers:
        results = list(ordered_map(place, range(20), workers=workers))

    assert [number for number, _, _ in results] == list(range(20))
    assert os.getpid() not in {process for _, process, _ in results}
    assert {folder for _, _, folder in results} == {str(tmp_path)}


def test_workers_that_have_loaded_other_code_are_refused(farm, monkeypatch):
    scale = Scheduler(kind="dask", address=farm(), workers=2)
    with open_workers(scale, 1) as workers:
        assert len(list(ordered_map(place, range(3), workers=workers))) == 3

    monkeypatch.setattr("pipeline.scale.same_place.code_digest", lambda *_: "edited")
    with (
        open_workers(scale, 1) as workers,
        pytest.raises(InputError, match=r"has loaded other code .* Start the workers again\."),
    ):
        list(ordered_map(place, range(3), workers=workers))


def test_a_worker_that_works_for_a_run_in_another_folder_is_refused(farm, tmp_path, monkeypatch):
    scale = Scheduler(kind="dask", address=farm(), workers=2)
    with open_workers(scale, 1) as first:
        running = [first.submit(wait_for_a_second, number) for number in range(2)]
        time.sleep(0.3)
        monkeypatch.chdir(tmp_path)
        with open_workers(scale, 1) as second, pytest.raises(InputError, match="works for a run in "):
            list(ordered_map(place, [7], workers=second))
        assert [each.result() for each in running] == [0, 1]


def test_an_encrypted_scheduler_wants_its_certificates(farm, tmp_path):
    pytest.importorskip("cryptography", reason="an extra: pip install nanoloom[htcondor]")
    security = Security.temporary()
    files = {}
    for name, content in (
        ("ca_file", security.tls_ca_file),
        ("cert_file", security.tls_client_cert),
        ("key_file", security.tls_client_key),
    ):
        files[name] = str(tmp_path / f"{name}.pem")
        (tmp_path / f"{name}.pem").write_text(content, encoding="utf-8")
    address = farm(security)

    with open_workers(Scheduler(kind="dask", address=address, **files), 1) as workers:
        assert len(list(ordered_map(place, range(3), workers=workers))) == 3
    with pytest.raises(InputError, match="names no certificates"), open_workers(Scheduler(kind="dask", address=address), 1):
        pass


def test_a_scheduler_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setattr("pipeline.scale.scheduler.SECONDS_TO_CONNECT", 1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        scale = Scheduler(kind="dask", address=f"tcp://127.0.0.1:{free.getsockname()[1]}")

    with pytest.raises(InputError, match=r"does not answer within 1 s"), _watch(scale):
        pass


def test_a_worker_that_dies_is_named_with_its_item(farm):
    with (
        open_workers(Scheduler(kind="dask", address=farm(), workers=2), 1) as workers,
        pytest.raises(PipelineError, match=r"A worker \(of tcp://.*\) died over 7: .* had no memory left"),
    ):
        list(ordered_map(die, [7], workers=workers))


@pytest.mark.slow
def test_a_worker_that_was_ended_for_its_memory_is_named_with_its_item(farm):
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        address = farm(memory_limit="700 MB")

    with (
        open_workers(Scheduler(kind="dask", address=address, workers=2), 1) as workers,
        pytest.raises(PipelineError, match=r"over 7: .* no memory left\. .* start them with a larger --memory-limit"),
    ):
        list(ordered_map(grow, [7], workers=workers))


def test_an_allocation_that_fails_is_named_with_its_item(tmp_path):
    with pytest.raises(PipelineError, match=r"had no memory left over 7: Unable to allocate\. .*reading\.range_entries\.$"):
        list(ordered_map(have_no_memory, [7], workers=2, scratch=tmp_path))


def test_a_time_out_of_the_function_itself_is_none_of_the_waiting(farm):
    with (
        open_workers(Scheduler(kind="dask", address=farm(), workers=2), 1) as workers,
        pytest.raises(TimeoutError, match="the function's own"),
    ):
        list(ordered_map(be_late, [7], workers=workers))


def test_a_scheduler_that_has_no_worker_is_told(farm, monkeypatch):
    monkeypatch.setattr("pipeline.scale.scheduler.SECONDS_TO_CONNECT", 1)
    cluster = LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0", silence_logs=50)

    with (
        cluster,
        pytest.raises(PipelineError, match=r"No worker \(of tcp://.*\) is at work, .* Start them with: dask worker tcp://"),
        _watch(Scheduler(kind="dask", address=cluster.scheduler_address)),
    ):
        pass
