"""Reading from real servers, of which nothing is wrong."""

import numpy as np
import pytest

from pipeline.events.inspection import inspect_file
from pipeline.events.reading import open_events

pytestmark = pytest.mark.servers


def look(path):
    return inspect_file(str(path), is_mc=True, reads=["nMuon", "Muon_pt"], range_entries=500)


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_a_file_on_a_server_is_read_as_one_on_disk(server, make_nano, tmp_path, rntuple):
    path = make_nano(tmp_path / "a.root", 1200, cluster_entries=400, rntuple=rntuple)
    here, there = look(path), look(server.add(path))

    assert not there.problems
    assert (there.uuid, there.edges, there.size_bytes, there.sumw) == (here.uuid, here.edges, here.size_bytes, here.sumw)
    assert np.concatenate([open_events(part).event for part in there.ranges("dy")]).tolist() == list(range(1200))


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_all_columns_of_a_range_come_at_once(nginx, make_nano, tmp_path, rntuple):
    there = look(nginx.add(make_nano(tmp_path / "a.root", 1200, cluster_entries=400, rntuple=rntuple)))
    reads = ["nMuon", *(f"Muon_{name}" for name in ("pt", "eta", "phi", "mass", "charge"))]
    events = [open_events(part, reads=reads) for part in there.ranges("dy")]

    nginx.kill()

    assert np.concatenate([one.event for one in events]).tolist() == list(range(1200))
    assert all(len(one.Muon.pt) == len(one) for one in events)
