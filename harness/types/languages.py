"""The languages of XTREME and XTREME-R: code, name, script, family (Glottolog), resource class (Joshi et al. 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from harness.core.errors import UsageError, did_you_mean


@dataclass(frozen=True, slots=True)
class Language:
    """One language; ``code`` is the BCP-47 code that XTREME uses, ``script`` an ISO 15924 code."""

    code: str
    iso639_3: str
    name: str
    script: str
    family: str
    genus: str
    resource_class: int | None


@cache
def languages() -> dict[str, Language]:
    """All known languages by code."""
    table = (files("harness.types") / "languages.tsv").read_text(encoding="utf-8").splitlines()[1:]
    found = {}
    for line in table:
        code, iso, name, script, family, genus, resource = line.split("\t")
        found[code] = Language(code, iso, name, script, family, genus, int(resource) if resource else None)
    return found


def language(code: str) -> Language:
    """The language with this code; :class:`UsageError` with suggestions where there is none."""
    known = languages()
    if code not in known:
        by_name = {entry.name.lower(): entry.code for entry in known.values()}
        hint = f"did you mean {by_name[code.lower()]!r}?" if code.lower() in by_name else did_you_mean(code, known)
        raise UsageError(f"unknown language {code!r}", hint=hint)
    return known[code]


def iso639_3(code: str) -> str:
    """The three-letter code, as Tatoeba spells it: ``iso639_3("de") == "deu"``."""
    return language(code).iso639_3


def language_name(code: str) -> str:
    """The English name, as UD spells it: ``language_name("de") == "German"``."""
    return language(code).name
