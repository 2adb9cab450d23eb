"""The whole chain, once, on a few hundred simulated events in a folder of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

PARTS = ("Snakefile", "config", "models", "pipeline", "processors", "snakemake")


def copy_project(root: Path, folder: Path) -> None:
    """Everything that a run needs, without products."""
    for part in PARTS:
        source, target = root / part, folder / part
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def small_analysis(root: Path) -> dict:
    """hh_bbww with 2400 events a class in two files, a small network and a small BDT."""
    analysis = yaml.safe_load((root / "config/hh_bbww.yaml").read_text(encoding="utf-8"))
    for dataset in analysis["datasets"].values():
        dataset["simulate"] |= {"events": 2400, "events_per_file": 1600}
    analysis["reading"] = {"range_entries": 500}
    analysis["models"] = {name: analysis["models"][name] for name in ("dnn_phi", "bdt_phi")}
    analysis["models"]["dnn_phi"]["options"] = {"units": [16], "activation": "leaky_relu", "dropout": 0.1}
    analysis["models"]["dnn_phi"]["training"] = {"epochs": 10, "batch_size": 32, "learning_rate": 0.005}
    analysis["models"]["bdt_phi"]["training"] = {"epochs": 20, "learning_rate": 0.2}
    return analysis


def write_analysis(folder: Path, analysis: dict) -> None:
    """As `config/small.yaml`."""
    text = yaml.safe_dump(analysis, sort_keys=False, allow_unicode=True)
    (folder / "config/small.yaml").write_text(text, encoding="utf-8")


class Project:
    """A copy of the project with the analysis `small`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.results = folder / "results/small"

    def run(self, *command: str, fails: bool = False) -> str:
        """Run a command in the copy; its output."""
        process = self.start(*command)
        try:
            output, _ = process.communicate(timeout=600)
        finally:
            process.kill()
        assert (process.returncode != 0) == fails, output
        return output

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command in the copy."""
        # No path of the checkout: the copy must find its own code.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen([sys.executable, "-m", *command], cwd=self.folder, env=environment, text=True, **pipes)

    def snakemake(self, *arguments: str, config: tuple[str, ...] = (), fails: bool = False) -> str:
        """Run Snakemake for the analysis `small`."""
        return self.run("snakemake", *arguments, "--config", "analyses=small", *config, fails=fails)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in a file of the copy."""
        file = self.folder / path
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="session")
def new_project(pytestconfig, tmp_path_factory):
    """Function that makes a copy of the project with the analysis `small`, and nothing made yet."""

    def make():
        pytest.importorskip("pythia8mc", reason="the simulation is an extra: pip install nanoloom[simulation]")
        folder = tmp_path_factory.mktemp("project")
        copy_project(pytestconfig.rootpath, folder)
        write_analysis(folder, small_analysis(pytestconfig.rootpath))
        return Project(folder)

    return make


@pytest.fixture(scope="session")
def finished(new_project):
    """The project after a whole run on two cores."""
    project = new_project()
    project.snakemake("--cores", "2")
    return project
