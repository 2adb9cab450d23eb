"""What the Snakefile is told on its command line: which analyses, and how many simulated events."""

from __future__ import annotations

import math
from pathlib import Path

from pipeline.config import Analysis, check_plugins, load_analysis
from pipeline.errors import InputError


def load_analyses(named: str = "", *, root: str | Path = ".") -> dict[str, Analysis]:
    """The analyses *named*, separated by commas or spaces, or else all of `config/`; each is checked.

    Raises:
        InputError: there are none, or some are wrong: every one of them is named, in a line of its own.
    """
    folder = Path(root) / "config"
    names = named.replace(",", " ").split() or sorted(path.stem for path in folder.glob("*.yaml"))
    if not names:
        raise InputError(
            f"No analysis: there is no config/*.yaml in {Path(root).resolve()}. Expected the folder that holds config/,"
            " processors/ and models/. Go there, or name it with snakemake --directory."
        )
    analyses, wrong = {}, []
    for name in names:
        try:
            analysis = load_analysis(folder / f"{name}.yaml")
            check_plugins(analysis, root)
            analyses[name] = analysis
        except InputError as error:
            wrong.append(str(error))
    if wrong:
        way_on = f"\nWithout them: --config analyses={','.join(analyses)}" if analyses else ""
        raise InputError("\n".join(wrong) + way_on)
    return analyses


def size_of(given: object) -> float:
    """The factor on the number of simulated events, `--config size=…`.

    Raises:
        InputError: it is no number above 0.
    """
    try:
        size = float(str(given))
    except ValueError:
        size = math.nan
    if not 0 < size < math.inf:
        raise InputError(f"size is {given}. Expected a number above 0, such as 0.1. Correct --config size=….")
    return size
