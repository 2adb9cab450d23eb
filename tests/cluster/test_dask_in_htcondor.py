"""`scale: htcondor` on a real pool: the same products, by encrypted connections only, and jobs that stop are told."""

import json
import re
import shutil
import socket
import ssl
import stat

import psutil
import pytest

from tests.cluster.test_htcondor import wait_for
from tests.products import products
from tests.toy_analysis import make_toy, write_toy

pytestmark = [pytest.mark.condor, pytest.mark.slow]

SCALE = {"kind": "htcondor", "workers": 2, "memory_mb": 700, "disk_mb": 100, "host": "127.0.0.1"}
SCHEDULER_PORT, WORKER_PORTS = 21101, range(21000, 21100)
SCALE |= {"scheduler_port": SCHEDULER_PORT, "worker_ports": f"{WORKER_PORTS[0]}:{WORKER_PORTS[-1]}"}
# All that there is to do in this process: one start of Python.
HERE = """
from pipeline.cli import main
where = ["--config", "config/toy.yaml", "--results", "here", "--scale", "sync"]
main(["plan", *where], standalone_mode=False)
main(["summarise", *where], standalone_mode=False)
for fold in "01":
    main(["train", *where, "--model", "m", "--fold", fold], standalone_mode=False)
main(["score", *where, "--dataset", "s"], standalone_mode=False)
"""
SECONDS_TO_TELL = 60


