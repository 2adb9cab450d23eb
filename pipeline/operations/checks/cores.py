"""How many cores may be used?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipeline.operations.cgroup import core_limit
from pipeline.operations.finding import Finding, ok, warning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine


def check(machine: Machine, *, usable: int | None = None) -> Iterator[Finding]:
    """Those that the system lets this process use (*usable*), and the limit of its container or job."""
    n_cores = usable or len(os.sched_getaffinity(0))
    limit = core_limit(machine)
    if limit is not None and limit < n_cores:
        whole = max(int(limit), 1)
        yield warning("cores", f"{n_cores}, of which the time of {limit:g} may be used", f"snakemake --cores {whole}")
        n_cores = whole
    else:
        yield ok("cores", str(n_cores))
    for analysis in machine.analyses:
        most = max((analysis.training_of(model).threads for model in analysis.models), default=1)
        if most > n_cores:
            yield warning(
                f"cores for {analysis.name}",
                f"a training is to have {most} threads, there are {n_cores} cores",
                f"It will be slow; the result is the same. Else lower training.threads in config/{analysis.name}.yaml",
            )
