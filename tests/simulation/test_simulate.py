import sys

import awkward as ak
import numpy as np
import pytest
import uproot

from pipeline.errors import InputError
from pipeline.physics.kinematics import delta_r
from pipeline.simulation import optional
from pipeline.simulation.cards import load_card
from pipeline.simulation.generator import Generator
from pipeline.simulation.momenta import cartesian, cylindrical
from pipeline.simulation.simulate import MOST_EVENTS_PER_FILE, simulate_file


def test_the_same_arguments_give_the_same_bytes(simulated, tmp_path):
    first = simulated("tt_semi", n_events=40)
    simulate_file("tt_semi", n_events=40, seed=1, file_index=0, out=tmp_path / first.name)

    assert first.read_bytes() == (tmp_path / first.name).read_bytes()


@pytest.mark.parametrize("changed", [{"seed": 2}, {"file_index": 1}], ids=["seed", "file"])
def test_another_seed_or_file_gives_other_events_and_another_uuid(simulated, changed):
    with (
        uproot.open(simulated("tt_semi", n_events=40)) as one,
        uproot.open(simulated("tt_semi", n_events=40, **changed)) as two,
    ):
        first, second = (file["Events"]["GenPart_pt"].array() for file in (one, two))

        assert not ak.array_equal(first, second)
        assert one.file.uuid != two.file.uuid


def test_identities_are_unique_over_files(events_of):
    parts = [events_of("tt_semi", n_events=40, file_index=index) for index in (0, 1)]
    ids = [tuple(row) for part in parts for row in zip(part["run"], part["luminosityBlock"], part["event"], strict=True)]
    events = [event for part in parts for event in part["event"].tolist()]

    assert len(ids) == len(set(ids)) == len(set(events)) == 80
    assert {1} == set(parts[0]["luminosityBlock"].tolist())
    assert {2} == set(parts[1]["luminosityBlock"].tolist())


@pytest.mark.parametrize("card", ["tt_semi", "qcd_flat"], ids=["unweighted", "weighted"])
def test_counters_are_those_of_the_events(simulated, card):
    with uproot.open(simulated(card, n_events=40)) as file:
        weights = file["Events"]["genWeight"].array(library="np").astype(float)
        runs = file["Runs"].arrays(library="np")
        blocks = file["LuminosityBlocks"].arrays(library="np")

    assert (runs["run"].tolist(), blocks["luminosityBlock"].tolist(), runs["genEventCount"].tolist()) == ([1], [1], [40])
    assert runs["genEventSumw"] == pytest.approx([weights.sum()], rel=1e-6)
    assert runs["genEventSumw2"] == pytest.approx([np.square(weights).sum()], rel=1e-6)


def test_events_of_an_unweighted_card_have_weight_one(events_of):
    assert {1.0} == set(events_of("tt_semi", n_events=40)["genWeight"].tolist())


def test_both_charges_of_the_lepton_come_equally_often(events_of):
    events = events_of("tt_semi", n_events=40)
    pdg_id, mother = events["GenPart_pdgId"], events["GenPart_genPartIdxMother"]
    from_w = abs(pdg_id[mother]) == 24
    charge = ak.sum(-np.sign(pdg_id) * from_w * ((abs(pdg_id) == 11) | (abs(pdg_id) == 13)), axis=1)

    assert charge.tolist() == [1, -1] * 20