@pytest.fixture(scope="module")
def made(tmp_path_factory, pytestconfig, make_nano, condor_pool):
    """The analysis `toy`, whose products were made in one process."""
    if "No module" in condor_pool.run("sh", "-c", "python -c 'import cryptography, dask_jobqueue' 2>&1 || true"):
        pytest.skip("workers in HTCondor need an extra: pip install nanoloom[htcondor]")
    folder = tmp_path_factory.mktemp("dask") / "toy"
    folder.mkdir()
    make_toy(folder, pytestconfig.rootpath, make_nano)
    shutil.copytree(pytestconfig.rootpath / "pipeline", folder / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
    write_toy(folder, scale=SCALE, reading={"range_entries": 10})
    condor_pool.run("python", "-c", HERE, cwd=folder)
    (folder / "results/toy").mkdir(parents=True)
    shutil.copy(folder / "here/toy/plan.json", folder / "results/toy")
    return folder


@pytest.fixture
def toy(made, tmp_path):
    """A copy of it with the plan, and nothing else made."""
    return shutil.copytree(made, tmp_path / "toy")


@pytest.fixture
def slow_toy(toy):
    """The same with time enough to do something to the jobs meanwhile."""
    return first_of_all(toy, "__import__('pathlib').Path('begun').touch(); __import__('time').sleep(5)")


@pytest.fixture
def running(condor_pool, slow_toy):
    """Its stage `summarise`, with two workers; ended with the test."""
    started = condor_pool.start(*stage("summarise"), cwd=slow_toy)
    try:
        wait_for(lambda: len(workers_in(slow_toy)) == 2)
        yield started
    finally:
        kill(started)


def first_of_all(folder, statement):
    """The same folder with a processor that does this before anything else."""
    processor = folder / "processors/toy.py"
    text = processor.read_text(encoding="utf-8")
    processor.write_text(text.replace("        met = ", f"        {statement}\n        met = "), encoding="utf-8")
    return folder


def stage(name, *arguments):
    return ("python", "-m", "pipeline", name, "--config", "config/toy.yaml", *arguments)


def test_summarise_and_score_make_the_same_products_as_in_one_process(condor_pool, toy):
    condor_pool.run(*stage("summarise"), cwd=toy)
    shutil.copytree(toy / "here/toy/models", toy / "results/toy/models")
    condor_pool.run(*stage("score", "--dataset", "s"), cwd=toy)

    assert products(toy / "here/toy") == products(toy / "results/toy")
    # Two jobs for each of two stages, and none of them is left.
    assert len(condor_pool.jobs(toy)) == 4
    assert not jobs_in_queue(condor_pool, toy)
    assert not list((toy / ".scratch/htcondor-workers").iterdir())


def test_workers_on_this_machine_let_nobody_in_without_the_keys_of_the_stage(condor_pool, slow_toy):
    """Here cryptography is installed."""
    started = condor_pool.start(*stage("summarise", "--scale", "local", "--workers", "2"), cwd=slow_toy)
    try:
        wait_for(lambda: (slow_toy / "begun").exists())
        family = [psutil.Process(started.pid), *psutil.Process(started.pid).children(recursive=True)]
        listening = [c.laddr for process in family for c in process.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
        ports = {address.port for address in listening}
        secured = {port for port in ports if not answer_to_plain(port).startswith(b"HTTP")}  # the others are pages

        assert {address.ip for address in listening} == {"127.0.0.1"}
        assert len(secured) >= 3  # the scheduler, and two workers
        for port in secured:
            assert answer_to_plain(port) == b""
            assert answer_without_certificate(port) == "refused"
    finally:
        kill(started)


def test_beyond_loopback_everything_is_encrypted_by_credentials_of_the_user_alone(running, slow_toy):
    wait_for(lambda: all(ports_beyond_loopback(worker) for worker in workers_in(slow_toy)))
    (credentials,) = (slow_toy / ".scratch/htcondor-workers").iterdir()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [credentials, *credentials.glob("*.pem")]}
    ports = set().union(*map(ports_beyond_loopback, workers_in(slow_toy)))

    assert modes == {credentials.name: 0o700, "authority.pem": 0o600, "certificate.pem": 0o600, "key.pem": 0o600}
    # Where the workers are reached, and no page of theirs.
    assert len(ports) == 2
    assert ports <= set(WORKER_PORTS)
    for port in ports:
        assert answer_to_plain(port) == b""
        assert answer_without_certificate(port) == "refused"


@pytest.mark.parametrize(("command", "state"), [("condor_hold", "held"), ("condor_rm", "removed")])
def test_jobs_that_are_all_held_or_removed_end_the_stage_with_the_reason(condor_pool, running, slow_toy, command, state):
    condor_pool.run(command, "-constraint", f'Iwd == "{slow_toy}"')
    output, _ = running.communicate(timeout=SECONDS_TO_TELL)

    assert running.returncode == 1
    assert f"{state}: via {command} (by user tester)" in output
    assert "Traceback" not in output
    assert not (slow_toy / "results/toy/summary.json").exists()
    wait_for(lambda: not jobs_in_queue(condor_pool, slow_toy))


def test_jobs_that_cannot_start_end_the_stage_after_a_while(condor_pool, toy):
    write_toy(toy, scale={**SCALE, "memory_mb": 50_000})
    patient = "import pipeline.scale.htcondor as h; h.SECONDS_TO_START = 3; from pipeline.cli import main; main()"

    output = condor_pool.run("sh", "-c", f"python -c '{patient}' {' '.join(stage('summarise')[3:])} || true", cwd=toy)

    assert "error: No worker (in HTCondor) is at work, after 3 s. Expected 2. See `condor_q -better-analyze`" in output
    assert "Traceback" not in output
    wait_for(lambda: not jobs_in_queue(condor_pool, toy))


def test_a_worker_that_takes_more_memory_than_it_asked_for_ends_the_stage_with_the_range(condor_pool, toy):
    first_of_all(toy, "kept = b'x' * 10**9; __import__('time').sleep(60)")

    output = condor_pool.run("sh", "-c", f"{' '.join(stage('summarise'))} || true", cwd=toy)

    assert re.search(r"error: A worker \(in HTCondor\) died over s\.root, entries .* no memory left\.", output), output
    assert "raise scale.memory_mb (it is 700), or lower reading.range_entries." in output
    assert "Traceback" not in output


@pytest.mark.parametrize("killed", ["stage", "workers"])
def test_after_a_kill_nothing_is_left_and_the_stage_ends_as_if_nothing_had_been(
    condor_pool, made, running, slow_toy, killed
):
    wait_for((slow_toy / "begun").exists)
    if killed == "stage":
        kill(running)
    else:
        for worker in workers_in(slow_toy):
            worker.kill()
        output, _ = running.communicate(timeout=SECONDS_TO_TELL)
        assert "error: A worker (in HTCondor) died over " in output
        assert "Traceback" not in output
    wait_for(lambda: not workers_in(slow_toy))
    wait_for(lambda: not jobs_in_queue(condor_pool, slow_toy))
    assert not (slow_toy / "results/toy/summary.json").exists()

    shutil.copy(made / "processors/toy.py", slow_toy / "processors")  # the one that does not wait
    condor_pool.run(*stage("summarise"), cwd=slow_toy)

    assert (slow_toy / "results/toy/summary.json").read_bytes() == (slow_toy / "here/toy/summary.json").read_bytes()
    assert not list(slow_toy.rglob("*.part*"))


def kill(started):
    """The script that was started, and what it runs."""
    if started.poll() is None:
        for process in [*psutil.Process(started.pid).children(recursive=True), started]:
            process.kill()
        started.communicate()


def jobs_in_queue(pool, folder):
    return json.loads(pool.run("condor_q", "-json", "-constraint", f'Iwd == "{folder}"') or "[]")


def workers_in(folder):
    """The processes of this folder that do the work of dask's workers."""
    running = psutil.process_iter(["cwd", "cmdline"])
    return [each for each in running if each.info["cwd"] == str(folder) and "spawn_main" in str(each.info["cmdline"])]


def ports_beyond_loopback(process):
    """At which a process can be reached from other machines."""
    waiting = [each.laddr for each in process.net_connections(kind="tcp") if each.status == psutil.CONN_LISTEN]
    return {address.port for address in waiting if address.ip != "127.0.0.1"}


def answer_to_plain(port):
    """What is answered to one who speaks without encryption."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        try:
            return connection.recv(100)
        except ConnectionResetError:
            return b""


def answer_without_certificate(port):
    """Whether somebody who has none is let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, context.wrap_socket(plain) as connection:
            return connection.recv(100)
    except (ssl.SSLError, ConnectionResetError):
        return "refused"
