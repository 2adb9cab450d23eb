import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.results.rounding import digits_after_point, lumi_text, p_text, with_error


@pytest.mark.parametrize(
    ("error", "digits"),
    [(0.119, 2), (0.354, 2), (0.355, 1), (0.949, 1), (0.95, 1), (0.0096, 3), (35.4, 0), (36.0, -1), (9999.0, -3)],
)
def test_errors_round_as_the_particle_data_group_rounds(error, digits):
    assert digits == digits_after_point(error)


@given(st.floats(-1e5, 1e5), st.floats(1e-3, 1e4))
def test_rounding_moves_a_value_by_less_than_its_error(value, error):
    shown, shown_error = with_error(value, error).replace(",", "").split(" ± ")

    assert abs(float(shown) - value) <= 0.5 * error
    assert float(shown_error) == pytest.approx(error, rel=0.15)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.827, 0.119, "0.83 ± 0.12"),
        (0.827, 0.367, "0.8 ± 0.4"),
        (1625432.0, 17132.0, "1,625,000 ± 17,000"),
        (0.0, 0.5, "0.0 ± 0.5"),
        (-3.646e-7, 1.2e-9, "(-3.646 ± 0.012) × 10⁻⁷"),
        (3.0, 0.0, "3"),
        (None, 0.1, "–"),
        (float("nan"), 0.1, "–"),
    ],
)
def test_a_value_is_written_with_its_error(value, error, text):
    assert text == with_error(value, error)


def test_p_values_are_short():
    assert [p_text(value) for value in (1.0, 0.05, 0.0009, float("nan"))] == ["1", "0.05", "< 0.001", "–"]


@pytest.mark.parametrize(
    ("lumi", "text"),
    [(59.83, "59.83 fb"), (1.0, "1 fb"), (0.5, "500 pb"), (1e-6, "1 nb"), (1e-9, "1 μb"), (1e-12, "0.001 μb")],
)
def test_luminosities_are_written_in_the_largest_fitting_unit(lumi, text):
    assert f"{text}$^{{-1}}$" == lumi_text(lumi)
