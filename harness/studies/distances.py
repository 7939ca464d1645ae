"""A user's own table of distances between languages, for a study's analysis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from harness.core.border import border
from harness.core.errors import DataError, did_you_mean
from harness.types.languages import languages
from harness.types.studies import Study

_FORM = "a line of three columns apart by tabs expected: two codes of languages and a number from 0 on"


def with_distances(study: Study, file: str | Path | None) -> Study:
    """The study with the distances of a file in place of its own; itself without one."""
    return replace(study, distances=read_distances(Path(file))) if file else study


def read_distances(path: Path) -> Mapping[str, Mapping[str, float]]:
    """Distances by both codes, from lines "es<TAB>sw<TAB>0.61"; a head and empty lines are passed over.

    A pair holds in both directions. DataError for a language that there is not, a distance that is none, or a pair that has
    two of them.
    """
    with border(f"{path} cannot be read", DataError):
        lines = path.read_text(encoding="utf-8").splitlines()
    found: dict[str, dict[str, float]] = {}
    known = languages()
    for number, line in enumerate(lines, start=1):
        cells = [cell.strip() for cell in line.split("\t")]
        if cells == [""] or (number == 1 and len(cells) == 3 and not {*cells[:2]} & {*known}):
            continue
        at = f"{path}:{number}"
        if len(cells) != 3 or not _is_distance(cells[2]):
            raise DataError(f"{at}: {line[:80]!r}", hint=_FORM)
        one, other, far = cells[0], cells[1], float(cells[2])
        for code in (one, other):
            if code not in known:
                raise DataError(f"{at}: no language {code!r}", hint=did_you_mean(code, known))
        if found.get(one, {}).get(other, found.get(other, {}).get(one, far)) != far:
            raise DataError(f"{at}: {one} and {other} have another distance above", hint="one line a pair")
        found.setdefault(one, {})[other] = far
    if not found:
        raise DataError(f"{path}: no distance in it", hint=_FORM)
    return found


def _is_distance(text: str) -> bool:
    try:
        return 0 <= float(text) < float("inf")
    except ValueError:
        return False
