"""Does HTCondor answer, does it hold jobs of this user, and can Snakemake speak to it?"""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning
from pipeline.operations.machine import TIMED_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

VERSION = re.compile(r"\$CondorVersion: (\S+)")
PLUGIN = "snakemake_executor_plugin_htcondor"
SECONDS = 8.0


def check(machine: Machine, *, has_plugin: bool | None = None) -> Iterator[Finding]:
    """Its commands; *has_plugin* says whether Snakemake's plugin is there."""
    plugin = find_spec(PLUGIN) is not None if has_plugin is None else has_plugin
    if not machine.has("condor_submit"):
        yield ok("HTCondor", "not on this machine")
        if plugin and not machine.environment.get("CONDOR_CONFIG"):
            yield warning("HTCondor plugin", "warns at every start of Snakemake", "export CONDOR_CONFIG=/dev/null")
        return
    version = VERSION.search(machine.run("condor_version").text)
    yield ok("HTCondor", version[1] if version else "of an unknown version")
    if not plugin:
        yield warning("HTCondor plugin", "not installed", "pip install nanoloom[htcondor]")
    yield from _queue(machine)


def _queue(machine: Machine) -> Iterator[Finding]:
    held = machine.run("condor_q", "-hold", "-af:j", "HoldReason", seconds=SECONDS)
    if held.code == TIMED_OUT:
        yield fault(
            "HTCondor queue", f"condor_q does not answer within {SECONDS:g} s", "Try again; at CERN see myschedd show"
        )
    elif held.code != 0:
        yield fault("HTCondor queue", _problem(held.text), "See condor_q; at CERN a ticket is needed: kinit")
    elif jobs := held.text.strip().splitlines():
        yield warning(
            "HTCondor queue",
            f"{len(jobs)} held jobs, the first is {jobs[0]}",
            "condor_q -hold; condor_rm JOB: its work is another job's by now",
        )
    else:
        yield ok("HTCondor queue", "answers, and holds no job of yours")


def _problem(text: str) -> str:
    """The first line, after which come hints; without a scheduler it says nothing."""
    if "condor_schedd is not" in text:
        return "no condor_schedd answers on this machine"
    return next((line.strip() for line in text.splitlines() if line.strip()), "condor_q fails and says nothing")
