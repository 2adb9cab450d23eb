"""What the doctor says of cores, memory and disks, and of what lies there."""

import json
import os
import time
from base64 import urlsafe_b64encode
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.operations.cgroup import core_limit, memory_limit
from pipeline.operations.checks import cores, disk_space, file_system, leftovers, locks, memory, open_files, quota, writing
from pipeline.operations.mounts import kind_of
from pipeline.processes import birth, place
from pipeline.running import CLAIMS, LOCKS, Run

MEMINFO = "MemTotal:       16000000 kB\nMemFree:         1000000 kB\nMemAvailable:   12000000 kB\n"
# Of a job in a container: the first is that of version 2, the others of version 1.
V2 = {
    "/proc/self/cgroup": "0::/job/7\n",
    "/sys/fs/cgroup/job/memory.max": "4000000000\n",
    "/sys/fs/cgroup/memory.max": "max\n",
}
V1 = {
    "/proc/self/cgroup": "9:memory:/job\n8:cpu,cpuacct:/job\n1:name=systemd:/\n",
    "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": "4000000000\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
}


@pytest.mark.parametrize("files", [V2, V1], ids=["version 2", "version 1"])
def test_the_limit_of_a_job_is_found_above_it(files, imagine):
    assert memory_limit(imagine(files=files)) == 4_000_000_000


def test_the_limit_of_a_job_on_cores_is_found(imagine):
    v2 = {
        "/proc/self/cgroup": "0::/job\n",
        "/sys/fs/cgroup/job/cpu.max": "150000 100000\n",
        "/sys/fs/cgroup/cpu.max": "max 100000\n",
    }

    assert core_limit(imagine(files=v2)) == 1.5


def test_the_limit_of_version_1_on_cores_is_found(imagine):
    folder = "/sys/fs/cgroup/cpu,cpuacct/job"
    v1 = {
        "/proc/self/cgroup": "8:cpu,cpuacct:/job\n",
        f"{folder}/cpu.cfs_quota_us": "200000\n",
        f"{folder}/cpu.cfs_period_us": "100000\n",
    }

    assert core_limit(imagine(files=v1)) == 2


def test_a_machine_without_limits_has_none(imagine):
    machine = imagine(files={"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.cfs_quota_us": "-1\n"})

    assert (memory_limit(machine), core_limit(machine)) == (None, None)


def test_cores_are_no_more_than_the_time_of_the_job(imagine):
    files = {"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n"}

    (finding,) = cores.check(imagine(files=files), usable=64)

    assert (finding.status, finding.found) == ("warning", "64, of which the time of 1.5 may be used")
    assert finding.todo == "snakemake --cores 1"


def test_a_training_with_more_threads_than_cores_is_told(imagine, reading, told):
    machine = imagine(analyses=[reading(threads=4)])

    assert told(cores.check(machine, usable=2))["cores for mine"][0] == "warning"
    assert set(told(cores.check(machine, usable=4))) == {"cores"}


@pytest.mark.parametrize(("asked", "status"), [(1500, "ok"), (13_000, "warning"), (17_000, "fault")])
def test_memory_is_compared_with_what_the_largest_rule_asks_for(asked, status, imagine):
    machine = imagine(files={"/proc/meminfo": MEMINFO})
    rules = machine.folder / "snakemake/rules"
    rules.mkdir(parents=True)
    (rules / "a.smk").write_text("resources:\n  mem_mb=500,\n", encoding="utf-8")
    (rules / "b.smk").write_text(f"resources:\n  mem_mb={asked},\n", encoding="utf-8")

    (finding,) = memory.check(machine)

    assert finding.status == status
    assert finding.found == f"16.4 GB, 12.3 GB free; the largest rule asks for {asked / 1e3:.1f} GB"


def test_memory_is_no_more_than_the_limit_of_the_job(imagine):
    (finding,) = memory.check(imagine(files={"/proc/meminfo": MEMINFO, **V2}))

    assert finding.found.startswith("4.0 GB, 4.0 GB free;")