def test_a_file_has_a_cluster_for_each_thousand_events(tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.simulation.simulate.CLUSTER_EVENTS", 10)
    done = []
    simulate_file("g_jet", n_events=25, seed=1, file_index=0, out=tmp_path / "a.root", progress=done.append)
    with uproot.open(tmp_path / "a.root") as file:
        clusters = list(file["Events"].common_entry_offsets())

    assert clusters == [0, 10, 20, 25]
    assert done == [10, 20, 25]


def test_indices_point_at_their_objects(events_of):
    events = events_of("tt_semi", n_events=40)
    jet_index, gen_index = events["Muon_jetIdx"], events["Muon_genPartIdx"]
    near = events["Jet_pt"][ak.mask(jet_index, jet_index >= 0)]
    pdg_id = events["GenPart_pdgId"][ak.mask(gen_index, gen_index >= 0)]
    gen_jet = events["Jet_genJetIdx"]
    eta = events["GenJet_eta"][ak.mask(gen_jet, gen_jet >= 0)]

    assert ak.all(ak.drop_none(near > 0))
    assert ak.all(ak.drop_none(pdg_id == events["Muon_pdgId"]))
    assert ak.all(ak.drop_none(abs(eta - events["Jet_eta"]) < 0.4))
    assert ak.all(events["Jet_nCharged"] + events["Jet_nNeutral"] == events["Jet_nConstituents"])


def test_energy_fractions_of_a_jet_add_up_to_one(events_of):
    events = events_of("tt_semi", n_events=40)
    total = sum(events[f"Jet_{name}"] for name in ("chHEF", "neHEF", "chEmEF", "neEmEF", "muEF"))

    assert np.asarray(ak.flatten(total)) == pytest.approx(1.0, abs=1e-5)


def test_coffea_finds_parents_and_matched_objects(simulated):
    nanoevents = pytest.importorskip("coffea.nanoevents")
    schema = nanoevents.PFNanoAODSchema
    schema.warn_missing_crossrefs = False
    path = simulated("w_jet", n_events=20, pf_candidates=True)
    events = nanoevents.NanoEventsFactory.from_root({str(path): "Events"}, schemaclass=schema, mode="eager").events()
    jets, fat_jets = events.Jet, events.FatJet

    assert ak.any(ak.fill_none(events.GenPart.parent.pdgId == 24, False))
    assert ak.all(ak.drop_none(abs(jets.matched_gen.eta - jets.eta)) < 0.4)
    for some in (jets, fat_jets):
        candidates = some.constituents.pf
        assert ak.all(ak.num(candidates, axis=2) == some.nConstituents)
        px = ak.sum(candidates.pt * np.cos(candidates.phi), axis=2)
        raw = some.pt * np.cos(some.phi) * (1 - some.rawFactor)
        assert np.asarray(ak.flatten(raw)) == pytest.approx(np.asarray(ak.flatten(px)), rel=1e-3, abs=0.05)


def test_fat_jets_have_falling_subjettiness_and_lose_mass_by_grooming(events_of):
    events = events_of("w_jet", n_events=20, pf_candidates=True)
    tau1, tau2, tau3 = (np.asarray(ak.flatten(events[f"FatJet_tau{n}"])) for n in (1, 2, 3))
    groomed, mass = (np.asarray(ak.flatten(events[f"FatJet_{name}"])) for name in ("msoftdrop", "mass"))

    assert len(tau1) > 10
    assert np.mean(tau1) > np.mean(tau2) > np.mean(tau3) > 0
    assert np.all(groomed <= mass + 0.01)
    assert np.median(groomed[groomed > 50]) == pytest.approx(80, abs=8)


def test_an_unfinished_file_does_not_appear(tmp_path):
    def stop(n_done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_file("g_jet", n_events=5, seed=1, file_index=0, out=tmp_path / "a.root", progress=stop)

    assert list(tmp_path.iterdir()) == []


def test_an_unknown_card_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match=r"No process card 'tt_semy'\. Nearest: 'tt_semi'"):
        simulate_file("tt_semy", n_events=5, seed=1, file_index=0, out=tmp_path / "a.root")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_events", [0, MOST_EVENTS_PER_FILE + 1])
def test_numbers_of_events_that_cannot_be_numbered_are_refused(tmp_path, n_events):
    with pytest.raises(InputError, match=rf"A file of {n_events} events cannot be simulated"):
        simulate_file("g_jet", n_events=n_events, seed=1, file_index=0, out=tmp_path / "a.root")


def test_a_negative_file_index_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"File index -1 is negative"):
        simulate_file("g_jet", n_events=1, seed=1, file_index=-1, out=tmp_path / "a.root")


