"""Jobs of the profile `lxplus` on a real HTCondor pool: what it is told of them, and what becomes of those that fail."""

import json
import shutil
import subprocess
import sys
import time

import pytest

from tests.cluster.htcondor import end
from tests.toy_analysis import make_toy

pytestmark = [pytest.mark.condor, pytest.mark.slow]

# One kind of job, as a group; each makes a file if its memory is enough.
WORKFLOW = """
from pipeline.batch import tell_batch_system

rule all:
    input: expand("{index}.txt", index=range(5))

rule simulate:
    output: "{index}.txt"
    resources: mem_mb=100, disk_mb=10, runtime=50
    shell: "COMMAND"

tell_batch_system(workflow)
"""
ONE_MB_IN_KB = 1024
# Where the processor of the analysis `toy` begins to work.
MET = "        met = "


def snakemake(folder, *arguments):
    """A command that runs Snakemake with the profile; on one machine files are there at once."""
    profile = ("--workflow-profile", str(folder / "snakemake/profiles/lxplus"))
    return ("python", "-m", "snakemake", *profile, "--latency-wait", "5", "--seconds-between-status-checks", "1", *arguments)


def copy_code(root, folder):
    """What runs, without analyses."""
    for part in ("pipeline", "snakemake"):
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.fixture
def jobs_of(tmp_path, pytestconfig):
    """Function that writes a workflow of five jobs with one command, and returns its folder."""

    def write(command):
        copy_code(pytestconfig.rootpath, tmp_path)
        (tmp_path / "Snakefile").write_text(WORKFLOW.replace("COMMAND", command), encoding="utf-8")
        return tmp_path

    return write


@pytest.fixture
def toys(tmp_path, pytestconfig, make_nano):
    """Two folders with the project and the analysis `toy`, in the second of which a job fails where a file says so, once."""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    make_toy(here, pytestconfig.rootpath, make_nano)
    fail_once(here / "processors/toy.py", MET, "transient", "raise OSError(5, 'Input/output error')")
    fail_once(here / "models/bdt.py", "    booster = ", "kill", "__import__('signal').raise_signal(9)")
    copy_code(pytestconfig.rootpath, here)
    shutil.copy(pytestconfig.rootpath / "Snakefile", here)
    shutil.copytree(here, there)
    for name in ("transient", "kill"):
        (there / name).touch()
    return here, there


def insert(path, line, text):
    """Write *text* into a file, before what a line of it begins with, and as far to the right."""
    indent = line[: -len(line.lstrip())]
    path.write_text(path.read_text(encoding="utf-8").replace(line, f"{indent}{text}\n{line}"), encoding="utf-8")


def fail_once(path, line, name, statement):
    """Let code do this at that line if there is a file of that name, which is then gone."""
    insert(path, line, f"if __import__('os').path.exists({name!r}): __import__('os').remove({name!r}); {statement}")


def test_metrics_are_those_of_a_local_run_though_jobs_fail_at_first_and_every_resource_reaches_the_pool(condor_pool, toys):
    here, there = toys
    metrics = "results/toy/metrics.json"
    chosen = ("--config", "analyses=toy", "--", metrics)
    asked = ("--set-resources", "train:gpu=1", "train:mem_mb=700", "--set-threads", "plan=1", "summarise=1")
    subprocess.run([sys.executable, "-m", "snakemake", "--cores", "1", *chosen], cwd=here, check=True, capture_output=True)
    condor_pool.run(*snakemake(there, *asked, *chosen), cwd=there)

    assert (here / metrics).read_bytes() == (there / metrics).read_bytes()
    told = {job["JobBatchName"].split("-")[0]: job for job in condor_pool.jobs(there)}
    assert set(told) == {"plan", "summarise", "train", "score", "evaluate"}
    assert not [name for name in ("transient", "kill") if (there / name).exists()]
    assert {job["ExitCode"] for job in told.values()} == {0}
    assert (told["score"]["RequestCpus"], told["score"]["RequestMemory"]) == (2, 1500)
    assert told["score"]["RequestDisk"] == 4000 * ONE_MB_IN_KB
    assert told["score"]["JobFlavour"] == "workday"
    assert "RequestGPUs" not in told["score"]
    trained = [job for job in condor_pool.jobs(there) if job["JobBatchName"].startswith("train")]
    assert [job["RequestGPUs"] for job in trained] == [1, 1, 1]
    assert (min(job["RequestMemory"] for job in trained), max(job["ExitCode"] for job in trained)) == (700, 1)


def test_a_job_that_is_held_is_tried_again_with_more_memory(condor_pool, jobs_of):
    folder = jobs_of("test {resources.mem_mb} -gt 100 || sleep 300; touch {output}")
    running = condor_pool.start(*snakemake(folder, "--group-components", "simulate=5"), cwd=folder)
    try:
        wait_for(lambda: "2" in condor_pool.run("condor_q", *mine(folder), "-af", "JobStatus").split())
        condor_pool.run("condor_hold", "-reason", "memory usage exceeded request_memory", *mine(folder))
        output, _ = running.communicate(timeout=120)
    finally:
        end(running)

    assert running.returncode == 0, output
    assert len(list(folder.glob("*.txt"))) == 5
    assert [(job["ExitCode"], job["RequestMemory"]) for job in condor_pool.jobs(folder) if "ExitCode" in job] == [(0, 200)]


