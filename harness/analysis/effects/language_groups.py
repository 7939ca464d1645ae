"""Groups of languages and distances between them, from the table of languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from harness.types.languages import KnownLanguages, Language, first_party_languages, primary_code

LOW, MIDDLE, HIGH, UNKNOWN = "low", "middle", "high", "unknown"


@cache
def _known() -> KnownLanguages:
    return KnownLanguages(first_party_languages())


def language(code: str) -> Language | None:
    """A language of the table; None for a code that is none."""
    try:
        return _known()[code]
    except KeyError:
        return None


def script_of(code: str) -> str:
    """The script of a language, "" where it is not known."""
    found = language(code)
    return found.script if found else ""


def resource_group(code: str) -> str:
    """Amount of resources by the classes of Joshi et al. 2020: 0-2 low, 3 middle, 4-5 high; unknown without a class."""
    found = language(code)
    if found is None or found.resource_class is None:
        return UNKNOWN
    return LOW if found.resource_class <= 2 else MIDDLE if found.resource_class == 3 else HIGH


def resource_groups(codes: Iterable[str], models: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The amount of resources of each language.

    Where the models say it themselves, by a factor ``low_resource`` that lists languages, those are low and all others
    high; a factor ``unseen`` lists languages that are unknown to the model, whatever their class.
    """
    named = _listed(models, "low_resource")
    unseen = _listed(models, "unseen") or set()
    found = {}
    for code in codes:
        group = resource_group(code) if named is None else LOW if code in named else HIGH
        found[code] = UNKNOWN if code in unseen else group
    return found


def _listed(models: Mapping[str, Mapping[str, Any]], factor: str) -> set[str] | None:
    values = [own[factor] for own in models.values() if isinstance(own.get(factor), list | tuple)]
    return {str(code) for value in values for code in value} if values else None


def distance(code: str, other: str) -> float | None:
    """Genealogical distance: 0 for the same language, 1 for one of its branch, 2 of its family, 3 for any other.

    Branches and families are those of the table (Glottolog's). None where a language is not in it.
    """
    mine, yours = language(code), language(other)
    if mine is None or yours is None:
        return None
    if primary_code(code) == primary_code(other):
        return 0.0
    if mine.genus and mine.genus == yours.genus:
        return 1.0
    return 2.0 if mine.family and mine.family == yours.family else 3.0


def related(code: str, others: Sequence[str]) -> bool:
    """Tells whether a language has the family or the script of one of the others."""
    return any(
        ((near := distance(code, other)) is not None and near < 3) or script_of(code) == script_of(other)
        for other in others
    )
