"""Imports go one way: from what runs to what is run, never back."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BASE = {
    "checks",
    "config",
    "datasets",
    "dependencies",
    "digest",
    "errors",
    "files",
    "imports",
    "inputs",
    "plugins",
    "processes",
    "progress",
    "running",
    "sections",
    "sizes",
    "tuning",
    "yaml_reader",
}
STATISTICS = BASE | {"statistics"}
PHYSICS = STATISTICS | {"physics"}
EVENTS = PHYSICS | {"events", "scale"}
STREAM = EVENTS | {"stream"}
TASKS = STREAM | {"tasks"}
STAGES = TASKS | {"learning", "results", "simulation"}
MAY_IMPORT = {
    "statistics": STATISTICS,
    "physics": PHYSICS,
    "scale": BASE | {"scale"},
    "events": EVENTS,
    "stream": STREAM,
    "tasks": TASKS,
    "learning": STAGES,
    "results": STAGES,
    "simulation": STAGES,
    "operations": BASE | {"operations", "scale", "workflow"},
    "processors": PHYSICS | {"processors"},
    "models": PHYSICS | {"models"},
}


def imported(path: Path) -> set[str]:
    """Parts of `pipeline` that a file imports; for other plug-ins their folder."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module == "pipeline":
            modules = [f"pipeline.{alias.name}" for alias in node.names]
        names |= {module.split(".")[1] for module in modules if module.startswith("pipeline.")}
        names |= {module.split(".")[0] for module in modules if module.split(".")[0] in ("processors", "models")}
    return names


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_lies_below_it(part):
    folder = ROOT / part if part in ("processors", "models") else ROOT / "pipeline" / part
    for path in folder.rglob("*.py"):
        assert imported(path) <= MAY_IMPORT[part], path


@pytest.mark.parametrize(("folder", "shared"), [("processors", "parts"), ("models", "layers")])
def test_a_plugin_takes_from_others_only_what_they_share(folder, shared):
    for path in (ROOT / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            module = node.module if isinstance(node, ast.ImportFrom) and node.module else ""
            assert not module.startswith(folder) or module.startswith(f"{folder}.{shared}."), path


def test_the_folder_of_rules_is_no_package():
    assert not (ROOT / "snakemake/__init__.py").exists()
