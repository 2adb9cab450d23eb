"""What is a batch system told of a job? What its rule states, under the names that the profile of the site gives it.

A profile names a resource of its batch system and, in braces, what becomes of it; for HTCondor, whose plugin passes only the
number of threads by itself (snakemake-executor-plugin-htcondor 0.3.0):

    default-resources:
      htcondor_request_mem_mb: "{mem_mb}"
      classad_JobFlavour: "{flavour}"

A resource that a person gives on the command line (`--set-resources train:mem_mb=8000`) gets there as well.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

# With the quotes that Snakemake asks for around strings, or without.
IN_BRACES = re.compile(r"""(['"]?)\{(\w*)\}\1""")
# What a job that failed gets more of when it is tried again: it may have been ended for want of it.
GROWING = ("mem_mb", "runtime")
# Name and minutes: https://batchdocs.web.cern.ch/tutorial/exercise6b.html
FLAVOURS = {
    "espresso": 20,
    "microcentury": 60,
    "longlunch": 2 * 60,
    "workday": 8 * 60,
    "tomorrow": 24 * 60,
    "testmatch": 3 * 24 * 60,
    "nextweek": 7 * 24 * 60,
}


def flavour(minutes: int) -> str:
    """The shortest job flavour of CERN's HTCondor that lasts *minutes*; the longest there is for more.

    >>> flavour(20), flavour(21), flavour(90 * 24 * 60)
    ('espresso', 'microcentury', 'nextweek')
    """
    return next((name for name, most in FLAVOURS.items() if minutes <= most), "nextweek")


# What a profile may ask for in braces: of which resource of the rule it is made, and how. Nought is not passed on.
TOLD: dict[str, tuple[str, Callable[[int], int | str]]] = {
    "mem_mb": ("mem_mb", int),
    "disk_mb": ("disk_mb", int),
    "gpu": ("gpu", int),
    "runtime": ("runtime", int),
    "runtime_s": ("runtime", lambda minutes: 60 * minutes),
    "flavour": ("runtime", flavour),
}


def tell_batch_system(workflow: Any) -> None:
    """Fill in what the profile has in braces, for every rule, and let a job that is tried again ask for more.

    Args:
        workflow: Snakemake's, with all rules. Their resources are changed.

    Raises:
        InputError: something in braces is not known.
    """
    for rule in workflow.rules:
        _grow(rule.resources)
        _fill(rule.resources, partial(_jobs_of, workflow, rule))


def _jobs_of(workflow: Any, rule: Any) -> int:
    """How many jobs of *rule* the batch system gets as one; Snakemake knows it only after it has read the rules."""
    groups = workflow.group_settings
    jobs: int = groups.group_components.get(groups.overwrite_groups.get(rule.name, rule.group), 1)
    return jobs


def _grow(resources: Any) -> None:
    for name in GROWING:
        stated = resources.get(name)
        if not stated.is_evaluable() and isinstance(stated.value, int):
            resources[name] = _times_attempt(stated.value)


def _times_attempt(stated: int) -> Callable[..., int]:
    def grown(wildcards: Any, attempt: int) -> int:
        return attempt * stated

    return grown


def _fill(resources: Any, jobs: Callable[[], int]) -> None:
    for name, given in list(resources.items()):
        if found := IN_BRACES.fullmatch(str(given.raw)):
            if found[2] not in TOLD:
                raise InputError(
                    f"default-resources of the profile has {name}: {given.raw}. {nearest(found[2], TOLD)}"
                    " Correct config.yaml in snakemake/profiles."
                )
            source, made = TOLD[found[2]]
            # Snakemake adds up the runtime of a group by itself, but not what is made of it. Its jobs may run in turn.
            times = jobs if source == "runtime" and found[2] != source else _once
            resources[name] = _told(resources.get(source), made, times)


def _once() -> int:
    return 1


def _told(stated: Any, made: Callable[[int], int | str], times: Callable[[], int]) -> Callable[..., int | str | None]:
    def told(wildcards: Any, input: Any, attempt: int, threads: int, rulename: str, async_run: Any) -> int | str | None:
        value = stated.evaluate(
            wildcards, input=input, attempt=attempt, threads=threads, rulename=rulename, async_run=async_run
        ).value
        # A string stands for what Snakemake does not know yet, such as the size of a file that is not there.
        return made(times() * value) if isinstance(value, int) and value else None

    return told
