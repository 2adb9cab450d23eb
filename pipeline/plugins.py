"""Where processors, models and tasks are found: a plug-in is a module with agreed names, found by its file's name."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import InputError, nearest
from pipeline.imports import parse

if TYPE_CHECKING:
    from types import ModuleType

Definition = TypeVar("Definition", ast.FunctionDef, ast.ClassDef)

TASKS = Path(__file__).parent / "tasks"
CARDS = Path(__file__).parent / "simulation" / "cards"


def find(folder: str, name: str, *, root: str | Path = ".") -> Path:
    """The file of the plug-in *name* in *folder* (`processors` or `models`), relative to the analysis' *root*.

    Raises:
        InputError: there is no such file; names the nearest.
    """
    path = Path(root) / folder / f"{name}.py"
    if not path.parent.is_dir():
        raise InputError(
            f"No folder {folder}/ in {Path(root).resolve()}, where {folder}/{name}.py is looked for."
            " Expected the folder that holds config/, processors/ and models/. Go there, and run the command again."
        )
    if not path.is_file():
        raise InputError(f"No {folder}/{name}.py. {nearest(name, _names(path.parent))} To add one, write that file.")
    return path


def load(folder: str, name: str, *, root: str | Path = ".") -> ModuleType:
    """Import the plug-in *name* from *folder*, under the name `<folder>.<name>`."""
    path = find(folder, name, root=root).resolve()
    module_name = f"{folder}.{name}"
    known = sys.modules.get(module_name)
    if known is not None and Path(str(known.__file__)) == path:
        return known
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be imported. Expected a Python module. Check the file.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def load_layers(*, root: str | Path = ".") -> None:
    """Import what architectures share, `models/layers`: only then a saved network that has layers of these can be opened."""
    for name in sorted(_names(Path(root) / "models" / "layers")):
        importlib.import_module(f"models.layers.{name}")


def load_task(kind: str) -> ModuleType:
    """The module `pipeline/tasks/<kind>.py`.

    Raises:
        InputError: there is no such task; names the nearest.
    """
    known = task_names()
    if kind not in known:
        raise InputError(f"No task {kind!r} in pipeline/tasks. {nearest(kind, known)} Correct task.kind.")
    return importlib.import_module(f"pipeline.tasks.{kind}")


def task_names() -> list[str]:
    """The tasks: those modules of `pipeline/tasks` that define `Settings`; found without importing them."""
    return [name for name in sorted(_names(TASKS)) if _defines(TASKS / f"{name}.py", ast.ClassDef, "Settings")]


def find_card(name: str, *, folder: Path = CARDS) -> Path:
    """The file of the process card *name*; where a card has a parameter, `<card>_<number>` sets it: `zprime_750`.

    Raises:
        InputError: there is no such card; names the nearest.
    """
    for stem in dict.fromkeys((name, re.sub(r"_\d+$", "", name))):
        if (folder / f"{stem}.yaml").is_file():
            return folder / f"{stem}.yaml"
    known = [path.stem for path in folder.glob("*.yaml")]
    raise InputError(f"No process card {name!r}. {nearest(name, known)} To add one, write {folder / f'{name}.yaml'}.")


def options_of(path: Path) -> tuple[str, ...]:
    """The keyword-only options of `build` in the model at *path*, read without importing it.

    Raises:
        InputError: the module has no `build`.
    """
    return tuple(argument.arg for argument in _build_of(path).args.kwonlyargs)


def framework_of(path: Path) -> str:
    """Which library trains the model at *path*: the first word of what `build` returns, as in `-> keras.Model`.

    Raises:
        InputError: `build` does not say what it returns.
    """
    return _framework(path, path.read_bytes())


@lru_cache(maxsize=64)
def _framework(path: Path, _content: bytes) -> str:
    """Parsed once for each content: to score a range with a model asks for it."""
    returns = _build_of(path).returns
    if returns is None:
        raise InputError(f"build of {path} has no return type. Expected -> keras.Model or -> xgboost.Booster. Add it.")
    return ast.unparse(returns).strip("'\"").partition(".")[0]


def _build_of(path: Path) -> ast.FunctionDef:
    build = _defines(path, ast.FunctionDef, "build")
    if build is None:
        raise InputError(
            f"{path} has no function build. Expected build(inputs, outputs, *, ...). Write it, as in models/dnn.py."
        )
    return build


def _defines(path: Path, kind: type[Definition], name: str) -> Definition | None:
    """The top-level function or class called *name* in the module at *path*, or None."""
    return next((node for node in parse(path).body if isinstance(node, kind) and node.name == name), None)


def _names(folder: Path) -> list[str]:
    return [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
