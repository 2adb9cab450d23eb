"""Is the work on a file system that several machines share, and what is weak there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.files import SCRATCH_VARIABLE, scratch_place
from pipeline.operations.finding import Finding, fault, ok, warning
from pipeline.operations.mounts import AFS, EOS, LUSTRE, NFS, is_shared, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine

# Many small files that are written, renamed and mapped into memory: what .scratch is made of.
SCRATCH = f"export {SCRATCH_VARIABLE}=/tmp/$USER/scratch"
WEAK = {
    AFS: "a small quota, and a ticket that ends",
    EOS: "slow with small files, a file may be seen late, and HTCondor at CERN takes no jobs from here",
    NFS: "other machines see a new file late",
    LUSTRE: "slow with small files",
}


def check(machine: Machine) -> Iterator[Finding]:
    """The folder of the workflow, and its scratch."""
    kind = kind_of(machine, machine.folder.resolve())
    place = scratch_place(environment=machine.environment)
    scratch = kind_of(machine, machine.existing(machine.folder / place))
    if kind == EOS and machine.has("condor_submit"):
        yield fault("file system", f"{EOS}, from which HTCondor takes no jobs", "Work on AFS; let results be a link to EOS.")
    elif is_shared(kind):
        yield ok(
            "file system", f"{kind}, shared by machines: {WEAK.get(kind, 'a file may be seen late')}", "--latency-wait 60"
        )
    else:
        yield ok("file system", f"{kind or 'unknown'}, of this machine")
    if is_shared(scratch):
        yield warning("scratch", f"{place} is on {scratch}: {WEAK.get(scratch, 'slow with small files')}", SCRATCH)
    elif kind == scratch and machine.has("condor_submit"):
        yield ok("scratch", f"{scratch}, of this machine", "Jobs elsewhere need the folder on a disk that all machines see.")
