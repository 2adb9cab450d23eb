import numpy as np
import pytest
import uproot

from pipeline.events.inspection import inspect_file

READS = ("nMuon", "Muon_pt")


def look(path, *, is_mc=True, reads=READS, range_entries=5):
    return inspect_file(str(path), is_mc=is_mc, reads=reads, range_entries=range_entries)


def problem_of(path, **options):
    (problem,) = look(path, **options).problems
    return problem.replace(f"{path.parent}/", "")


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_a_good_file_is_described(make_nano, tmp_path, rntuple):
    path = make_nano(tmp_path / "a.root", 12, cluster_entries=4, rntuple=rntuple)
    found = look(path, range_entries=8)
    assert found.format == ("RNTuple" if rntuple else "TTree")
    assert found.uuid == str(uproot.open(path).file.uuid)
    assert (found.size_bytes, found.entries, found.edges) == (path.stat().st_size, 12, (0, 8, 12))
    assert (found.problems, found.notes) == ((), ())


@pytest.mark.parametrize("suffix", [True, "_"], ids=["v7 and later", "up to v6"])
def test_sums_of_weights_come_from_runs(make_nano, tmp_path, suffix):
    found = look(make_nano(tmp_path / "a.root", 10, runs=suffix))
    # Two of ten weights are -2.5, eight are 2.5.
    assert (found.n_generated, found.sumw, found.sumw2, found.weights_from) == (10, 15.0, 62.5, "Runs")


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_without_runs_they_are_summed_over_events(make_nano, tmp_path, rntuple):
    found = look(make_nano(tmp_path / "a.root", 10, runs=False, rntuple=rntuple))
    assert (found.n_generated, found.sumw, found.sumw2, found.weights_from) == (10, 15.0, 62.5, "genWeight")


def test_the_sum_does_not_depend_on_how_the_file_is_cut(tmp_path):
    weights = np.random.default_rng(1).normal(size=200) * 10.0 ** np.arange(-100, 100)
    for n_clusters in (1, 7, 50):
        with uproot.recreate(tmp_path / f"{n_clusters}.root") as file:
            tree = file.mktree("Events", {"run": "u4", "luminosityBlock": "u4", "event": "u8", "genWeight": "f8"})
            for part in np.array_split(weights, n_clusters):
                ids = {name: np.arange(len(part)) for name in ("run", "luminosityBlock", "event")}
                tree.extend({**ids, "genWeight": part})
    sums = {look(tmp_path / f"{n}.root", reads=(), range_entries=30).sumw for n in (1, 7, 50)}
    assert len(sums) == 1


def test_events_of_data_count_as_one(make_nano, tmp_path):
    found = look(make_nano(tmp_path / "a.root", 10, is_mc=False), is_mc=False)
    assert (found.n_generated, found.sumw, found.sumw2, found.weights_from) == (10, 10.0, 10.0, "data")


def test_a_missing_file_is_named_with_the_nearest(make_nano, tmp_path):
    make_nano(tmp_path / "dy_1.root")
    assert problem_of(tmp_path / "dy_2.root") == "No file dy_2.root. Nearest: 'dy_1.root'."


def test_a_folder_is_no_file(tmp_path):
    assert "is a folder. Write" in problem_of(tmp_path)


def test_an_empty_file_is_told(tmp_path):
    (tmp_path / "a.root").touch()
    assert problem_of(tmp_path / "a.root") == "a.root is empty (0 bytes)."


@pytest.mark.parametrize("content", [b"<html>not found</html>", b"PK" * 2000], ids=["short", "long"])
def test_what_is_not_root_is_told(tmp_path, content):
    (tmp_path / "a.root").write_bytes(content)
    assert (
        problem_of(tmp_path / "a.root") == f"a.root is not a ROOT file: it begins with {content[:4]!r} instead of b'root'."
    )


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.6, 0.99])
def test_a_truncated_file_is_told(make_nano, tmp_path, rntuple, share):
    path = make_nano(tmp_path / "a.root", 12, rntuple=rntuple)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert problem_of(path) == f"a.root is truncated: {int(len(whole) * share)} of {len(whole)} bytes."


