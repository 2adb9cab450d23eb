"""What the doctor says of batch systems, tickets, certificates, ports and GPUs."""

import subprocess
from datetime import UTC, datetime

import pytest

from pipeline.operations.checks import certificates, configuration, gpu, grid_proxy, htcondor, kerberos, loopback, slurm
from pipeline.operations.machine import TIMED_OUT, Machine
from tests.toy_analysis import make_toy, write_toy

VERSION = "$CondorVersion: 23.9.6 2026-07-12 PackageID: 23.9.6+dfsg-2.1+b10 $\n$CondorPlatform: X86_64-Debian_13 $\n"
CONDOR = {"condor_submit": (0, ""), "condor_version": (0, VERSION), "condor_q": (0, "\n")}


def test_a_machine_without_batch_systems_is_in_order(imagine, told):
    assert told(htcondor.check(imagine(), has_plugin=False)) == {"HTCondor": ("ok", "not on this machine", "")}
    assert told(slurm.check(imagine())) == {"Slurm": ("ok", "not on this machine", "")}


def test_the_plugin_without_htcondor_warns_at_every_start(imagine, told):
    assert told(htcondor.check(imagine(), has_plugin=True))["HTCondor plugin"][2] == "export CONDOR_CONFIG=/dev/null"
    quiet = imagine(environment={"CONDOR_CONFIG": "/dev/null"})
    assert set(told(htcondor.check(quiet, has_plugin=True))) == {"HTCondor"}


def test_a_pool_that_answers_is_in_order(imagine, told):
    findings = told(htcondor.check(imagine(CONDOR), has_plugin=True))

    assert findings == {
        "HTCondor": ("ok", "23.9.6", ""),
        "HTCondor queue": ("ok", "answers, and holds no job of yours", ""),
    }
    assert told(htcondor.check(imagine(CONDOR), has_plugin=False))["HTCondor plugin"][0] == "warning"


@pytest.mark.parametrize(
    ("answer", "status", "found"),
    [
        ((TIMED_OUT, ""), "fault", "condor_q does not answer within 8 s"),
        (
            (1, "\nError: Can't find address of local schedd\n\nExtra Info: see the manual.\n"),
            "fault",
            "Error: Can't find address of local schedd",
        ),
        (
            (1, "Error: (null)\n\nExtra Info: You probably saw this error because the condor_schedd is not \nrunning\n"),
            "fault",
            "no condor_schedd answers on this machine",
        ),
        ((0, '2.4 "over memory limit"\n3.0 "no file"\n'), "warning", '2 held jobs, the first is 2.4 "over memory limit"'),
    ],
    ids=["hangs", "fails", "no scheduler", "held"],
)
def test_what_is_wrong_with_the_queue_is_told(answer, status, found, imagine, told):
    findings = told(htcondor.check(imagine({**CONDOR, "condor_q -hold": answer}), has_plugin=True))

    assert findings["HTCondor queue"][:2] == (status, found)


SLURM = {"sbatch --version": (0, "slurm 24.05.3\n"), "squeue": (0, "1 a\n2 b\n"), "sacct": (0, "")}


def test_slurm_that_answers_is_in_order(imagine, told):
    assert told(slurm.check(imagine(SLURM))) == {"Slurm": ("ok", "slurm 24.05.3, 2 jobs of yours", "")}


@pytest.mark.parametrize(
    ("command", "answer", "what", "status"),
    [
        ("squeue", (TIMED_OUT, ""), "Slurm", "fault"),
        ("squeue", (1, "slurm_load_jobs error"), "Slurm", "fault"),
        ("sacct", (1, "Slurm accounting storage is disabled"), "Slurm accounts", "warning"),
    ],
    ids=["hangs", "fails", "no accounts"],
)
def test_what_is_wrong_with_slurm_is_told(command, answer, what, status, imagine, told):
    assert told(slurm.check(imagine({**SLURM, command: answer})))[what][0] == status


