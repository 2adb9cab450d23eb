import re

import pytest

from pipeline.errors import InputError
from pipeline.simulation.cards import CARDS, card_names, load_card

ALL = card_names()


@pytest.mark.parametrize("name", ALL)
def test_each_shipped_card_is_read(name):
    card = load_card(name)

    assert card.name == name
    assert all(re.fullmatch(r"[^=]+ = [^={}]+", line) for line in card.settings_of(0))


@pytest.mark.parametrize("name", ALL)
def test_what_fixes_the_charge_of_a_w_has_its_mirror_image(name):
    card = load_card(name)
    variants = [sorted(card.settings_of(k)) for k in range(len(card.variants))]
    swap = {"onPosIfAny": "onNegIfAny", "onNegIfAny": "onPosIfAny"}
    mirrored = [sorted(re.sub("onPosIfAny|onNegIfAny", lambda m: swap[m[0]], line) for line in v) for v in variants]

    assert sorted(variants) == sorted(mirrored)


def test_cards_that_fix_no_charge_have_one_variant():
    fixed = {name for name in ALL if "onPosIfAny" in (CARDS / f"{name}.yaml").read_text(encoding="utf-8")}

    assert fixed == {name for name in ALL if len(load_card(name).variants) == 2}
    assert {"tt_semi", "zprime", "higgs"} <= fixed


def test_no_card_switches_what_is_common_to_all():
    for name in ALL:
        assert not re.search("PartonLevel:MPI|Beams:|Random:", (CARDS / f"{name}.yaml").read_text(encoding="utf-8"))


def test_the_end_of_the_name_sets_the_parameter():
    assert "32:m0 = 750" in load_card("zprime_750").settings_of(1)
    assert "32:m0 = 1000" in load_card("zprime").settings_of(0)


def test_an_unknown_card_answers_with_the_nearest():
    with pytest.raises(InputError, match=r"No process card 'tt_dilepp'\. Nearest: 'tt_dilep'"):
        load_card("tt_dilepp")


def test_a_parameter_out_of_its_range_is_refused():
    with pytest.raises(InputError, match=r"mass_gev is 20; expected 400 to 5000"):
        load_card("zprime_20")


def test_a_number_for_a_card_without_parameter_is_refused():
    with pytest.raises(InputError, match=r"has no parameter that could be 3"):
        load_card("tt_semi_3")


def test_a_misspelt_key_of_a_card_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text("description: d\nsource: s\nsetting: [a = b]\n", encoding="utf-8")

    with pytest.raises(InputError, match=r"setting: is no key of a card\. Nearest: 'settings'"):
        load_card("mine", folder=tmp_path)


def test_a_file_of_the_whole_name_goes_before_a_parameter(tmp_path):
    (tmp_path / "mine_1.yaml").write_text("description: d\nsource: s\nsettings: [a = b]\n", encoding="utf-8")

    assert load_card("mine_1", folder=tmp_path).value is None