def test_a_file_of_four_bytes_is_told(tmp_path):
    (tmp_path / "a.root").write_bytes(b"root")
    assert "a.root cannot be opened as a ROOT file: " in problem_of(tmp_path / "a.root")


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.8])
def test_a_file_of_the_right_size_that_was_not_written_to_its_end_is_told(make_nano, tmp_path, rntuple, share):
    path = make_nano(tmp_path / "a.root", rntuple=rntuple)
    whole = path.read_bytes()
    kept = int(len(whole) * share)
    path.write_bytes(whole[:kept] + bytes(len(whole) - kept))
    assert problem_of(path).startswith(("a.root cannot be ", "a.root has no tree 'Events'"))


def test_a_file_without_the_tree_names_what_it_has(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("events", {"x": "f4"})
    assert problem_of(tmp_path / "a.root") == "a.root has no tree 'Events'. Nearest: 'events'."


def test_another_object_of_that_name_is_told(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file["Events"] = np.histogram([1.0])
    assert problem_of(tmp_path / "a.root") == "'Events' of a.root is a TH1D, not a TTree or RNTuple."


@pytest.mark.parametrize("rntuple", [False, True], ids=["TTree", "RNTuple"])
def test_a_missing_branch_is_named_with_the_nearest(make_nano, tmp_path, rntuple):
    path = make_nano(tmp_path / "a.root", rntuple=rntuple)
    problem = problem_of(path, reads=("Muon_ptt", "Zzzz"))
    assert problem.startswith("a.root has not all branches: no 'Muon_ptt'. Nearest: 'Muon_pt'")
    assert problem.endswith("no 'Zzzz' or similar.")


@pytest.mark.parametrize("name", ["run", "luminosityBlock", "event"])
def test_the_name_of_an_event_is_always_asked_for(make_nano, tmp_path, name):
    assert f"no '{name}'" in problem_of(make_nano(tmp_path / "a.root", drop=(name,)), reads=())


def test_many_missing_branches_are_counted(make_nano, tmp_path):
    reads = [f"Zz_{i}" for i in range(9)]
    assert problem_of(make_nano(tmp_path / "a.root"), reads=reads).endswith("no 'Zz_4' or similar. And 4 more.")


def test_simulation_without_weights_is_told_what_to_do(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root", drop=("genWeight",))
    assert problem_of(path) == "a.root has no branch genWeight. Keep it when skimming, or say is_mc: false if this is data."


def test_data_with_generator_weights_is_told_what_to_do(make_nano, tmp_path):
    problem = problem_of(make_nano(tmp_path / "a.root"), is_mc=False)
    assert problem == "a.root has a branch genWeight, as only simulation has. Say is_mc: true and give xsec_pb."


def test_a_weight_that_is_not_finite_is_told_with_its_entry(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        ids = {name: np.arange(8) for name in ("run", "luminosityBlock", "event")}
        file.mktree("Events", {**dict.fromkeys(ids, "u8"), "genWeight": "f4"})
        file["Events"].extend({**ids, "genWeight": np.array([1, 1, 1, 1, 1, 1, np.nan, 1], np.float32)})
    assert problem_of(tmp_path / "a.root", reads=()) == "a.root has genWeight nan at entry 6; expected finite numbers."


def test_runs_that_knows_fewer_events_than_there_are_is_told(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root", 4, runs=False)
    with uproot.update(path) as file:
        sums = {"genEventCount": np.array([3]), "genEventSumw": np.array([3.0]), "genEventSumw2": np.array([3.0])}
        file.mktree("Runs", {name: value.dtype for name, value in sums.items()}).extend(sums)
    assert problem_of(path) == "a.root has 4 events, of 3 generated ones by its Runs; merge it anew."


def test_a_skim_is_normalised_to_what_was_generated(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root", 4, runs=False)
    with uproot.update(path) as file:
        sums = {
            "genEventCount": np.array([50, 60]),
            "genEventSumw": np.array([20.5, 1.5]),
            "genEventSumw2": np.array([1.0, 2]),
        }
        file.mktree("Runs", {name: value.dtype for name, value in sums.items()}).extend(sums)
    found = look(path)
    assert (found.entries, found.n_generated, found.sumw, found.sumw2, found.weights_from) == (4, 110, 22.0, 3.0, "Runs")


def test_a_file_without_events_is_kept_with_its_weights(make_nano, tmp_path):
    path = make_nano(tmp_path / "a.root", 0, runs=False)
    with uproot.update(path) as file:
        sums = {"genEventCount": np.array([50]), "genEventSumw": np.array([20.5]), "genEventSumw2": np.array([1.0])}
        file.mktree("Runs", {name: value.dtype for name, value in sums.items()}).extend(sums)
    found = look(path, reads=("NoSuchBranch",))
    assert (found.entries, found.ranges("dy"), found.sumw, found.problems) == (0, (), 20.5, ())
    assert found.notes == (f"{path} has no events; its sums of weights count.",)


@pytest.mark.samples
@pytest.mark.parametrize(
    ("name", "is_mc", "expected"),
    [
        ("nano_dy.root", True, ("TTree", 40, 850098, 15166686735.858717, "Runs")),
        ("nano_tree.root", True, ("TTree", 10, 49919, 49919.0, "Runs")),
        ("nano_tt_v15.root", True, ("TTree", 200, 200, 70034.00268554688, "genWeight")),
        ("nano_dimuon.root", False, ("TTree", 40, 40, 40.0, "data")),
        ("nano_dimuon_rntuple.root", False, ("RNTuple", 40, 40, 40.0, "data")),
        ("nano_dy_empty.root", True, ("TTree", 0, 0, 0.0, "genWeight")),
        ("nano_dy_empty_rntuple.root", True, ("RNTuple", 0, 0, 0.0, "genWeight")),
    ],
)
def test_real_files_are_described(cms_samples, name, is_mc, expected):
    found = look(cms_samples / name, is_mc=is_mc, range_entries=1000)
    assert (found.format, found.entries, found.n_generated, found.sumw, found.weights_from) == expected
    assert found.edges == ((0, found.entries) if found.entries else (0,))


@pytest.mark.samples
def test_a_tree_and_its_rntuple_twin_have_the_same_weights(cms_samples):
    tree = uproot.open(cms_samples / "nano_dy.root")["Events"]["genWeight"].array(library="np").astype(np.float64)
    found = look(cms_samples / "nano_dy_rntuple.root")
    assert (found.sumw, found.entries) == (tree.sum(), len(tree))
    assert found.sumw2 == pytest.approx((tree**2).sum(), rel=1e-15)


@pytest.mark.samples
@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("bad_delphes.root", "bad_delphes.root has no tree 'Events'. There are none."),
        (
            "missing_luminosityBlock.root",
            "missing_luminosityBlock.root has not all branches: no 'luminosityBlock' or similar.",
        ),
    ],
)
def test_bad_real_files_are_told(cms_samples, name, problem):
    assert problem_of(cms_samples / name) == problem


def test_a_slice_of_a_file_takes_its_weights_from_its_events(make_nano, tmp_path):
    # 12 events with weights ±2.5, of which 2 are negative, and Runs that says the same.
    path = str(make_nano(tmp_path / "slice.root", 12))

    from_events = inspect_file(path, is_mc=True, reads=[], weights_from="genWeight")

    assert (from_events.weights_from, from_events.sumw, from_events.n_generated) == ("genWeight", 20.0, 12)
    assert inspect_file(path, is_mc=True, reads=[]).weights_from == "Runs"


def test_runs_that_are_wanted_and_missing_are_an_error(make_nano, tmp_path):
    path = str(make_nano(tmp_path / "no_runs.root", 12, runs=False))

    (problem,) = inspect_file(path, is_mc=True, reads=[], weights_from="Runs").problems

    assert "has no sums of weights in Runs" in problem
    assert "weights_from: genWeight" in problem
