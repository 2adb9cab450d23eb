"""What the profile `slurm` has Snakemake's plugin type: an sbatch that only writes down what it is told stands for Slurm."""

import json
import os
import subprocess
import time
from itertools import pairwise

import pytest

from tests.cluster.htcondor import PYTHON
from tests.toy_analysis import make_toy

pytestmark = pytest.mark.condor

# Slurm's commands as far as the plugin asks them: there is one account.
SBATCH = """#!/bin/sh
printf '%s\\n' "$@" | python3 -c 'import json, sys; print(json.dumps(sys.stdin.read().splitlines()))' >> {calls}
wc -l < {calls}
"""
ACCOUNT = "#!/bin/sh\necho physics\n"
NOTHING = "#!/bin/sh\n"
ANSWERS = {"sacct": ACCOUNT, "sacctmgr": ACCOUNT, "squeue": NOTHING, "scancel": NOTHING, "scontrol": NOTHING}


@pytest.fixture
def slurm(tmp_path):
    """The environment of a command that takes these scripts for Slurm, and the file for what sbatch is told."""
    if not PYTHON.exists():
        pytest.skip("Snakemake's plugin for Slurm is not installed: tests/cluster/htcondor_pool.sh install brings it")
    programs, calls = tmp_path / "programs", tmp_path / "calls"
    programs.mkdir()
    for name, text in {**ANSWERS, "sbatch": SBATCH.format(calls=calls)}.items():
        (programs / name).write_text(text, encoding="utf-8")
        (programs / name).chmod(0o755)
    inherited = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "NANOLOOM_PARENT")}
    # HTCondor's plugin is in the same Python, and warns where no pool is.
    return {**inherited, "PATH": f"{programs}:{os.environ['PATH']}", "CONDOR_CONFIG": "/dev/null"}, calls


def test_sbatch_is_told_time_memory_cores_and_gpus(slurm, tmp_path, pytestconfig, make_nano):
    environment, calls = slurm
    folder = tmp_path / "run"
    folder.mkdir()
    make_toy(folder, pytestconfig.rootpath, make_nano)
    for part in ("Snakefile", "pipeline", "snakemake"):
        (folder / part).symlink_to(pytestconfig.rootpath / part)
    asked = ("--set-resources", "plan:gpu=1", "plan:mem_mb=700", "plan:slurm_partition=short")
    running = subprocess.Popen(
        [PYTHON, "-m", "snakemake", "--workflow-profile", "snakemake/profiles/slurm", *asked],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        told = wait_for(calls)
    finally:
        running.kill()
        running.wait()

    named = dict(pairwise(told))
    assert (named["-t"], named["--mem"], named["-A"], named["-p"]) == ("120", "700", "physics", "short")
    assert "--gpus=1" in told
    assert "--cpus-per-task=2" in told


def wait_for(calls, *, within_s=60):
    """What sbatch was told first."""
    deadline = time.monotonic() + within_s
    while not (calls.exists() and calls.read_text(encoding="utf-8").endswith("\n")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return json.loads(calls.read_text(encoding="utf-8").splitlines()[0])
