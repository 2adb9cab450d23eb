"""What is in one file, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import uproot

from pipeline.errors import InputError, PipelineError, nearest
from pipeline.events.clusters import cluster_boundaries, cut_ranges
from pipeline.events.opening import cause_of, give_up_replica, open_root
from pipeline.events.plan import PlannedFile
from pipeline.events.retry import UnreadableError, retrying
from pipeline.events.weight_sums import GEN_WEIGHT, data_sums, simulation_sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EVENTS = "Events"
EVENT_IDS = ("run", "luminosityBlock", "event")
MOST_MISSING = 5
WeightsFrom = Literal["Runs", "genWeight"] | None


def inspect_file(
    path: str, *, is_mc: bool, reads: Sequence[str], range_entries: int = 50_000, weights_from: WeightsFrom = None
) -> PlannedFile:
    """Open one file and see what is in it.

    Args:
        path: path or URL.
        is_mc: whether generator weights are expected.
        reads: branches that the processor reads; run, luminosityBlock and event are always asked for.
        range_entries: the largest number of entries of a range.
        weights_from: of simulation; None takes Runs where it is there.

    Returns:
        The file; what is wrong with it is in its `problems`, nothing is raised for that.
    """

    def attempt() -> PlannedFile:
        with open_root(path) as file:
            try:
                return _inspect(file, path, is_mc, reads, range_entries, weights_from)
            except (PipelineError, MemoryError):
                raise
            except Exception as error:  # whatever a damaged file makes uproot raise
                give_up_replica(path, file)
                raise UnreadableError(f"{path} cannot be read: {cause_of(error)}.") from error

    try:
        return retrying(path, attempt)
    except PipelineError as error:
        return PlannedFile(path, problems=(str(error),))


def _inspect(
    file: Any, path: str, is_mc: bool, reads: Sequence[str], range_entries: int, weights_from: WeightsFrom
) -> PlannedFile:
    tree, kind = _events(file, path)
    entries = int(tree.num_entries)
    # All names of an RNTuple of 1500 fields take 3 s; those at the top take 0.2 s and are what is read.
    branches = set(tree.keys(recursive=kind == "TTree"))
    if entries:
        _check_branches(branches, [*EVENT_IDS, *reads], path)
        _check_weight(GEN_WEIGHT in branches, is_mc, path)
    ranges = cut_ranges(cluster_boundaries(tree, {*EVENT_IDS, *reads, GEN_WEIGHT} & branches), range_entries)
    sums = simulation_sums(file, tree, ranges, path=path, wanted=weights_from) if is_mc else data_sums(entries)
    return PlannedFile(
        path,
        format=kind,
        uuid=str(file.file.uuid),
        size_bytes=int(file.file.source.num_bytes or 0),
        entries=entries,
        edges=(0, *(stop for _, stop in ranges)),
        n_generated=sums.n_generated,
        sumw=sums.sumw,
        sumw2=sums.sumw2,
        weights_from=sums.origin,
        notes=() if entries else (f"{path} has no events; its sums of weights count.",),
    )


def _events(file: Any, path: str) -> tuple[Any, Literal["TTree", "RNTuple"]]:
    kinds = file.classnames(cycle=False, recursive=False)
    if EVENTS not in kinds:
        raise InputError(f"{path} has no tree {EVENTS!r}. {nearest(EVENTS, kinds)}")
    tree = file[EVENTS]
    if isinstance(tree, uproot.TTree):
        return tree, "TTree"
    if isinstance(tree, uproot.behaviors.RNTuple.RNTuple):
        return tree, "RNTuple"
    raise InputError(f"{EVENTS!r} of {path} is a {kinds[EVENTS]}, not a TTree or RNTuple.")


def _check_branches(branches: set[str], reads: Iterable[str], path: str) -> None:
    missing = [name for name in dict.fromkeys(reads) if name not in branches]
    if missing:
        shown = " ".join(_missing(name, branches) for name in missing[:MOST_MISSING])
        more = f" And {len(missing) - MOST_MISSING} more." if len(missing) > MOST_MISSING else ""
        raise InputError(f"{path} has not all branches: {shown}{more}")


def _missing(name: str, branches: set[str]) -> str:
    hint = nearest(name, branches)
    # A thousand branches that are not near help nobody.
    return f"no {name!r}. {hint}" if hint.startswith("Nearest") else f"no {name!r} or similar."


def _check_weight(has_weight: bool, is_mc: bool, path: str) -> None:
    """A processor weighs an event with `genWeight` where it is: this must fit to the dataset's sum of weights."""
    if is_mc and not has_weight:
        raise InputError(f"{path} has no branch {GEN_WEIGHT}. Keep it when skimming, or say is_mc: false if this is data.")
    if not is_mc and has_weight:
        raise InputError(f"{path} has a branch {GEN_WEIGHT}, as only simulation has. Say is_mc: true and give xsec_pb.")
