"""Which files decide what a module does: the module, all of this repository that it imports, and the data beside them."""

from __future__ import annotations

import ast
from functools import lru_cache
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
    work runs does not change a result.

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
            waiting += [target for function, target in _needs(path) if _counts(path, function, chosen)]
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


def _needs(path: Path) -> tuple[tuple[str | None, Path], ...]:
    """What the module at *path* needs: the function that imports it, or None at the top, and the file."""
    state = path.stat()
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1024)
def _read(path: Path, _mtime_ns: int, _size: int) -> tuple[tuple[str | None, Path], ...]:
    tree = parse(path)
    root = _root_of(path)
    package = path.relative_to(root).with_suffix("").parts
    modules = [(function, file) for function, name in _imports(tree, package) for file in _files_of(name, root)]
    beside = [path.with_name("__init__.py"), *_data(tree, path.parent)]
    return (*modules, *((None, file) for file in beside if file.is_file()))


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


def _data(tree: ast.AST, folder: Path) -> Iterator[Path]:
    """Paths in *folder* whose names stand in the code, as in `with_name("jec.json")`, there or not."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_name(node.value):
            yield folder / node.value


def _is_name(text: str) -> bool:
    return len(text) < 100 and "." in text[1:] and text.isprintable() and "/" not in text and not text.endswith(".py")


def _root_of(path: Path) -> Path:
    """The folder from which the imports of *path* are seen: a processor finds its siblings beside it."""
    if path.is_relative_to(ROOT / "pipeline"):
        return ROOT
    return next((parent.parent for parent in path.parents if parent.name in ("processors", "models")), path.parent)
