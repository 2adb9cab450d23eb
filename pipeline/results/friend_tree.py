"""How scores are written: a ROOT tree of the selected events, with the numbers that name each event, for use as a friend."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import uproot

from pipeline.files import replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

    from numpy.typing import NDArray

TREE = "Scores"
# A fifth of the time of uproot's ZLIB(1), and no larger; ROOT reads it from 6.20 on.
COMPRESSION = uproot.ZSTD(1)


class FriendTree:
    """The tree `Scores` in the file *path*, written chunk by chunk; the file has its name only when it is whole.

    In ROOT: `tree.BuildIndex("run", "event"); events.AddFriend(tree)`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stack = ExitStack()
        self._file: Any = None
        self._tree: Any = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:  # unwound here if the file cannot be made
            temporary = stack.enter_context(replacing(self._path))
            self._file = stack.enter_context(uproot.recreate(temporary, compression=COMPRESSION))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, traceback)

    def extend(self, columns: Mapping[str, NDArray[Any]]) -> None:
        """Add a chunk: by branch, arrays of one length."""
        if self._tree is None:
            self._tree = self._file.mktree(TREE, {name: column.dtype for name, column in columns.items()})
        self._tree.extend(dict(columns))
