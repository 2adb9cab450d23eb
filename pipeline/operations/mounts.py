"""Which kind of file system is a folder on?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.operations.machine import Machine

AFS, EOS, NFS, LUSTRE = "AFS", "EOS", "NFS", "Lustre"
# As /proc/mounts calls them.
NETWORKS = {"afs": AFS, "auristorfs": AFS, "fuse.eosxd": EOS, "fuse.eos": EOS, "nfs": NFS, "nfs4": NFS, "lustre": LUSTRE}
OTHER_NETWORKS = {"gpfs", "beegfs", "ceph", "fuse.sshfs", "cifs", "smb3", "9p", "glusterfs", "fuse.glusterfs"}
OCTAL = re.compile(r"\\([0-7]{3})")


def kind_of(machine: Machine, path: Path) -> str:
    """The kind of file system that *path*, an absolute one, is on; one that is shared by machines has its usual name."""
    kind = _mount(machine, path)
    return NETWORKS.get(kind, kind)


def is_shared(kind: str) -> bool:
    """Whether several machines see a file system of that *kind*."""
    return kind in NETWORKS.values() or kind in OTHER_NETWORKS


def _mount(machine: Machine, path: Path) -> str:
    best, found = Path("/"), ""
    for line in machine.read("/proc/mounts").splitlines():
        _, where, kind, *_ = line.split(" ")
        point = Path(OCTAL.sub(lambda code: chr(int(code[1], 8)), where))
        # The last of two at one place hides the first.
        if path.is_relative_to(point) and len(point.parts) >= len(best.parts):
            best, found = point, kind
    return found