END = datetime(2026, 11, 22, 8, tzinfo=UTC)
ENDS = {"openssl x509": (0, "notAfter=Nov 22 08:00:00 2026 GMT\n")}


@pytest.fixture
def proxy(imagine):
    """A machine with a proxy in /tmp, which ends at `END`."""

    def make(answers=None, mode=0o600, **settings):
        machine = imagine({**ENDS, **(answers or {})}, files={"/tmp/x509up_u1000": "proxy"}, **settings)
        (machine.root / "tmp/x509up_u1000").chmod(mode)
        return machine

    return make


@pytest.mark.parametrize(
    ("hours", "status", "found"),
    [(24, "ok", ", 24 hours left"), (3, "warning", ", 3 hours left"), (-1, "fault", " has expired")],
)
def test_the_time_that_a_proxy_has_left_is_told(hours, status, found, proxy):
    (finding,) = grid_proxy.check(proxy(), now=END.timestamp() - hours * 3600)

    assert (finding.status, finding.found.endswith(found)) == (status, True)


def test_a_proxy_that_others_may_read_is_a_fault(proxy, told):
    findings = list(grid_proxy.check(proxy(mode=0o644), now=0))

    assert [finding.status for finding in findings] == ["fault", "ok"]
    assert findings[0].todo.startswith("chmod 600 ")


def test_a_proxy_in_tmp_is_told_where_jobs_run_elsewhere(proxy, told):
    assert told(grid_proxy.check(proxy(CONDOR), now=0))["grid proxy for jobs"][0] == "warning"
    assert "grid proxy for jobs" not in told(grid_proxy.check(proxy(), now=0))


def test_a_proxy_that_is_none_is_told(proxy):
    (finding,) = grid_proxy.check(proxy({"openssl x509": (1, "unable to load certificate")}))

    assert finding.found.endswith("holds no certificate that openssl can read")


def test_a_missing_proxy_is_told_as_far_as_it_is_needed(imagine, reading):
    cases = [
        imagine(),
        imagine(analyses=[reading("root://a//b.root")]),
        imagine(environment={"X509_USER_PROXY": "/nonexistent"}),
    ]

    assert [[finding.status for finding in grid_proxy.check(machine)] for machine in cases] == [
        ["ok"],
        ["warning"],
        ["fault"],
    ]


def test_the_end_of_a_real_certificate_is_read(tmp_path, told):
    path = tmp_path / "proxy.pem"
    options = ["-x509", "-nodes", "-newkey", "rsa:2048", "-subj", "/CN=me", "-days", "2", "-keyout", path, "-out", path]
    if not Machine().has("openssl"):
        pytest.skip("needs openssl")
    subprocess.run(["openssl", "req", *options], check=True, capture_output=True)
    path.chmod(0o600)
    machine = Machine(environment={**Machine().environment, "X509_USER_PROXY": str(path)})

    (finding,) = [finding for finding in grid_proxy.check(machine) if finding.what == "grid proxy"]

    assert (finding.status, finding.found) == ("ok", f"{path}, 48 hours left")


@pytest.mark.parametrize(
    ("kind", "answers", "status"),
    [
        ("ext4", {}, "ok"),
        ("afs", {}, "warning"),
        ("ext4", {"klist": (1, "")}, "ok"),
        ("afs", {"klist": (1, "")}, "fault"),
        ("fuse.eosxd", {"klist": (0, "")}, "ok"),
    ],
)
def test_a_kerberos_ticket_matters_on_afs_and_eos(kind, answers, status, imagine):
    machine = imagine(answers, files={"/proc/mounts": f"x / {kind} rw 0 0\n"})

    assert [finding.status for finding in kerberos.check(machine)] == [status]


