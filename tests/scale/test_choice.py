"""Where work runs: as the YAML says, or as is said when a stage is started."""

import pytest

from pipeline.config import HTCondor, Local, Scheduler, Sync
from pipeline.errors import InputError
from pipeline.scale.choice import open_workers, scale_of


@pytest.mark.parametrize(
    ("said", "expected"), [(None, Local()), ("local", Local()), ("sync", Sync()), ("htcondor", HTCondor())]
)
def test_what_is_said_wins_over_the_yaml(said, expected):
    assert scale_of(Local(), said) == expected


def test_details_of_the_yaml_hold_for_the_same_kind():
    configured = HTCondor(workers=30, memory_mb=4000)

    assert scale_of(configured, "htcondor") is configured
    assert scale_of(configured, "sync") == Sync()


def test_an_address_is_that_of_a_scheduler_with_the_certificates_of_the_yaml():
    configured = Scheduler(kind="dask", address="tls://old:1", workers=3, ca_file="ca.pem")

    found = scale_of(configured, "tls://new:8786")

    assert found == Scheduler(kind="dask", address="tls://new:8786", workers=3, ca_file="ca.pem")


def test_a_misspelt_place_answers_with_the_nearest():
    with pytest.raises(InputError, match=r"--scale 'htcondr' is no place to work\. Nearest: 'htcondor'"):
        scale_of(Local(), "htcondr")


@pytest.mark.parametrize(("scale", "count"), [(Sync(), 4), (Local(), 0)], ids=["sync", "no worker"])
def test_work_in_this_process_has_no_workers(scale, count):
    with open_workers(scale, count) as workers:
        assert workers is None


def test_a_scheduler_beyond_this_machine_must_be_encrypted():
    scale = Scheduler(kind="dask", address="tcp://192.0.2.1:8786")

    with (
        pytest.raises(InputError, match=r"not encrypted: anybody who reaches it can run code as you"),
        open_workers(scale, 1),
    ):
        pass
