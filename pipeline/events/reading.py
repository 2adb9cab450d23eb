"""How a range becomes NanoEvents, and how a damaged file is told from a bug in a processor."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from coffea.nanoevents import NanoAODSchema, NanoEventsFactory

from pipeline.errors import InputError, PipelineError
from pipeline.events.files import is_url
from pipeline.events.inspection import EVENT_IDS, EVENTS
from pipeline.events.opening import cause_of
from pipeline.events.pool import pool
from pipeline.events.replicas import replicas_of
from pipeline.events.retry import DamagedError, UnreadableError, is_transient, retrying
from pipeline.events.weight_sums import GEN_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from pipeline.events.plan import Range

__all__ = ["DamagedError", "UnreadableError", "check_unchanged", "open_events", "reading"]

# Through these modules of coffea goes every read of a column, and no other call.
READERS = "coffea.nanoevents.mapping."


def open_events(
    part: Range, *, schema: type = NanoAODSchema, tree: str = EVENTS, reads: Collection[str] | None = None
) -> Any:
    """The events of a range; a column is read when it is first used, so use it inside `reading`.

    Args:
        part: the range.
        schema: of coffea; how branches become collections.
        tree: name of the TTree or RNTuple.
        reads: branches to be seen, beside run, luminosityBlock, event and genWeight; None for all. With 1500 branches in
            a file, opening a range takes 0.3 s for all and 0.03 s for a few.

    Returns:
        NanoEvents of length stop - start; `metadata` has dataset and filename. They can be read while the file is among
        the last eight that this thread has opened.

    Raises:
        UnreadableError: the file cannot be opened or read.
        InputError: it is not the one that was planned.
    """
    with reading(part):
        return retrying(part.path, lambda: _open_events(part, schema, tree, reads))


def check_unchanged(part: Range, *, tree: str = EVENTS) -> None:
    """See that the local file of *part* is still the one that was planned, for whoever has its content from elsewhere.

    A file behind a URL is not looked at: over a network that may take longer than the work that it would save.

    Raises:
        InputError: it is another one, or gone.
    """
    if not is_url(part.path):
        _open_planned(part, tree)


@contextmanager
def reading(part: Range) -> Iterator[None]:
    """Turn what a damaged file makes coffea and uproot raise into an error that names the range.

    An error is from the file if it was raised while coffea read a column: whatever its type, its traceback goes through
    coffea's mapping. All others are bugs, in the processor or here, and keep their traceback.

    Raises:
        DamagedError: a column could not be read.
        UnreadableError: a column could not be read over the network, which another attempt may mend.
    """
    try:
        yield
    except (PipelineError, MemoryError):
        raise
    except Exception as error:
        if not _raised_while_reading(error):
            raise
        pool().give_up(part.path)
        raise _unreadable(part, error) from error


def _open_events(part: Range, schema: type, tree: str, reads: Collection[str] | None) -> Any:
    file = _open_planned(part, tree)
    wanted = None if reads is None else {*EVENT_IDS, GEN_WEIGHT, *reads}
    if wanted is not None:
        _tell_types_of_only(wanted, file[tree])
    # Over a network, all columns in one request: column by column, each would wait for the line once more.
    at_once = wanted if is_url(part.path) else None
    try:
        with _quiet():
            factory = NanoEventsFactory.from_root(
                file,
                treepath=tree,
                schemaclass=schema,
                mode="virtual",
                entry_start=part.start,
                entry_stop=part.stop,
                metadata={"dataset": part.dataset, "filename": part.path},
                iteritems_options={} if wanted is None else {"filter_name": lambda name: name in wanted},
                preload=at_once,
            )
            return factory.events()
    except Exception as error:
        if at_once is None or isinstance(error, MemoryError):
            raise
        pool().give_up(part.path)
        raise _unreadable(part, error) from error


def _tell_types_of_only(wanted: Collection[str], tree: Any) -> None:
    """Let coffea, which asks for the types of all branches and uses none of NanoAOD's, get those of the *wanted* ones.

    With 75 branches this is a tenth of the time to read and select 50,000 events; with 1500, more than that time.
    """
    tree.typenames = partial(type(tree).typenames, tree, filter_name=lambda name: name in wanted)


def _open_planned(part: Range, tree: str) -> Any:
    """The open file of *part*, when it is the one that was planned."""
    try:
        file = pool().get(part.path)
    except InputError as error:
        raise _unreadable(part, error) from error
    try:
        _check_same(part, file, tree)
    except (PipelineError, MemoryError):
        raise
    except Exception as error:  # whatever a damaged file makes uproot raise
        pool().give_up(part.path)
        raise _unreadable(part, error) from error
    return file


def _unreadable(part: Range, error: Exception) -> UnreadableError:
    may_be_mended = is_transient(part.path, error) or len(replicas_of(part.path)) > 1
    kind = UnreadableError if may_be_mended else DamagedError
    cause = str(error).rstrip(".") if isinstance(error, PipelineError) else cause_of(error)
    return kind(
        f"{part} of dataset {part.dataset!r}, cannot be read: {cause}. Expected what the plan has found there."
        " Restore the file and run this stage again; or remove it from the dataset and run 'plan' again; or run 'summarise'"
        " again, which skips files of simulation as far as reading.allow_unreadable_files lets it."
    )


def _check_same(part: Range, file: Any, tree: str) -> None:
    uuid, size_bytes = str(file.file.uuid), file.file.source.num_bytes
    if uuid != part.uuid:
        if len(replicas_of(part.path)) > 1:
            raise _no_replica(part, file.file.file_path, uuid)
        raise _changed(part, f"its UUID is {uuid} instead of {part.uuid}")
    if part.size_bytes and size_bytes and size_bytes != part.size_bytes:
        raise _changed(part, f"it has {size_bytes} bytes instead of {part.size_bytes}")
    if tree not in file.keys(cycle=False, recursive=False):
        raise _changed(part, f"it has no {tree!r}")
    entries = file[tree].num_entries
    if entries < part.stop:  # coffea would give fewer events without a word
        raise _changed(part, f"it has {entries} entries and entry {part.stop} is wanted")


def _changed(part: Range, how: str) -> InputError:
    return InputError(
        f"{part.path} changed after the plan was made: {how}. Expected the planned file. Run the stage 'plan' again."
    )


def _no_replica(part: Range, place: str, uuid: str) -> InputError:
    return InputError(
        f"{place} is no replica of the planned file: its UUID is {uuid} instead of {part.uuid}. Expected copies of one file"
        f" in {', '.join(replicas_of(part.path))}. Remove those that are not, and run the stage 'plan' again."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what coffea says of each skim: that cross-references are missing, or masses of photons replaced.

    And without what uproot says to coffea, which asks it for the columns of an RNTuple in the words for a TTree.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Missing cross-reference", RuntimeWarning)
        warnings.filterwarnings("ignore", "Branch .* already exists but", RuntimeWarning)
        warnings.filterwarnings("ignore", "the filter_branch kwarg", DeprecationWarning)
        yield


def _raised_while_reading(error: BaseException | None) -> bool:
    while error is not None:
        frames = error.__traceback__
        while frames is not None:
            if str(frames.tb_frame.f_globals.get("__name__")).startswith(READERS):
                return True
            frames = frames.tb_next
        error = error.__cause__
    return False
