"""Which packages nanoloom needs, in which versions, and which are there; no package is needed to tell."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, version
from itertools import takewhile

from pipeline.digest import ROOT

NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^]]*\])?\s*(?:(>=|==)\s*([0-9][0-9A-Za-z.]*))?")
EXTRA = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
# One of these does as well: the other build of the same library.
INSTEAD = {"tensorflow-cpu": ("tensorflow",), "xgboost-cpu": ("xgboost",)}


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package, and the oldest version of it that will do, or the only one."""

    name: str
    least: str = ""
    exact: bool = False

    def is_met_by(self, present: str) -> bool:
        """Whether *present*, a version, will do."""
        return present == self.least if self.exact else numbers(present) >= numbers(self.least)


def requirements(extra: str = "") -> list[Requirement]:
    """What nanoloom needs, or what its *extra* adds, by pyproject.toml or else by the installed package."""
    project = ROOT / "pyproject.toml"
    if project.is_file():
        table = tomllib.loads(project.read_text(encoding="utf-8"))["project"]
        lines = table["optional-dependencies"].get(extra, []) if extra else table["dependencies"]
    else:
        lines = [line for line in metadata("nanoloom").get_all("Requires-Dist") or [] if _extra_of(line) == extra]
    return [_parse(line) for line in lines]


def locked() -> dict[str, str]:
    """The versions of requirements.lock, by normalised name; none where it is not there."""
    path = ROOT / "requirements.lock"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    pairs = (line.split("==") for line in lines if "==" in line and not line.startswith("#"))
    return {normalised(name): there for name, there in pairs}


def installed(name: str) -> str:
    """The version of the package *name*, or of one that does as well; "" if there is none."""
    for each in (name, *INSTEAD.get(name, ())):
        try:
            return version(each)
        except PackageNotFoundError:
            continue
    return ""


def normalised(name: str) -> str:
    """*name* as package indexes compare it.

    >>> normalised("Awkward_cpp")
    'awkward-cpp'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def numbers(text: str) -> tuple[int, ...]:
    """A version as numbers, as far as there are some.

    >>> numbers("2026.9.0rc1")
    (2026, 9, 0)
    """
    digits = ("".join(takewhile(str.isdigit, part)) for part in text.split("."))
    return tuple(int(part) for part in takewhile(bool, digits))


def _parse(line: str) -> Requirement:
    name, sign, least = NAME.match(line).groups()  # type: ignore[union-attr]
    return Requirement(name, least or "", sign == "==")


def _extra_of(line: str) -> str:
    found = EXTRA.search(line)
    return found[1] if found else ""
