"""Is there a GPU, may it be used, and is TensorFlow built for it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.operations.finding import Finding, ok, warning
from pipeline.operations.requirements import installed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.operations.machine import Machine

# HTCondor sets the last one for a job that asked for none.
HIDDEN = {"", "-1", "NoDevFiles", "10000"}
HAS_NO_CUDA = "tensorflow-cpu"


def check(machine: Machine, *, there: Callable[[str], str] = installed) -> Iterator[Finding]:
    """What nvidia-smi tells; *there* tells the version of a package that is installed."""
    if not machine.has("nvidia-smi"):
        yield ok("GPU", "none: networks are trained on the CPU")
        return
    listed = machine.run("nvidia-smi", "-L")
    if listed.code != 0:
        yield warning(
            "GPU", f"nvidia-smi fails: {listed.text.strip()}", "The driver is broken or busy: ask who runs the machine."
        )
        return
    devices = [line.partition(" (UUID")[0] for line in listed.text.splitlines() if line.startswith("GPU ")]
    visible = machine.environment.get("CUDA_VISIBLE_DEVICES")
    if not devices:
        yield ok("GPU", "none: networks are trained on the CPU")
    elif visible is not None and visible.strip() in HIDDEN:
        todo = "unset CUDA_VISIBLE_DEVICES; in HTCondor ask for request_gpus=1"
        yield warning("GPU", f"{'; '.join(devices)}, hidden by CUDA_VISIBLE_DEVICES={visible}", todo)
    elif there(HAS_NO_CUDA) and not there("tensorflow"):
        yield warning("GPU", f"{'; '.join(devices)}, which {HAS_NO_CUDA} cannot use", "pip install 'tensorflow[and-cuda]'")
    else:
        yield ok("GPU", "; ".join(devices))