def test_jobs_are_grouped_and_get_more_memory_and_time_when_they_are_tried_again(condor_pool, jobs_of):
    folder = jobs_of("test {resources.mem_mb} -gt 100 && touch {output}")

    condor_pool.run(*snakemake(folder, "--group-components", "simulate=3"), cwd=folder)

    assert len(list(folder.glob("*.txt"))) == 5
    told = [
        (job["ExitCode"], job["RequestCpus"], job["RequestMemory"], job["JobFlavour"]) for job in condor_pool.jobs(folder)
    ]
    # In turn: the memory of one job, the time of three, 50 minutes each.
    assert sorted(told, reverse=True) == [(1, 1, 100, "workday")] * 2 + [(0, 1, 200, "workday")] * 2
    assert len(list((folder / "logs/htcondor").glob("simulate_simulate/*.err"))) == 4


def test_a_snakemake_that_is_killed_while_jobs_run_can_be_followed(condor_pool, tmp_path, pytestconfig, make_nano):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    make_toy(here, pytestconfig.rootpath, make_nano)
    # A range takes a while: the job runs on when its Snakemake is killed.
    insert(here / "processors/toy.py", MET, "__import__('time').sleep(3)")
    copy_code(pytestconfig.rootpath, here)
    shutil.copy(pytestconfig.rootpath / "Snakefile", here)
    shutil.copytree(here, there)
    for stage in ("plan", "summarise"):
        command = (sys.executable, "-m", "pipeline", stage, "--config", "config/toy.yaml")
        subprocess.run(command, cwd=here, check=True, capture_output=True)
    summary = "results/toy/summary.json"
    chosen = ("--set-threads", "plan=1", "summarise=1", "--config", "analyses=toy", "--", summary)
    running = condor_pool.start(*snakemake(there, *chosen), cwd=there)
    try:
        wait_for(lambda: "2 summarise" in condor_pool.run("condor_q", *mine(there), "-af", "JobStatus", "JobBatchName"))
    finally:
        end(running)

    # Its job goes on, and the next run need not wait for it. The process itself may take a moment to be gone.
    wait_for(lambda: explained(condor_pool, there))
    (failure,) = explained(condor_pool, there)
    assert failure["end"] == "Snakemake was killed"
    condor_pool.run("python", "-m", "snakemake", "--unlock", "--config", "analyses=toy", cwd=there)
    condor_pool.run(*snakemake(there, "--rerun-incomplete", *chosen), cwd=there)

    assert (here / summary).read_bytes() == (there / summary).read_bytes()
    wait_for(lambda: not condor_pool.run("condor_q", *mine(there), "-af", "JobStatus").split())
    assert not list(there.rglob("*.part*"))


@pytest.fixture
def sleeping(condor_pool, jobs_of):
    """Function that starts a run of five jobs, in one group, which do nothing but wait; its folder and process."""
    started = []

    def start(*arguments):
        folder = jobs_of("sleep 300")
        alone = ("--retries", "0", "--group-components", "simulate=5")
        started.append((folder, condor_pool.start(*snakemake(folder, *alone, *arguments), cwd=folder)))
        return started[-1]

    yield start
    for folder, running in started:
        end(running)
        # There may be none left, which condor_rm calls an error.
        condor_pool.run("sh", "-c", 'condor_rm "$@" || true', "sh", *mine(folder))
        wait_for(lambda folder=folder: not condor_pool.run("condor_q", *mine(folder), "-af", "JobStatus").split())


@pytest.mark.parametrize(("command", "state"), [("condor_hold", "held"), ("condor_rm", "removed")])
def test_a_job_that_is_held_or_removed_ends_the_run_within_a_minute_and_is_explained(condor_pool, sleeping, command, state):
    folder, running = sleeping()
    wait_for(lambda: "2" in condor_pool.run("condor_q", *mine(folder), "-af", "JobStatus").split())
    condor_pool.run(command, *mine(folder))
    output, _ = running.communicate(timeout=60)

    assert running.returncode == 1
    assert "Error in rule simulate" in output
    # Snakemake does not print the plugin's message about a group.
    (failure,) = explained(condor_pool, folder)
    assert failure["rule"] == "simulate (5 jobs)"
    assert failure["job"].endswith(" in the batch system")
    assert failure["end"].startswith(f"{state}: via {command} (by user tester)")
    assert failure["remedy"]


def test_a_job_that_does_not_start_is_explained_within_a_minute(condor_pool, sleeping):
    folder, running = sleeping("--set-resources", "simulate:mem_mb=50000")
    wait_for(lambda: condor_pool.run("condor_q", *mine(folder), "-af", "JobStatus").split() == ["1"])

    wait_for(lambda: explained(condor_pool, folder), within_s=60)

    (failure,) = explained(condor_pool, folder)
    assert failure["rule"] == "simulate (5 jobs)"
    assert failure["end"].startswith("never started, waits since ")
    assert "condor_q -better-analyze" in failure["remedy"]
    assert running.poll() is None


def mine(folder):
    """How HTCondor is asked for the jobs of a folder."""
    return "-constraint", f'Iwd == "{folder}"'


def explained(pool, folder):
    """The failures that `explain` tells in a folder."""
    answer = pool.run("sh", "-c", "python -m pipeline explain --json || true", cwd=folder)
    return json.loads(answer)["failures"]


def wait_for(true, *, within_s=60):
    """Until something is true."""
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.5)
