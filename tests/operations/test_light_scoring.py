"""A scoring job on a CPU: no TensorFlow, little memory, and soon at work."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from benchmarks.peak import STATUS
from pipeline.cli import main
from tests.toy_analysis import make_toy, write_toy

LARGEST_MB = 400
# Time of one core until the inputs of the first range are there and its model is open: 1.5 s where these imports take 0.8 s.
IMPORTS = "import time, coffea.nanoevents, onnxruntime; print(time.process_time())"
LONGEST = 2.5
ATTEMPTS = 3
SCORED = f"""
import json, re, sys, time
from pipeline.cli import main
from pipeline.learning import score

opened, open_model = [], score.open_model

def timed(*arguments):
    model = open_model(*arguments)
    opened.append(time.process_time())
    return model

score.open_model = timed
main(["score", "--dataset", "s", "--config", "config/toy.yaml"], standalone_mode=False)
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("{STATUS}").read()).group(1)) / 1024
print(json.dumps({{"seconds": opened[0], "peak_mb": peak, "modules": sorted(sys.modules)}}))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pytestconfig, make_nano):
    """A folder with a network that was trained and exported."""
    folder = tmp_path_factory.mktemp("light")
    make_toy(folder, pytestconfig.rootpath, make_nano)
    network = {"architecture": "dnn", "inputs": "all", "options": {"units": [4]}}
    write_toy(folder, models={"m": network}, training={"epochs": 1, "batch_size": 16})
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        stages = (["plan"], ["summarise"], *(["train", "--model", "m", "--fold", fold] for fold in "01"))
        for stage in stages:
            result = CliRunner().invoke(main, [*stage, "--config", "config/toy.yaml"])
            assert result.exit_code == 0, result.output
    return folder


def printed(code, folder):
    """What *code* prints last, in a Python of its own."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def jobs(trained):
    """What two scoring jobs say of themselves."""
    return [printed(SCORED, trained) for _ in range(2)]


def test_neither_tensorflow_nor_keras_is_imported(jobs):
    assert "onnxruntime" in jobs[0]["modules"]
    assert not {"tensorflow", "keras", "torch", "jax"} & set(jobs[0]["modules"])


@pytest.mark.skipif(not STATUS.exists(), reason="only Linux says how much memory a process held at most")
def test_a_job_takes_little_memory(jobs):
    assert max(job["peak_mb"] for job in jobs) < LARGEST_MB


def test_a_job_starts_soon(trained):
    # In pairs, as a core is faster at one time than at another.
    ratios = [printed(SCORED, trained)["seconds"] / printed(IMPORTS, trained) for _ in range(ATTEMPTS)]

    assert min(ratios) < LONGEST, ratios