def disk(free_gb, files=10**6):
    return SimpleNamespace(
        f_frsize=1000, f_blocks=10**9, f_bavail=int(free_gb * 1e6), f_files=files and 10**8, f_favail=files
    )


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (disk(100), "ok"),
        (disk(10), "warning"),
        (disk(0.5), "fault"),
        (disk(100, 5000), "warning"),
        (disk(100, 10), "fault"),
        (disk(100, 0), "ok"),
    ],
    ids=["large", "small", "full", "few files", "no files", "files are not counted"],
)
def test_room_is_counted_in_bytes_and_in_files(state, status, imagine, tmp_path):
    (finding,) = disk_space.check(imagine(environment={"TMPDIR": str(tmp_path)}), state=lambda path: state)

    assert finding.status == status
    assert finding.what == f"room for results, .scratch, {tmp_path}"


MOUNTS = (
    "/dev/vda / ext4 rw 0 0\nAFS /afs afs rw 0 0\neos /eos fuse.eosxd rw 0 0\nserver:/x /with\\040blank nfs4 rw 0 0\n"
    "tmpfs /afs/tmp tmpfs rw 0 0\n"
)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/a", "ext4"),
        ("/afs/cern.ch/user", "AFS"),
        ("/afs", "AFS"),
        ("/afsx", "ext4"),
        ("/eos/user", "EOS"),
        ("/with blank/x", "NFS"),
        ("/afs/tmp/x", "tmpfs"),
    ],
)
def test_a_folder_is_on_the_file_system_that_is_mounted_nearest(path, kind, imagine):
    assert kind_of(imagine(files={"/proc/mounts": MOUNTS}), Path(path)) == kind


@pytest.mark.parametrize(
    ("kind", "answers", "status", "scratch"),
    [
        ("ext4", {}, "ok", None),
        ("afs", {}, "ok", "warning"),
        ("fuse.eosxd", {}, "ok", "warning"),
        ("fuse.eosxd", {"condor_submit": (0, "")}, "fault", "warning"),
        ("ext4", {"condor_submit": (0, "")}, "ok", "ok"),
    ],
)
def test_a_shared_file_system_is_told_with_its_weakness(kind, answers, status, scratch, imagine, told):
    findings = told(file_system.check(imagine(answers, files={"/proc/mounts": f"x / {kind} rw 0 0\n"})))

    assert findings["file system"][0] == status
    assert findings.get("scratch", (None,))[0] == scratch


AFS = {"/proc/mounts": "AFS / afs rw 0 0\n"}
LISTQUOTA = (
    "Volume Name                    Quota       Used %Used   Partition\n"
    "user.alice        10000000    {used}   {percent}%{mark}         80%\n"
)


