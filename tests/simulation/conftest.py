"""Small simulated files, made once, and hand-made objects."""

from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from pipeline.physics.objects import Objects


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory):
    """Function that simulates a small file, once for each set of arguments, and returns its path."""
    pytest.importorskip("pythia8mc", reason="needs nanoloom[simulation]")
    pytest.importorskip("fastjet", reason="needs nanoloom[simulation]")
    from pipeline.simulation.simulate import simulate_file

    made: dict[tuple, Path] = {}

    def simulate(card: str, *, n_events: int = 60, seed: int = 1, file_index: int = 0, pf_candidates: bool = False) -> Path:
        key = (card, n_events, seed, file_index, pf_candidates)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("simulated") / "nano.root"
            simulate_file(
                card, n_events=n_events, seed=seed, file_index=file_index, out=made[key], pf_candidates=pf_candidates
            )
        return made[key]

    return simulate


@pytest.fixture(scope="session")
def events_of(simulated):
    """Function that reads all branches of a small simulated file."""

    def read(card: str, **arguments) -> ak.Array:
        with uproot.open(simulated(card, **arguments)) as file:
            return file["Events"].arrays()

    return read


@pytest.fixture
def objects():
    """Function that makes objects from the event of each and their columns."""

    def make(event, n_events, **columns) -> Objects:
        arrays = {name: np.asarray(column) for name, column in columns.items()}
        return Objects(np.asarray(event, dtype=np.int64), n_events, arrays)

    return make
