"""What is said of jobs that HTCondor does not take or stops; a real pool is in tests/cluster/test_dask_in_htcondor.py."""

import stat

import pytest

from pipeline.config import HTCondor
from pipeline.errors import InputError, PipelineError
from pipeline.scale.choice import open_workers
from pipeline.scale.htcondor import Jobs
from pipeline.scale.ordered import ordered_map
from pipeline.scale.temporary_security import temporary_security

TWO = HTCondor(workers=2, host="127.0.0.1")
REFUSING = "#!/bin/sh\necho 'ERROR: Failed to connect to local queue manager' >&2\nexit 1\n"
EVENT = "{number} (0{job}.000.000) 2026-11-21 08:02:41 {title}\n\t{reason}\n...\n"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that holds all programs there are, and the folder in which one works."""
    pytest.importorskip("dask_jobqueue", reason="an extra: pip install nanoloom[htcondor]")
    pytest.importorskip("cryptography", reason="an extra: pip install nanoloom[htcondor]")
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "bin"


def test_a_machine_without_htcondor_is_told(programs):
    with (
        pytest.raises(InputError, match=r"^There is no condor_submit on this machine\. .* --scale local$"),
        open_workers(TWO, 1),
    ):
        pass


def test_jobs_that_are_not_taken_end_the_stage_at_once_with_what_htcondor_says(programs, tmp_path):
    (programs / "condor_submit").write_text(REFUSING, encoding="utf-8")
    (programs / "condor_submit").chmod(0o755)

    with (
        open_workers(TWO, 1) as workers,
        pytest.raises(
            PipelineError, match=r"2 of 2 jobs not taken: ERROR: Failed to connect to local queue manager\. Expected 2\."
        ),
    ):
        list(ordered_map(str, [1], workers=workers))
    assert not list(tmp_path.glob("**/*.pem"))


def test_jobs_that_are_held_removed_or_at_their_end_are_known_by_their_reason(tmp_path):
    log = tmp_path / "jobs.log"
    jobs = Jobs(log, 3)
    assert not jobs.stopped().reasons  # nothing is written yet

    held = EVENT.format(number="012", job=17, title="Job was held.", reason="memory usage exceeded request_memory")
    removed = EVENT.format(number="009", job=18, title="Job was aborted.", reason="via condor_rm (by user me)")
    running = EVENT.format(number="001", job=19, title="Job executing on host: <10.0.0.7:9618>", reason="SlotName: one")
    log.write_text(held + removed + running, encoding="utf-8")
    stopped = jobs.stopped()

    expected = {"job 17.0": "held: memory usage exceeded request_memory", "job 18.0": "removed: via condor_rm (by user me)"}
    assert stopped.reasons == expected
    assert not stopped.all_of_them

    assert not Jobs(log, 4, ["no quota"]).stopped().all_of_them
    assert Jobs(log, 3, ["no quota"]).stopped().all_of_them


def test_nobody_else_may_read_the_key_of_a_stage(tmp_path):
    pytest.importorskip("cryptography", reason="an extra: pip install nanoloom[htcondor]")

    security = temporary_security(tmp_path)

    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == ["authority.pem", "certificate.pem", "key.pem"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert security.require_encryption
    for role in ("scheduler", "worker", "client"):
        assert security.get_tls_config_for_role(role)["key"] == str(tmp_path / "key.pem")
