"""For every kind of failure the table knows what to do; what can fail here really fails."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.operations.job_log import reason
from pipeline.operations.remedies import remedies, remedy_of

# What a command does, and the cause that is to be found.
REAL = {
    "bytearray(2**62)": "out of memory",
    "import numpy; numpy.ones(2**45)": "out of memory",
    "from distributed.scheduler import KilledWorker; raise KilledWorker('x', 'tcp://127.0.0.1:1', 0)": "out of memory",
    "open('/dev/full', 'w').write('x' * 10**5)": "disk full",
    "import os; raise OSError(122, os.strerror(122))": "quota reached",
    "import os; raise OSError(126, os.strerror(126))": "Kerberos ticket",
    "import os; raise OSError(30, os.strerror(30))": "read-only disk",
    "import os; raise OSError(13, os.strerror(13))": "no permission",
    "import resource; resource.setrlimit(7, (9, 9)); [open('/dev/null') for _ in range(9)]": "too many open files",
    "import socket; socket.create_connection(('127.0.0.1', 9), 1)": "server or network",
    "import socket; socket.create_connection(('no.such.host.invalid', 9), 1)": "server or network",
    "import no_such_package": "missing package",
    "import os; os.environ.clear(); os.environ['PATH']": "no environment in the job",
    "import os; os.kill(os.getpid(), 9)": "killed",
    "import os; os.kill(os.getpid(), 15)": "ended from outside",
    "import os; os.kill(os.getpid(), 11)": "crash in a library",
    "import os; os.kill(os.getpid(), 7)": "disk full or gone, under a mapped file",
    "import os; os.kill(os.getpid(), 4)": "processor too old for a package",
    "raise KeyboardInterrupt": "removed or interrupted by hand",
    "import sys; sys.exit('error: No a.root. Nearest: b.root. Correct it.')": "told by the command",
    "raise ZeroDivisionError": "error in Python",
    "raise SystemExit(1)": "not told",
}
# From HTCondor 23.9.6, Slurm, XRootD 5, OpenSSL 3, TensorFlow 2.21 and Snakemake 9.27.1.
TOLD = {
    "held: Error from slot1@a: Job has gone over cgroup memory limit of 2048 MB. (Code 34 Subcode 0)": "out of memory",
    "held: something (Code 34 Subcode 0)": "out of memory",
    "held: Job has gone over memory limit of 100 megabytes (Code 3 Subcode 0)": "out of memory",
    "held: Error from slot1@a: Failed to execute '/x' (errno=2: 'No such file') (Code 6 Subcode 2)": "job could not start",
    "held: Transfer output files failure at execution point (Code 12 Subcode 2)": "files not transferred",
    "held: The job exceeded allowed execute duration of 0+02:00:00 (Code 47 Subcode 0)": "out of time",
    "held: via condor_hold (by user alice) (Code 1 Subcode 0)": "put on hold",
    "removed: via condor_rm (by user alice)": "removed or interrupted by hand",
    "never started, waits since 2026-11-21 08:02:41": "no machine fits, or none is free",
    "SLURM-job '12' failed, SLURM status is: 'OUT_OF_MEMORY'.": "out of memory",
    "SLURM-job '12' failed, SLURM status is: 'TIMEOUT'.": "out of time",
    "SLURM-job '12' failed, SLURM status is: 'CANCELLED'.": "removed or interrupted by hand",
    "Snakemake was killed": "killed with its Snakemake",
    "exit code 1\nOSError: File did not open properly: [FATAL] Auth failed: No protocols left to try": "grid proxy",
    "exit code 1\nerror: root://a/b.root cannot be opened: OSError: [ERROR] Operation expired.": "server or network",
    "exit code 1\nssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] failed": "certificate not trusted",
    "exit code 1\nssl.SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number": "TLS",
    "exit code 1\ntensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating": "out of GPU memory",
    "exit code 127\n/usr/bin/bash: line 1: exec: python: not found": "no environment in the job",
    "exit code 1\n/usr/bin/python3: No module named pipeline": "no environment in the job",
    "MissingOutputException\nJob 1 completed successfully, but some output files are missing.": "files seen too late",
    "MissingInputException in rule plan\nMissing input files for rule plan:": "missing file",
    "IncompleteFilesException\nThe files below seem to be incomplete.": "products are half made",
    "LockException\nError: Directory cannot be locked.": "folder is locked",
}


@pytest.mark.parametrize(("code", "cause"), REAL.items(), ids=REAL)
def test_a_command_that_really_fails_is_understood(code, cause, tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    end = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"

    assert remedy_of("\n".join([end, *reason(done.stderr.splitlines())])).cause == cause


@pytest.mark.parametrize(("text", "cause"), TOLD.items(), ids=TOLD)
def test_what_batch_systems_and_servers_say_is_understood(text, cause):
    assert remedy_of(text).cause == cause


def test_every_remedy_is_found_by_something():
    found = {*REAL.values(), *TOLD.values()}

    assert [remedy.cause for remedy in remedies() if remedy.cause not in found] == []
    assert len({remedy.cause for remedy in remedies()}) == len(remedies())


@given(st.text())
def test_there_is_always_something_to_do(text):
    assert remedy_of(text).todo


def test_an_exit_code_that_means_nothing_is_not_guessed_at():
    assert {remedy_of(f"exit code {code}").cause for code in range(3, 125)} == {"not told"}
