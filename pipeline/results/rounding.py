"""How a value and its error are written: rounded as the Particle Data Group rounds."""

from __future__ import annotations

import math

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def digits_after_point(error: float) -> int:
    """How many decimals a number with *error* > 0 has; negative where it is rounded to tens or more.

    Source: PDG, Review of Particle Physics, Introduction, section 5.3: by the three leading digits of the error, 100-354
    keeps two digits, 355-949 one, and 950-999 becomes 1000 and keeps two.

    >>> [digits_after_point(error) for error in (0.0123, 0.00827, 0.0097, 36.0)]
    [3, 3, 3, -1]
    """
    exponent = math.floor(math.log10(error))
    leading = round(error * 10.0 ** (2 - exponent))
    if leading >= 950:
        return -exponent
    return 1 - exponent if leading < 355 else -exponent


def with_error(value: float | None, error: float | None) -> str:
    """*value* ± *error* as text; an en dash for a value that is not known.

    >>> with_error(0.92685, 0.00827), with_error(1234.5, 36.0), with_error(3.646e-7, 1.2e-9)
    ('0.927 ± 0.008', '1,230 ± 40', '(3.646 ± 0.012) × 10⁻⁷')
    >>> with_error(2.0, None), with_error(None, None)
    ('2', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if error is None or not math.isfinite(error) or error <= 0:
        return f"{value:.4g}"
    exponent = math.floor(math.log10(max(abs(value), error)))
    if -4 <= exponent <= 6:
        return _plus_minus(value, error)
    power = str(exponent).translate(SUPERSCRIPTS)
    return f"({_plus_minus(value / 10.0**exponent, error / 10.0**exponent)}) × 10{power}"


def p_text(p_value: float | None) -> str:
    """A p-value with two digits, or that it is very small.

    >>> p_text(0.4321), p_text(1e-9), p_text(None)
    ('0.43', '< 0.001', '–')
    """
    if p_value is None or not math.isfinite(p_value):
        return "–"
    return "< 0.001" if p_value < 0.001 else f"{p_value:.2g}"


def lumi_text(lumi_inv_fb: float) -> str:
    """An integrated luminosity in the largest unit in which it is at least one.

    >>> lumi_text(138)
    '138 fb$^{-1}$'
    >>> lumi_text(1e-6)
    '1 nb$^{-1}$'
    """
    value = lumi_inv_fb
    for unit in ("fb", "pb", "nb"):
        if value >= 1 - 1e-9:
            return f"{value:.4g} {unit}$^{{-1}}$"
        value *= 1000
    return f"{value:.4g} μb$^{{-1}}$"


def _plus_minus(value: float, error: float) -> str:
    digits = digits_after_point(error)
    shown = max(digits, 0)
    return f"{round(value, digits):,.{shown}f} ± {round(error, digits):,.{shown}f}"
