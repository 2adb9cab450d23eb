"""What the doctor says of Python and its packages."""

import py_compile
import sys

import pytest

from pipeline.operations.checks import (
    bytecode,
    extras,
    keras_backend,
    onnxruntime,
    packages,
    python,
    tensorflow,
    tls,
    xgboost,
)
from pipeline.operations.machine import TIMED_OUT
from pipeline.operations.requirements import Requirement, installed, locked, normalised, numbers, requirements


def everything(name):
    """Every package in the version that was tested."""
    return locked().get(normalised(name), "9999")


@pytest.mark.parametrize(("version", "status"), [((3, 10, 9), "fault"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok")])
def test_python_is_new_enough(version, status, imagine, told):
    assert told(python.check(imagine(), version=version))["Python"][0] == status


def test_a_pythonpath_is_told(imagine, told):
    findings = told(python.check(imagine(environment={"PYTHONPATH": "/cvmfs/x"})))

    assert findings["PYTHONPATH"] == (
        "warning",
        "/cvmfs/x",
        "Its packages hide those of the environment. If that is not meant: unset PYTHONPATH",
    )


def test_packages_as_in_the_lock_are_in_order(imagine):
    (finding,) = packages.check(imagine(), there=everything)

    assert (finding.status, finding.found) == ("ok", f"{len(requirements())} packages, as in requirements.lock")


def test_a_package_that_is_missing_or_too_old_is_a_fault(imagine, told):
    def there(name):
        return {"awkward": "", "uproot": "4.3.7"}.get(name, everything(name))

    findings = told(packages.check(imagine(), there=there))

    assert findings["package awkward"] == ("fault", "not installed", "pip install --no-deps -r requirements.lock")
    assert findings["package uproot"][:2] == ("fault", "4.3.7, at least 5.7.7 is needed")
    assert findings["packages"][1] == f"other versions than tested: uproot 4.3.7 (tested: {locked()['uproot']})"


def test_a_newer_package_is_a_warning(imagine):
    (finding,) = packages.check(imagine(), there=lambda name: "9999.1" if name == "hist" else everything(name))

    assert finding.status == "warning"
    assert finding.found == f"other versions than tested: hist 9999.1 (tested: {locked()['hist']})"


def test_what_is_installed_here_is_found():
    assert numbers(installed("numpy")) >= (2,)
    assert installed("no-such-package") == ""
    assert installed("tensorflow-cpu")


@pytest.mark.parametrize(
    ("need", "version", "met"),
    [
        (Requirement("x", "5.7.7"), "5.7.7", True),
        (Requirement("x", "5.7.7"), "5.10", True),
        (Requirement("x", "5.7.7"), "5.7.6.post1", False),
        (Requirement("x", "2026.9"), "2026.9.0rc1", True),
        (Requirement("x"), "0", True),
        (Requirement("x", "3.5.2.0", exact=True), "3.5.2.0", True),
        (Requirement("x", "3.5.2.0", exact=True), "3.5.3", False),
    ],
)
def test_versions_are_compared_as_numbers(need, version, met):
    assert need.is_met_by(version) == met


def test_every_requirement_of_the_project_is_understood():
    names = {need.name: need for need in requirements()}

    assert names["uproot"] == Requirement("uproot", "5.7.7")
    assert {need.name: need.exact for need in requirements("simulation")} == {"fastjet": True, "pythia8mc": True}
    assert [need.name for need in requirements() if not need.least] == []
    assert requirements("no such extra") == []


def test_packages_that_are_compiled_are_told_from_those_that_are_not(imagine, tmp_path):
    for number in range(10):
        (tmp_path / f"m{number}.py").write_text("x = 1", encoding="utf-8")
    machine = imagine(environment={"PYTHONDONTWRITEBYTECODE": "1"})

    (before,) = bytecode.check(machine, folders=[tmp_path])
    for number in range(9):
        py_compile.compile(str(tmp_path / f"m{number}.py"))
    (after,) = bytecode.check(machine, folders=[tmp_path])

    assert (before.status, before.found) == ("warning", "0% of 10 modules are compiled; PYTHONDONTWRITEBYTECODE is set")
    assert before.todo == f"python -m compileall -q -j 0 {tmp_path}"
    assert (after.status, after.found) == ("ok", "90% of 10 modules are compiled")


@pytest.mark.parametrize("check", [tensorflow.check, onnxruntime.check, xgboost.check])
@pytest.mark.parametrize(
    ("code", "text", "status", "found"),
    [
        (0, "a banner\nversion=2.21.0\n", "ok", "2.21.0, imported in"),
        (1, "Traceback\nImportError: libcuda.so.1\n", "fault", "cannot be imported: ImportError: libcuda.so.1"),
        (-4, "", "fault", "cannot be imported: ended by signal 4"),
        (1, "", "fault", "cannot be imported: no reason given"),
        (TIMED_OUT, "", "warning", "import takes more than 12 s"),
    ],
    ids=["good", "error", "signal", "silent", "slow"],
)
def test_a_library_that_cannot_be_imported_is_told(check, code, text, status, found, imagine):
    (finding,) = check(imagine({sys.executable: (code, text)}))

    assert (finding.status, finding.found.startswith(found)) == (status, True)


@pytest.mark.parametrize(
    ("environment", "file", "status", "found"),
    [
        ({"KERAS_BACKEND": "tensorflow"}, '{"backend": "jax"}', "ok", "tensorflow (KERAS_BACKEND)"),
        ({"KERAS_BACKEND": "theano"}, "", "fault", "theano (KERAS_BACKEND) is none"),
        ({}, '{"backend": "tensorflow"}', "ok", "tensorflow ("),
        ({}, '{"backend": "teano"}', "fault", "teano ("),
        ({}, "[", "ok", "tensorflow (the default)"),
        ({}, "", "ok", "tensorflow (the default)"),
    ],
)
def test_the_backend_of_keras_is_that_of_the_environment_or_of_its_file(environment, file, status, found, imagine, tmp_path):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text(file, encoding="utf-8")

    (finding,) = keras_backend.check(imagine(environment={"HOME": str(tmp_path), **environment}))

    assert (finding.status, finding.found.startswith(found)) == (status, True)


def test_an_extra_that_is_missing_is_a_fault_only_where_an_analysis_needs_it(imagine, reading, told):
    remote = reading("root://a//b.root")

    def there(name):
        return "" if name in ("xrootd", "aiohttp", "fastjet", "optuna") else "1"

    findings = told(extras.check(imagine(analyses=[remote]), there=there))

    assert findings["extra xrootd"] == ("fault", "mine needs it; not there: xrootd", "pip install nanoloom[xrootd]")
    assert findings["extra https"][:2] == ("ok", "not installed")
    assert findings["extra simulation"][0] == "ok"
    simulated = told(extras.check(imagine(analyses=[reading(simulate="card")]), there=there))
    assert simulated["extra simulation"][:2] == ("fault", "mine needs it; not there: fastjet")
    assert simulated["extra tune"][:2] == ("ok", "not installed")
    searching = told(extras.check(imagine(analyses=[reading(tune={"m": None})]), there=there))
    assert searching["extra tune"] == ("fault", "mine needs it; not there: optuna", "pip install nanoloom[tune]")


def test_dask_needs_a_package_for_tls(imagine):
    (without,) = tls.check(imagine(), has_cryptography=False)
    (there,) = tls.check(imagine(), has_cryptography=True)

    assert (without.status, without.todo, there.status) == ("warning", "pip install cryptography", "ok")
