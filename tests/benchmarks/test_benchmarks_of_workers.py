"""The benchmarks that start workers, on a tiny sample and a few ranges."""

from functools import partial

import numpy as np
import pytest

from benchmarks import overhead, ratio, score, workers
from benchmarks.setting import make_setting

N_EVENTS = 2000


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    pytest.importorskip("pythia8mc", reason="the simulation is an extra: pip install nanoloom[simulation]")
    return tmp_path_factory.mktemp("scratch")


@pytest.fixture
def setting(scratch, monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)
    monkeypatch.setattr(score, "MODELS", ("dnn",))
    monkeypatch.setattr(ratio, "BEST_OF", 1)
    return make_setting(scratch, N_EVENTS)


@pytest.mark.slow
def test_two_workers_give_the_products_of_one(setting, monkeypatch, capsys):
    monkeypatch.setattr(workers, "paired", partial(ratio.paired, repeats=1))

    found = workers.run(setting)

    assert (found.name, found.goal) == ("score, 2 workers", 1.8)
    assert found.ratio > 0
    assert "with the start of the workers" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_of_ranges_gives_what_a_plain_loop_does(setting, monkeypatch, capsys):
    monkeypatch.setattr(overhead, "N_RANGES", 5)
    monkeypatch.setattr(overhead, "REPEATS", 1)

    found = overhead.run(setting)

    assert found.name == "work of 5 ranges"
    assert found.goal == pytest.approx(0.952, abs=0.001)
    assert found.ratio > 0
    assert "of work on 5 ranges" in capsys.readouterr().err


def test_another_bit_is_no_benchmark():
    products = {"scores/tt m_hh": np.array([0.5, 0.25], np.float32)}
    other = {"scores/tt m_hh": np.nextafter(products["scores/tt m_hh"], np.float32(1))}

    workers.check_equal(products, products)
    with pytest.raises(AssertionError, match="scores/tt m_hh"):
        workers.check_equal(other, products)
