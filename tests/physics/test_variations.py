import pytest

from pipeline.errors import InputError
from pipeline.physics.variations import check_variation


def test_an_unknown_variation_is_told_with_the_nearest():
    with pytest.raises(InputError, match=r"Variation 'nominl' is not known to this processor\. Nearest: 'nominal'\."):
        check_variation("nominl")


def test_a_known_variation_passes():
    check_variation("jes_up", known=("nominal", "jes_up"))
