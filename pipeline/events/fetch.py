"""How real example files come here: out of the source distribution of a Python package, by pip from wherever pip looks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from pipeline.errors import InputError, nearest
from pipeline.files import replacing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TIMEOUT_S = 600


def fetch_member(package: str, member: str, out: str | Path) -> None:
    """Write the file *member* of the source distribution of *package* to *out*; see `fetch`."""
    fetch(package, {member: Path(out)})


def fetch(package: str, members: Mapping[str, Path], *, download: Callable[[str, Path], Path] | None = None) -> None:
    """Write files of a source distribution, downloading it once.

    Args:
        package: name and version, `coffea==2026.9.0`.
        members: by path inside the package, `tests/samples/nano_dy.root`, the file to write.
        download: brings the archive of a package into a folder and returns its path; by default with pip.

    Raises:
        InputError: pip reaches no index, the version does not exist, or a member is not in the package.
    """
    with tempfile.TemporaryDirectory() as folder:
        archive = (download or download_source)(package, Path(folder))
        try:
            with tarfile.open(archive) as content:
                _extract(content, members, package)
        except tarfile.TarError as error:
            raise InputError(
                f"{archive.name} of {package} is no readable archive: {error}. Expected a source distribution. Try again."
            ) from error


def download_source(package: str, folder: Path) -> Path:
    """The source distribution of *package*, downloaded into *folder* with pip."""
    # `--no-binary NAME` and not `:all:`, so that what builds the metadata need not be built itself.
    options = ["--no-deps", "--no-binary", package.partition("==")[0], "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", str(folder), package]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise _not_obtained(package, f"no answer in {TIMEOUT_S} s") from error
    found = sorted(folder.glob("*.tar.gz"))
    if done.returncode != 0 or not found:
        raise _not_obtained(package, _reason(done.stderr))
    return found[0]


def _extract(content: tarfile.TarFile, members: Mapping[str, Path], package: str) -> None:
    # Only names are compared and only contents are copied: no path of the archive is ever written to.
    files = {_inner(item.name): item for item in content if item.isfile()}
    for member in members:
        if member not in files:
            known = [name for name in files if name.endswith(PurePosixPath(member).suffix)]
            raise InputError(
                f"{package} has no file {member!r}. {nearest(member, known)} Correct `members` of that dataset."
            )
    for member, out in members.items():
        source = content.extractfile(files[member])
        if source is not None:
            with replacing(out) as temporary, temporary.open("wb") as target:
                shutil.copyfileobj(source, target)


def _inner(name: str) -> str:
    """The path of an archived file without the leading folder `<package>-<version>`."""
    return str(PurePosixPath(*PurePosixPath(name).parts[1:]))


def _reason(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.startswith("ERROR:")]
    return lines[-1].removeprefix("ERROR:").strip().rstrip(".") if lines else "pip gave no reason"


def _not_obtained(package: str, reason: str) -> InputError:
    return InputError(
        f"{package} could not be downloaded: {reason}. Expected pip with a package index that has its source distribution."
        " Connect, or get the files elsewhere and list them under `files` instead of `fetch`."
    )
