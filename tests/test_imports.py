"""What a module depends on is found by reading: no more than it imports, and no less."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.dependencies import MODULES
from pipeline.errors import InputError
from pipeline.imports import ROOT, closure


def names(files):
    return {path.relative_to(ROOT).as_posix() for path in files}


@pytest.fixture
def processors(tmp_path):
    """Function that writes processors, by name and text, and returns their folder."""

    def write(**texts):
        folder = tmp_path / "processors"
        folder.mkdir()
        for name, text in texts.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.mark.parametrize(
    "text",
    ["import processors.other", "from processors import other", "from processors.other import x", "from .other import x"],
)
def test_every_way_of_importing_counts(text, processors):
    folder = processors(mine=text, other="x = 1", third="")

    assert closure(folder / "mine.py") == {folder / "mine.py", folder / "other.py"}


def test_what_an_import_imports_counts_and_a_circle_ends(processors):
    folder = processors(a="import processors.b", b="import processors.c", c="import processors.a")

    assert closure(folder / "a.py") == {folder / f"{name}.py" for name in "abc"}


def test_what_is_imported_for_types_does_not_count(processors):
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import processors.b\nelse:\n    import processors.c"
    folder = processors(a=text, b="", c="")

    assert closure(folder / "a.py") == {folder / "a.py", folder / "c.py"}


def test_of_a_module_only_some_functions_may_count(processors):
    methods = "    def f(self):\n        import processors.c\n    def g(self):\n        import processors.d\n"
    text = f"import processors.b\nclass A:\n{methods}"
    folder = processors(a=text, b="", c="", d="")
    files = {name: folder / f"{name}.py" for name in "abcd"}

    assert closure(files["a"]) == set(files.values())
    assert closure(files["a"], lazy={files["a"]: ["g"]}) == set(files.values()) - {files["c"]}
    assert closure(files["a"], lazy={files["a"]: []}) == {files["a"], files["b"]}


def test_data_beside_a_module_counts_when_the_module_names_it(processors):
    folder = processors(a="from pathlib import Path\nFILE = Path(__file__).with_name('table.json')")
    for name in ("table.json", "other.json"):
        (folder / name).touch()

    assert closure(folder / "a.py") == {folder / "a.py", folder / "table.json"}
    assert {"pipeline/simulation/jec.json", "pipeline/simulation/detector.yaml"} <= names(
        closure(ROOT / "pipeline/simulation/simulate.py")
    )
    assert "pipeline/results/report.html.j2" in names(closure(ROOT / "pipeline/results/report.py"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HERE / 'data/sf.json'", {"processors/data/sf.json"}),
        ("HERE / 'data' / 'sf.json'", {"processors/data/sf.json"}),
        ("HERE.joinpath('data', 'sf.json')", {"processors/data/sf.json"}),
        ("os.path.join(HERE, 'data', 'sf.json')", {"processors/data/sf.json"}),
        ("f'{HERE}/data/sf.json', ', '.join(['sf.json', 'data/sf']), ''.join(x)", set()),
        ("HERE / f'data/sf_{year}.json'", {"processors/data/sf_17.json", "processors/data/sf_18.json"}),
        ("HERE / 'data' / f'sf_{year}.json'", {"processors/data/sf_17.json", "processors/data/sf_18.json"}),
        ("HERE.parent / 'data/golden.json'", {"data/golden.json"}),
        ("'processors/data/sf.json'", {"processors/data/sf.json"}),
        ("HERE / 'data/missing.json'", set()),
        ("f'{year}.{era}', f'{a}/{b}', 'x' * 300 + '.json', 'data', 1 / 2, 'sf.json'", set()),
    ],
)
def test_data_in_a_folder_count_however_their_path_is_written(text, expected, processors):
    folder = processors(a=f"import os\nfrom pathlib import Path\nHERE = Path(__file__).parent\ndef f(year): return {text}")
    for name in ("processors/data/sf.json", "processors/data/sf_17.json", "processors/data/sf_18.json", "data/golden.json"):
        (folder.parent / name).parent.mkdir(exist_ok=True)
        (folder.parent / name).touch()

    found = {path.relative_to(folder.parent).as_posix() for path in closure(folder / "a.py")}

    assert found == {"processors/a.py"} | expected


def test_data_that_come_later_are_seen_by_the_same_process(processors):
    folder = processors(a="FILE = 'table.json'")
    assert closure(folder / "a.py") == {folder / "a.py"}

    (folder / "table.json").touch()

    assert closure(folder / "a.py") == {folder / "a.py", folder / "table.json"}


def test_an_edit_is_seen_by_the_same_process(processors):
    folder = processors(a="", b="")
    assert closure(folder / "a.py") == {folder / "a.py"}

    (folder / "a.py").write_text("import processors.b", encoding="utf-8")

    assert closure(folder / "a.py") == {folder / "a.py", folder / "b.py"}


@pytest.mark.parametrize(
    ("text", "reason"), [("x = (\n", r" is no Python: '\(' was never closed"), ("\0", " is no Python: .*null bytes")]
)
def test_what_is_no_python_is_told_with_its_line(text, reason, processors):
    folder = processors(a="import processors.b", b=text)

    with pytest.raises(InputError, match=rf"^{folder}/b\.py(, line 1,)?{reason}\. Correct it there\.$"):
        closure(folder / "a.py")


def test_a_start_that_does_not_exist_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="missing"):
        closure(tmp_path / "missing.py")


def test_physics_that_a_processor_does_not_use_does_not_count():
    assert "pipeline/physics/mt2.py" in names(closure(ROOT / "processors/hh_bbww.py"))
    assert "pipeline/physics/mt2.py" not in names(closure(ROOT / "processors/dimuon.py"))


@pytest.mark.parametrize("module", sorted({module for modules in MODULES.values() for module in modules}))
def test_python_imports_nothing_of_the_pipeline_that_is_not_found(module):
    """The slow twin: import the module, and look at what came with it."""
    code = f"import sys, pipeline.{module.replace('/', '.')}; print(*(m for m in sys.modules if m.startswith('pipeline.')))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = [ROOT / Path(*name.split(".")) for name in done.stdout.split()]
    files = {path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py" for path in loaded}
    # Directly below pipeline/ lies what reads the configuration and writes files; see `closure`.
    expected = {file for file in names(files) if file.count("/") > 1 and not file.startswith("pipeline/scale/")}

    assert expected <= names(closure(ROOT / f"pipeline/{module}.py"))