def test_authorities_of_the_grid_are_found(imagine, told):
    there = imagine(files={"/etc/grid-security/certificates/1a2b.0": "x"})
    named = imagine(environment={"X509_CERT_DIR": str(there.folder)})

    assert told(certificates.check(there))["grid authorities"][0] == "ok"
    assert told(certificates.check(named))["grid authorities"][0] == "fault"


def test_authorities_of_https_are_found_where_openssl_looks(imagine, told, tmp_path):
    for name in ("file.pem", "empty"):
        (tmp_path / name).touch() if "." in name else (tmp_path / name).mkdir()
    cases = [
        ({"SSL_CERT_FILE": str(tmp_path / "file.pem"), "SSL_CERT_DIR": "/nonexistent"}, "ok"),
        ({"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": str(tmp_path)}, "ok"),
        ({"SSL_CERT_FILE": "/nonexistent", "SSL_CERT_DIR": str(tmp_path / "empty")}, "warning"),
    ]

    for environment, status in cases:
        assert told(certificates.check(imagine(environment=environment)))["HTTPS authorities"][0] == status


def test_processes_can_speak_to_each_other_on_loopback_and_not_elsewhere(imagine):
    (here,) = loopback.check(imagine())
    (elsewhere,) = loopback.check(imagine(), address="192.0.2.1")  # RFC 5737: of nobody

    assert (here.status, elsewhere.status) == ("ok", "fault")


LISTED = {"nvidia-smi -L": (0, "GPU 0: NVIDIA H200 (UUID: GPU-7)\n")}


@pytest.mark.parametrize(
    ("answers", "environment", "cuda", "status", "found"),
    [
        ({}, {}, True, "ok", "none: networks are trained on the CPU"),
        (LISTED, {}, True, "ok", "GPU 0: NVIDIA H200"),
        (LISTED, {"CUDA_VISIBLE_DEVICES": "0"}, True, "ok", "GPU 0: NVIDIA H200"),
        (
            LISTED,
            {"CUDA_VISIBLE_DEVICES": "10000"},
            True,
            "warning",
            "GPU 0: NVIDIA H200, hidden by CUDA_VISIBLE_DEVICES=10000",
        ),
        (LISTED, {"CUDA_VISIBLE_DEVICES": ""}, True, "warning", "GPU 0: NVIDIA H200, hidden by CUDA_VISIBLE_DEVICES="),
        (LISTED, {}, False, "warning", "GPU 0: NVIDIA H200, which tensorflow-cpu cannot use"),
        ({"nvidia-smi": (9, "No devices were found\n")}, {}, True, "warning", "nvidia-smi fails: No devices were found"),
        ({"nvidia-smi": (0, "")}, {}, True, "ok", "none: networks are trained on the CPU"),
    ],
    ids=["none", "one", "visible", "hidden by HTCondor", "hidden", "no CUDA", "broken driver", "no device"],
)
def test_a_gpu_is_told_with_what_stands_in_its_way(answers, environment, cuda, status, found, imagine):
    machine = imagine(answers, environment=environment)

    (finding,) = gpu.check(machine, there=lambda name: "2.21" if (name == "tensorflow") == cuda else "")

    assert (finding.status, finding.found) == (status, found)


def test_every_configuration_is_checked(tmp_path, make_nano, pytestconfig, imagine, told):
    machine = imagine()
    make_toy(machine.folder, pytestconfig.rootpath, make_nano)
    (machine.folder / "config/other.yaml").write_text("lumi: 1", encoding="utf-8")

    findings = told(configuration.check(machine))

    assert findings["config/toy.yaml"][:2] == ("ok", "valid")
    assert findings["config/other.yaml"][0] == "fault"
    assert "lumi: is no key of this section" in findings["config/other.yaml"][1]
    write_toy(machine.folder, processor="tyo")
    assert "No " in told(configuration.check(machine))["config/toy.yaml"][1]
    assert told(configuration.check(Machine(folder=tmp_path / "root")))["config"][0] == "fault"