def test_a_missing_generator_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pythia8mc", None)

    with pytest.raises(InputError, match=r"pip install nanoloom\[simulation\]"):
        optional.load_pythia()


def test_a_setting_that_pythia_does_not_know_is_an_error(tmp_path, capfd):
    (tmp_path / "mine.yaml").write_text("description: d\nsource: s\nsettings: [Top:nonsense = on]\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"Pythia does not take the setting 'Top:nonsense = on'"):
        Generator(load_card("mine", folder=tmp_path), seed=1, file_index=0)


@pytest.mark.slow
def test_b_jets_are_told_from_light_jets_by_their_tracks(events_of):
    events = events_of("tt_dilep", n_events=1500)
    is_jet = (events["Jet_pt"] > 25) & (abs(events["Jet_eta"]) < 2.4) & (events["Jet_chEmEF"] + events["Jet_muEF"] < 0.5)
    tag, flavour = (np.asarray(ak.flatten(events[f"Jet_{name}"][is_jet])) for name in ("btagTracks", "hadronFlavour"))
    b, light = tag[flavour == 5], tag[flavour == 0]
    auc = np.mean((b[:, None] > light) + 0.5 * (b[:, None] == light))

    assert auc > 0.92


@pytest.mark.slow
def test_masses_of_w_and_top_from_matched_jets_are_those_of_generator_jets(events_of):
    """Of partons they fall short by what is radiated out of the cone, which no correction to generator jets gives back."""
    events = events_of("tt_semi", n_events=2000)
    detector, generator = hadronic_tops(events, "Jet"), hadronic_tops(events, "GenJet")

    assert len(detector) > 200
    assert np.median(detector, axis=0) == pytest.approx(np.median(generator, axis=0), rel=0.02)
    assert np.median(generator, axis=0) == pytest.approx([80.4, 172.5], rel=0.1)


def hadronic_tops(events, collection):
    """Masses of W and top from the jets that match their quarks, shape (n_found, 2)."""
    quarks = (events[f"GenPart_{name}"].tolist() for name in ("pdgId", "genPartIdxMother", "eta", "phi"))
    jets = (events[f"{collection}_{name}"].tolist() for name in ("pt", "eta", "phi", "mass"))
    found = [
        hadronic_top(pdg_id, mother, np.array(eta), np.array(phi), np.array(momenta))
        for pdg_id, mother, eta, phi, *momenta in zip(*quarks, *jets, strict=True)
    ]
    return np.array([masses for masses in found if masses is not None])


def hadronic_top(pdg_id, mother, eta, phi, jets):
    """Masses of the W and of the top whose three quarks have one jet each within ΔR < 0.3, else None."""
    quarks = [row for row, above in enumerate(mother) if abs(pdg_id[row]) < 5 and above >= 0 and abs(pdg_id[above]) == 24]
    if len(quarks) != 2:
        return None
    top = 6 * np.sign(pdg_id[mother[quarks[0]]])
    b = [row for row, above in enumerate(mother) if pdg_id[row] == np.sign(top) * 5 and above >= 0 and pdg_id[above] == top]
    rows = [*quarks, *b[:1]]
    partners = []
    for row in rows:
        distance = delta_r(jets[1], jets[2], eta[row], phi[row])
        partners += [int(np.argmin(distance))] if len(distance) and np.min(distance) < 0.3 else []
    if len(set(partners)) != 3:
        return None
    momenta = np.array(cartesian(*jets[:, partners]))
    masses = [cylindrical(*momenta[:, :n].sum(axis=1))[3] for n in (2, 3)]
    return [float(mass) for mass in masses]
