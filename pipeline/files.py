"""How products are written: to a temporary name, then renamed, so that a product is whole or is not there."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import InputError, PipelineError
from pipeline.processes import is_alive, place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Others may put a folder in the same place at the same time.
ATTEMPTS = 5
SCRATCH_VARIABLE = "NANOLOOM_SCRATCH"
# By what the system says when it takes nothing more: what to do.
REFUSALS = {
    errno.ENOSPC: "Free space there, or let results/ and .scratch/ be links to a larger disk",
    errno.EDQUOT: "Delete what is not needed there (`quota -s`, on AFS `fs listquota`), or work where the quota is larger",
    errno.EFBIG: "Raise the limit on the size of a file (`ulimit -f`)",
    errno.EROFS: "Work on a disk that may be written",
    errno.EACCES: "See with `ls -ld`, on AFS with `fs listacl`, who may write there",
}


def scratch_place(name: str = "", environment: Mapping[str, str] = os.environ) -> Path:
    """Where the temporary files called *name* go: in `.scratch`, or in the folder that `NANOLOOM_SCRATCH` names.

    >>> scratch_place("chunks", {"NANOLOOM_SCRATCH": "/data/me"}).as_posix()
    '/data/me/chunks'
    """
    return Path(environment.get(SCRATCH_VARIABLE) or ".scratch").expanduser() / name


def private_folder(path: Path) -> Path:
    """*path*, which nobody else may enter (mode 0700); made if it is not there, with those above it that are missing.

    Raises:
        OSError: it cannot be made, or is somebody else's.
    """
    if not path.parent.exists():
        private_folder(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary name beside *path* to write to; renamed to *path* at the end, removed after an error.

    The body may write a file or make a folder there. What a killed process of this machine has left of *path* is removed.

    Raises:
        OSError: it cannot be written; of a full disk, the system would not say that *path* was meant.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays last: uproot and matplotlib choose the format by it.
    temporary = path.with_name(f".{path.stem}.{place()}.{os.getpid()}.part{path.suffix}")
    try:
        for left in (temporary, *_left_behind(path)):
            _remove(left)
        yield temporary
        _put(temporary, path)
    except OSError as error:
        if error.errno in REFUSALS and error.filename in (None, temporary, str(temporary)):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # the error before this one says more
            _remove(temporary)


def refusal(error: OSError) -> PipelineError | None:
    """What is said of *error* if a disk, a quota or a permission has stopped a command; else None."""
    if error.errno not in REFUSALS:
        return None
    return PipelineError(
        f"{'The disk' if error.filename is None else error.filename} cannot be used: {error.strerror}. Expected room and"
        f" permission for it. {REFUSALS[error.errno]}; then start again: what is complete stays."
    )


def write_json(path: str | Path, content: Any) -> None:
    """Write *content* as JSON; NaN and infinity, which JSON does not know, are an error."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: str | Path, *, made_by: str) -> Any:
    """Read a JSON product.

    Raises:
        InputError: it is missing or is no JSON; names the stage that makes it.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"No {path}. The stage '{made_by}' writes it. Run that stage first.") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is no JSON: {error}. Remove it and run the stage '{made_by}' again.") from error


def _left_behind(path: Path) -> Iterator[Path]:
    """The temporary names of *path* that belong to processes of this machine which are no more."""
    name = re.compile(rf"\.{re.escape(path.stem)}\.{re.escape(place())}\.(\d+)(?:\.old)?\.part{re.escape(path.suffix)}")
    for other in path.parent.iterdir():
        written_by = name.fullmatch(other.name)
        if written_by and not is_alive(int(written_by[1])):
            yield other


def _put(temporary: Path, path: Path) -> None:
    """Rename; a folder cannot replace another one, which is moved aside first."""
    if not temporary.is_dir():
        temporary.replace(path)
        return
    aside = temporary.with_name(temporary.name.replace(".part", ".old.part"))
    for attempt in range(ATTEMPTS):
        with suppress(FileNotFoundError):  # another process is here as well
            path.rename(aside)
        try:
            temporary.rename(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == ATTEMPTS - 1:
                raise
        else:
            return
        finally:
            _remove(aside)


@contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """A folder for temporary files in *parent*, removed at the end; what killed processes of this machine left is as well.

    Nobody else may enter *parent*.

    Raises:
        InputError: nothing can be written there.
    """
    name = f"{place()}.{os.getpid()}"
    try:
        for other in private_folder(parent).iterdir():
            where, _, process = other.name.rpartition(".")[0].rpartition(".")
            if where == place() and process.isdecimal() and not is_alive(int(process)):
                shutil.rmtree(other, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=parent))
    except OSError as error:
        raise cannot_write(parent, error) from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_room(folder: Path, n_bytes: int) -> None:
    """See that *n_bytes* find room in *folder*: a library that maps what it writes is ended by the system where they do not.

    Raises:
        InputError: they do not.
    """
    if sys.platform != "linux":
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, n_bytes)
    except OSError as error:
        raise cannot_write(folder, error) from error


def cannot_write(folder: Path, error: OSError) -> InputError:
    """What is said when temporary files find no place."""
    return InputError(
        f"{folder} cannot be written: {error.strerror}. Expected a folder for temporary files. Give it space and"
        f" permissions, or name a folder of yours that has them in {SCRATCH_VARIABLE}."
    )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
