import os
import subprocess
import sys

import pytest

from pipeline.events.remote import XROOTD_PATIENCE, options_for


def test_what_a_site_has_set_for_xrootd_is_kept(monkeypatch):
    pytest.importorskip("XRootD")
    for name in XROOTD_PATIENCE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XRD_REQUESTTIMEOUT", "300")

    options = options_for("root://host//x.root")

    assert {name: os.environ[name] for name in XROOTD_PATIENCE} == XROOTD_PATIENCE | {"XRD_REQUESTTIMEOUT": "300"}
    assert options["timeout"] == 300


def test_http_waits_for_an_answer_and_not_for_the_whole(monkeypatch):
    pytest.importorskip("aiohttp")
    timeout = options_for("https://host/x.root")["client_kwargs"]["timeout"]
    assert (timeout.total, timeout.sock_connect, timeout.sock_read) == (None, 10, 12)


def test_local_files_and_other_protocols_are_left_to_uproot():
    assert options_for("a.root") == options_for("s3://bucket/a.root") == {}


def test_xrootd_is_loaded_before_tensorflow():
    """The other way round, the process dies of a segmentation fault."""
    pytest.importorskip("XRootD", reason="an extra: pip install nanoloom[xrootd]")
    code = "import sys; import pipeline.learning.keras_learner; names = list(sys.modules)\n"
    code += "assert names.index('XRootD.client') < names.index('tensorflow')"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
