"""Labels of the configuration as HTML: figures set them with matplotlib's mathtext, a page cannot."""

from __future__ import annotations

import re
import unicodedata

from markupsafe import Markup, escape

SYMBOLS = {
    **{"to": " → ", "rightarrow": " → ", "times": " × ", "pm": " ± ", "geq": " ≥ ", "leq": " ≤ "},
    **{"ell": "ℓ", "infty": "∞", "sqrt": "√"},
    # Unicode's names differ from TeX's here.
    **{"lambda": "λ", "Lambda": "Λ", "phi": "φ", "varphi": "φ", "varepsilon": "ε"},
    **dict.fromkeys(("mathrm", "mathit", "mathbf", "mathsf", "text", "rm", "left", "right"), ""),
}
OVER = {"bar": "\u0304", "hat": "\u0302", "tilde": "\u0303", "vec": "\u20d7"}
SCRIPT = re.compile(r"([_^])(?:\{([^{}]*)\}|(.))")


def html_label(label: str) -> Markup:
    r"""*label* as HTML: what is between dollar signs with its indices, accents and Greek letters, the rest as it is.

    >>> html_label(r"$t\bar{t}$ → bb")
    Markup('tt̄ → bb')
    >>> html_label(r"$m_{\ell\ell}$ < 5")
    Markup('m<sub>ℓℓ</sub> &lt; 5')
    """
    parts = label.split("$")
    return Markup("").join(_math(part) if place % 2 else escape(part) for place, part in enumerate(parts))


def _math(text: str) -> Markup:
    text = re.sub(r"\\(bar|hat|tilde|vec)\{?(\w)\}?", lambda m: m[2] + OVER[m[1]], text)
    text = re.sub(r"\\([A-Za-z]+) ?", lambda m: _symbol(m[1]), text)
    text = re.sub(r"\\.", "", text).replace("-", "−")
    text = re.sub(" +", " ", text)
    html = SCRIPT.sub(_script, str(escape(text)))
    # Made of escaped text and of our own tags.
    return Markup(html.replace("{", "").replace("}", ""))


def _symbol(name: str) -> str:
    """What TeX's *name* looks like; the name itself where that is not known."""
    case = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        return SYMBOLS[name] if name in SYMBOLS else unicodedata.lookup(f"GREEK {case} LETTER {name.upper()}")
    except KeyError:
        return name


def _script(match: re.Match[str]) -> str:
    tag = "sub" if match[1] == "_" else "sup"
    return f"<{tag}>{match[2] if match[2] is not None else match[3]}</{tag}>"
