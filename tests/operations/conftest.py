"""A machine that is imagined: what its commands say, its files and its environment."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from pipeline.operations.machine import NOT_THERE, Answer, Machine


@dataclass(frozen=True)
class ImaginedMachine(Machine):
    """Its commands are those of *answers*: by the whole command or its beginning, the exit code and the text."""

    answers: dict[str, tuple[int, str]] = field(default_factory=dict)

    def has(self, command):
        return any(known.split()[0] == command for known in self.answers)

    def run(self, *command, seconds=5):
        line = " ".join(command)
        fitting = [known for known in self.answers if line.startswith(known)]
        return Answer(*self.answers[max(fitting, key=len)]) if fitting else Answer(NOT_THERE, f"{command[0]}: not found")


@pytest.fixture
def imagine(tmp_path):
    """Function that makes a machine: its commands, its files below `/`, its environment, and its folder, which is empty."""

    def make(answers=None, *, files=None, environment=None, analyses=(), **settings):
        root = tmp_path / "root"
        folder = tmp_path / "work"
        for place in (root, folder):
            place.mkdir(exist_ok=True)
        for name, text in (files or {}).items():
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        settings = {"folder": folder, "root": root, "user": 1000, **settings}
        return ImaginedMachine(answers=answers or {}, environment=environment or {}, analyses=tuple(analyses), **settings)

    return make


@pytest.fixture
def reading():
    """Function that makes an analysis, as far as a check looks at it, which reads *files* or is simulated."""

    def make(*files, simulate=None, threads=1, tune=None):
        dataset = SimpleNamespace(files=files, simulate=simulate)
        training = SimpleNamespace(threads=threads)
        return SimpleNamespace(
            name="mine", datasets={"d": dataset}, models={"m": None}, tune=tune or {}, training_of=lambda model: training
        )

    return make


@pytest.fixture
def told():
    """Function that gives status and findings of a check as pairs, by what was looked at."""

    def pairs(findings):
        return {finding.what: (finding.status, finding.found, finding.todo) for finding in findings}

    return pairs
