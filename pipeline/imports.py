"""Which files decide what a module does: the module, all of this repository that it imports, and the data beside them."""

from __future__ import annotations

import ast
from functools import lru_cache
from itertools import dropwhile
from typing import TYPE_CHECKING

from pipeline.digest import ROOT
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path


def closure(*starts: Path, lazy: Mapping[Path, Collection[str]] | None = None) -> set[Path]:
    """The files that the modules at *starts* depend on, found by reading them and not by importing them.

    What is imported for the sake of types only does not count. Neither do the modules directly below `pipeline/`, which
    read the configuration and write files (what they decide is in the settings of a stage), nor `pipeline/scale`: where
    work runs does not change a result. Data count whose path stands in the code, as `"data/sf.json"`, `"data" / "sf.json"`
    or `f"data/sf_{year}.json"`, seen from the module's folder or, for processors and models, from those above it as well.

    Args:
        starts: modules.
        lazy: for a module, those functions whose own imports count; for other modules, those of every function.

    Raises:
        FileNotFoundError: a start does not exist.
        InputError: a module is no Python; names the line.
    """
    chosen = {path.resolve(): functions for path, functions in (lazy or {}).items()}
    found: set[Path] = set()
    waiting = [path.resolve() for path in starts]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".py":
            modules, data = _needs(path)
            waiting += [target for function, target in modules if _counts(path, function, chosen)]
            found.update(file for pattern in data for file in _found(pattern, path))
    return found


def parse(path: Path) -> ast.Module:
    """The module at *path*, read and not run.

    Raises:
        InputError: it is no Python; names the line.
    """
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except SyntaxError as error:
        line = f", line {error.lineno}," if error.lineno else ""
        raise InputError(f"{path}{line} is no Python: {error.msg}. Correct it there.") from error


def _counts(path: Path, function: str | None, chosen: Mapping[Path, Collection[str]]) -> bool:
    return function is None or path not in chosen or function in chosen[path]


def _needs(path: Path) -> tuple[tuple[tuple[str | None, Path], ...], frozenset[str]]:
    """What the module at *path* needs: modules, each with the function that imports it or None at the top, and paths of
    data, in which `*` stands for what is known only when it runs."""
    state = path.stat()
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1024)
def _read(path: Path, _mtime_ns: int, _size: int) -> tuple[tuple[tuple[str | None, Path], ...], frozenset[str]]:
    tree = parse(path)
    root = _root_of(path)
    package = path.relative_to(root).with_suffix("").parts
    modules = [(function, file) for function, name in _imports(tree, package) for file in _files_of(name, root)]
    beside = [(None, file) for file in [path.with_name("__init__.py")] if file.is_file()]
    return (*modules, *beside), frozenset(filter(_is_path, map(_text, ast.walk(tree))))


def _imports(node: ast.AST, here: tuple[str, ...], function: str | None = None) -> Iterator[tuple[str | None, str]]:
    """The names that are imported below *node* of the module *here*, each with the outermost function that does so."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((function, alias.name) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            module = ".".join((*(here[: -child.level] if child.level else ()), *filter(None, [child.module])))
            # `from pipeline import plugins` names a module, `from pipeline.errors import InputError` what is in it.
            yield from ((function, name) for name in (module, *(f"{module}.{alias.name}" for alias in child.names)))
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from _imports(ast.Module(child.orelse, type_ignores=[]), here, function)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imports(child, here, function or child.name)
        else:
            yield from _imports(child, here, function)


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """The file of the module *name* and those of the packages that it is in; none if it is not of this repository."""
    folder, *inner = name.split(".")
    if folder not in ("pipeline", "processors", "models"):
        return
    path = (ROOT if folder == "pipeline" else root) / folder
    if folder == "pipeline" and (inner[:1] == ["scale"] or not path.joinpath(*inner[:1]).is_dir()):
        return
    for part in inner:
        path = path / part
        yield from (file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file())


def _found(pattern: str, path: Path) -> Iterator[Path]:
    """The files that *pattern*, a path in the code of the module at *path*, may mean."""
    for folder in _folders(path):
        try:
            files = folder.glob(pattern) if "*" in pattern and not pattern.startswith("/") else [folder / pattern]
            yield from (file.resolve() for file in files if file.is_file() and file.suffix != ".py")
        except (OSError, ValueError):  # no path after all, such as a text with too long a word
            continue


def _folders(path: Path) -> list[Path]:
    """Where the module at *path* looks for data: in its folder; a plug-in in those above as well, up to where it is run."""
    folders = [path.parent]
    if not path.is_relative_to(ROOT / "pipeline"):
        root = _root_of(path)
        folders += [folder for folder in path.parent.parents if folder.is_relative_to(root)]
    return folders


def _text(node: ast.AST) -> str:
    """The text that *node* makes, as far as it stands in the code: `*` for the rest of it."""
    match node:
        case ast.Constant(value=str() as text):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_text(value) or "*" for value in values)
        case ast.BinOp(op=ast.Div(), left=left, right=right):
            return "/".join(filter(None, (_text(left), _text(right) or "*")))
        case ast.Call(func=ast.Attribute(attr="joinpath" | "join"), args=args):
            # What is not known at the front is a folder.
            parts = list(dropwhile(lambda part: not part, map(_text, args)))
            return "/".join(part or "*" for part in parts)
    return ""


def _is_path(text: str) -> bool:
    *folders, name = text.split("/") if len(text) < 200 else [""]
    # A name with an ending of its own: otherwise nearly every message would be looked for.
    stem, _, ending = name.rpartition(".")
    return bool(stem and ending.isalnum()) and text.isprintable() and "**" not in text and "*" not in folders[:1]


def _root_of(path: Path) -> Path:
    """The folder from which the imports of *path* are seen: a processor finds its siblings beside it."""
    if path.is_relative_to(ROOT / "pipeline"):
        return ROOT
    return next((parent.parent for parent in path.parents if parent.name in ("processors", "models")), path.parent)
