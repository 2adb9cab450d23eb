"""What is read from a disk is data and never code, and nobody beyond this machine is listened to.

That beyond this machine nothing is unencrypted is tested in tests/scale and, on a real pool, in
tests/cluster/test_dask_in_htcondor.py; that a model with code in it is refused, in tests/learning/test_predictor.py.
"""

import ast
import os
import threading
import time
from pathlib import Path

import psutil
import pytest

from pipeline.scale.ordered import ordered_map

ROOT = Path(__file__).parents[1]
# Each of these makes objects of what it reads, or runs it.
UNPICKLING = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "jsonpickle"}
RUNNING = {"eval", "exec"}
UNSAFE = {
    "coffea.util.load",  # unpickles
    "yaml.load",
    "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.UnsafeLoader",
    "yaml.FullLoader",
    "yaml.Loader",
    "keras.config.enable_unsafe_deserialization",
    "torch.load",
    "pandas.read_pickle",
}


def trees():
    """Every module that may run, parsed."""
    paths = [path for folder in ("pipeline", "processors", "models") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def imported(tree):
    """The top-level names and the full names that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def named(tree):
    """Every `a.b.c` of a module, and what it imports."""
    yield from imported(tree)
    yield from (ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute))


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_nothing_is_unpickled_or_run_that_was_read():
    everything = trees()
    assert len(everything) > 100
    for path, tree in everything.items():
        assert UNPICKLING.isdisjoint(name.partition(".")[0] for name in imported(tree)), path
        assert UNSAFE.isdisjoint(named(tree)), path
        assert RUNNING.isdisjoint(call.func.id for call in calls(tree) if isinstance(call.func, ast.Name)), path


def test_arrays_are_loaded_without_pickles_models_in_safe_mode_and_yaml_by_a_safe_loader():
    found = []
    for path, tree in trees().items():
        for call in calls(tree):
            name, options = ast.unparse(call.func), {each.arg: ast.unparse(each.value) for each in call.keywords}
            if name in ("np.load", "np.save", "np.lib.format.write_array"):
                assert options["allow_pickle"] == "False", path
            elif name.endswith("load_model") and "keras" in name:
                assert options["safe_mode"] == "True", path
            else:
                continue
            found.append(name)
        loaders = [ast.unparse(base) for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for base in node.bases]
        assert not [base for base in loaders if "Loader" in base and "Safe" not in base], path

    assert {"np.load", "keras.saving.load_model"} <= set(found)


@pytest.mark.parametrize(
    "unsafe", ["import pickle", "from yaml import load", "x = yaml.unsafe_load(y)", "from coffea.util import load"]
)
def test_what_is_unsafe_would_be_seen(unsafe):
    tree = ast.parse(unsafe)

    assert UNPICKLING & {name.partition(".")[0] for name in imported(tree)} or UNSAFE & set(named(tree))


def be_slow(number):
    time.sleep(0.5)
    return number


def listening(processes):
    """The addresses at which *processes* wait for others."""
    found = [each.net_connections(kind="inet") for each in processes]
    return {one.laddr.ip for connections in found for one in connections if one.status == psutil.CONN_LISTEN}


def test_workers_on_this_machine_listen_on_loopback_alone(tmp_path):
    def work():
        list(ordered_map(be_slow, range(8), workers=2, scratch=tmp_path))

    working, me, found = threading.Thread(target=work), psutil.Process(os.getpid()), set()
    before = listening([me])
    working.start()
    while working.is_alive():
        for process in [me, *me.children(recursive=True)]:
            try:
                found |= listening([process])
            except psutil.Error:
                continue  # it has just ended
        time.sleep(0.1)

    assert found - before <= {"127.0.0.1"}
    assert "127.0.0.1" in found
