"""Is there a Kerberos ticket, where files or jobs need one?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, fault, ok, warning
from pipeline.operations.mounts import AFS, EOS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.operations.machine import Machine


def check(machine: Machine) -> Iterator[Finding]:
    """What `klist -s` says; it matters on AFS and EOS."""
    kind = kind_of(machine, machine.folder.resolve())
    needs_it = kind in (AFS, EOS)
    if not machine.has("klist"):
        if needs_it:
            yield warning("Kerberos ticket", f"klist is not there, and the folder is on {kind}", "Install krb5-user.")
        else:
            yield ok("Kerberos ticket", "none is needed")
    elif machine.run("klist", "-s").code == 0:
        yield ok("Kerberos ticket", "valid")
    elif needs_it:
        yield fault("Kerberos ticket", f"none that is valid, and the folder is on {kind}", "kinit && aklog")
    else:
        yield ok("Kerberos ticket", "none, and none is needed")