@pytest.mark.parametrize(
    ("used", "mark", "status"), [(5_000_000, "", "ok"), (9_500_000, "<<", "warning"), (10_000_000, "<<", "fault")]
)
def test_the_quota_of_an_afs_volume_is_read(used, mark, status, imagine):
    text = LISTQUOTA.format(used=used, percent=used // 100_000, mark=mark)

    (finding,) = quota.check(imagine({"fs listquota": (0, text)}, files=AFS))

    assert (finding.status, finding.found) == (status, f"{used / 1e6:.1f} of 10.0 GB of the AFS volume are used")


QUOTA = (
    "Disk quotas for user alice (uid 1000):\n"
    "     Filesystem  blocks   quota   limit   grace   files   quota   limit   grace\n"
    "/dev/sda1  {}  4000  5000  {}  10{}  0  0\n"
)


@pytest.mark.parametrize(
    ("values", "status"),
    [(("3000", "", ""), "ok"), (("4321*", "6days", ""), "fault"), (("3000", "", "*"), "fault")],
    ids=["free", "blocks", "files"],
)
def test_the_quota_of_a_user_is_read(values, status, imagine):
    (finding,) = quota.check(imagine({"quota": (0, QUOTA.format(*values))}))

    assert finding.status == status
    assert ("/dev/sda1" in finding.found) == (status == "fault")


def test_folders_that_can_be_written_are_told_once(imagine):
    machine = imagine()
    kept = []

    (finding,) = writing.check(machine, keep=kept.append)

    assert (finding.status, finding.what) == ("ok", "writing to results")
    assert len(kept) == writing.ROUNDS
    assert list(machine.folder.iterdir()) == []


def test_a_slow_disk_is_told(imagine):
    (finding,) = writing.check(imagine(), keep=lambda _: time.sleep(writing.SLOW_S * 1.1))

    assert finding.status == "warning"


def test_a_disk_that_refuses_is_a_fault(imagine, told):
    def full(_):
        raise OSError(28, os.strerror(28))

    machine = imagine()
    (machine.folder / "results").mkdir()

    findings = told(writing.check(machine, keep=full))

    assert findings["writing to results"][:2] == ("fault", f"{machine.folder}/results: No space left on device")
    assert findings["writing to logs"][0] == "fault"


def claim(machine, **changes):
    run = Run(os.getpid(), birth(os.getpid()), place(), "vm", "alice", "2026-11-21 07:53:46", "snakemake --cores 2")
    path = machine.folder / CLAIMS / "toy.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(run) | changes), encoding="utf-8")


def lock(machine):
    (machine.folder / LOCKS).mkdir(parents=True)
    (machine.folder / LOCKS / "0.input.lock").touch()


def test_a_run_that_goes_on_is_named(imagine, told):
    machine = imagine()
    claim(machine)
    lock(machine)

    status, found, todo = told(locks.check(machine))["runs"]

    assert (status, todo) == ("ok", "")
    assert found.startswith(f"toy: process {os.getpid()} of alice on vm since 2026-11-21 07:53:46")


@pytest.mark.parametrize(("known", "by"), [(True, "process"), (False, "an unknown process")])
def test_a_lock_of_a_run_that_was_killed_is_told(known, by, imagine, told):
    machine = imagine()
    lock(machine)
    if known:
        claim(machine, born="1")

    status, found, todo = told(locks.check(machine))["lock"]

    assert (status, todo) == ("warning", locks.UNLOCK)
    assert found.startswith(f"left by {by}")


def test_a_folder_that_is_free_is_told(imagine, told):
    assert told(locks.check(imagine()))["runs"] == ("ok", "none is going on, and nothing is locked", "")


def test_what_killed_processes_have_left_is_told(imagine, told):
    machine = imagine()
    folder = machine.folder / "results/toy/models"
    (folder / ".fold0.vm-1.77.part").mkdir(parents=True)
    (machine.folder / "results/toy/.scores.vm-1.78.part.root").touch()
    (folder / "partial.root").touch()
    marker = machine.folder / ".snakemake/incomplete" / urlsafe_b64encode(b"results/toy/plan.json").decode()
    marker.parent.mkdir(parents=True)
    marker.touch()

    findings = told(leftovers.check(machine))

    assert findings["half-written files"][1].startswith("2, such as ")
    assert findings["incomplete products"][1] == "1, such as results/toy/plan.json"
    claim(machine)
    assert told(leftovers.check(machine)) == {"leftovers": ("ok", "not looked for while a run is going on", "")}


def test_a_clean_folder_and_the_size_of_scratch_are_told(imagine, told):
    machine = imagine()
    (machine.folder / ".scratch/chunks").mkdir(parents=True)
    with (machine.folder / ".scratch/chunks/x.npy").open("wb") as file:
        file.truncate(31_000_000_000)  # a sparse file: no room is taken

    findings = told(leftovers.check(machine))

    assert findings["leftovers"][:2] == ("ok", "none")
    assert findings["scratch size"] == ("warning", "31.0 GB in .scratch/chunks", "rm -r .scratch/chunks")


def test_scratch_is_looked_for_where_the_variable_says(imagine, told, tmp_path):
    machine = imagine(environment={"NANOLOOM_SCRATCH": str(tmp_path / "disk")})
    (tmp_path / "disk/chunks").mkdir(parents=True)
    with (tmp_path / "disk/chunks/x.npy").open("wb") as file:
        file.truncate(31_000_000_000)

    assert told(leftovers.check(machine))["scratch size"][2] == f"rm -r {tmp_path}/disk/chunks"
    assert f"{tmp_path}/disk" in str(told(disk_space.check(machine)))


@pytest.mark.parametrize(("limit", "status"), [(256, "warning"), (1024, "ok"), (-1, "ok")])
def test_a_low_limit_on_open_files_is_told(limit, status, imagine):
    assert [finding.status for finding in open_files.check(imagine(), limit=limit)] == [status]
