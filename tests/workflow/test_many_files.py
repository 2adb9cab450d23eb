"""Ten thousand files: what Snakemake makes of them in little time, as hundreds of jobs."""

import re
import resource
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.toy_analysis import ANALYSIS, make_toy, write_toy

pytestmark = pytest.mark.slow

N_FILES = 10_000
MOST_SECONDS = 10


@pytest.fixture
def toy(tmp_path, pytestconfig, make_nano):
    """A folder with the analysis `toy` and the workflow."""
    make_toy(tmp_path, pytestconfig.rootpath, make_nano)
    for part in ("pipeline", "snakemake"):
        shutil.copytree(pytestconfig.rootpath / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(pytestconfig.rootpath / "Snakefile", tmp_path)
    return tmp_path


def given(toy):
    """10,000 files that are there; none is read."""
    (toy / "many").mkdir()
    for i in range(N_FILES):
        (toy / f"many/{i}.root").touch()
    return {"files": ["many/*.root"]}


def dry_run(folder):
    """How many jobs of which rule, and the seconds of a processor that they took to be found."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "snakemake", "-n", "--cores", "2", "--quiet", "rules", "--config", "analyses=toy"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    table = re.findall(r"^(\w+) +(\d+)$", done.stdout, flags=re.MULTILINE)
    return {rule: int(n) for rule, n in table}, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write(toy, files):
    write_toy(toy, datasets={**ANALYSIS["datasets"], "s": {"process": "sig", "xsec_pb": 1.0, **files}})


def test_a_dry_run_of_ten_thousand_files_takes_less_than_ten_seconds(toy):
    write(toy, given(toy))
    dry_run(toy)  # the first one compiles the code

    jobs, seconds = dry_run(toy)

    assert (jobs["plan"], jobs["total"]) == (1, 10)
    assert seconds < MOST_SECONDS


def test_of_ten_thousand_files_to_be_made_each_is_a_job_and_nothing_else_is_more(toy):
    write(toy, {"simulate": {"card": "tt_dilep", "events": N_FILES, "events_per_file": 1}})

    jobs, _ = dry_run(toy)

    assert jobs["simulate"] == N_FILES
    assert jobs["total"] == N_FILES + 10


@pytest.mark.parametrize("site", ["lxplus", "slurm"])
def test_a_batch_system_gets_ten_thousand_files_as_hundreds_of_jobs(site, pytestconfig):
    profile = yaml.safe_load((pytestconfig.rootpath / f"snakemake/profiles/{site}/config.yaml").read_text(encoding="utf-8"))
    rule, _, group = profile["groups"][0].partition("=")
    components = dict(each.split("=") for each in profile["group-components"])

    assert rule == "simulate"
    assert 100 <= N_FILES / int(components[group]) < 1000
