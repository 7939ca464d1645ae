"""Languages: those of XTREME and XTREME-R in a table with fixed entries, and those that plugins add."""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from threading import Lock

from harness.core.errors import UsageError, did_you_mean
from harness.types.checks import check_text, require
from harness.types.values import PluginValue

UNSPACED = frozenset({"Hans", "Hant", "Hani", "Jpan", "Thai", "Mymr", "Khmr", "Laoo"})
"""Scripts that put no space between words."""

CODE = "[a-z]{2,3}(?:-[A-Za-z0-9]{1,8})*"
"""BCP-47 codes as the harness spells them, a regular expression: lower case except after a hyphen."""


@dataclass(frozen=True)
class Language(PluginValue):
    """One language: its data for selectors, reports and attributes.

    ``code`` is its BCP-47 code ("gd"), under which tasks list it, ``iso639_3`` the three-letter code ("gla"), ``script``
    an ISO 15924 code ("Latn"). ``family`` and ``genus`` are Glottolog's; each of their words selects the language
    (``family:Celtic``). ``resource_class`` is that of Joshi et al. 2020, 0 to 5, where it is known.
    """

    kind = "language"
    hook = "harness_languages"
    named_by = "code"

    code: str
    iso639_3: str
    name: str
    script: str
    family: str
    genus: str
    resource_class: int | None = None
    provider: str = ""

    def check_key(self) -> None:
        """A BCP-47 code, in lower case except after a hyphen."""
        holds = isinstance(self.code, str) and re.fullmatch(CODE, self.code) is not None
        require(holds, "the code of a language must be a BCP-47 code, such as 'gd' or 'sr-Latn'", self.code)

    def check(self) -> None:
        """The other codes, the names, and the class."""
        where, iso, script = self.where, self.iso639_3, self.script
        holds = isinstance(iso, str) and re.fullmatch("[a-z]{3}", iso) is not None
        require(holds, f"{where}: iso639_3 must be three lower-case letters, such as 'gla'", iso)
        holds = isinstance(script, str) and re.fullmatch("[A-Z][a-z]{3}", script) is not None
        require(holds, f"{where}: script must be an ISO 15924 code, such as 'Latn'", script)
        for field in ("name", "family", "genus"):
            check_text(where, field, getattr(self, field))
        holds = self.resource_class is None or (type(self.resource_class) is int and 0 <= self.resource_class <= 5)
        require(holds, f"{where}: resource_class must be 0 to 5 or None", self.resource_class)


@cache
def first_party_languages() -> Mapping[str, Language]:
    """The languages of XTREME and XTREME-R by code."""
    table = (files("harness.types") / "languages.tsv").read_text(encoding="utf-8").splitlines()[1:]
    found = {}
    for line in table:
        code, iso, name, script, family, genus, resource = line.split("\t")
        found[code] = Language(code, iso, name, script, family, genus, int(resource) if resource else None)
    return found


_ADDED: dict[str, Language] = {}


def add_languages(added: Iterable[Language]) -> None:
    """Makes the names and scripts of further languages known to all of this process: they are facts, not settings.

    Which languages a task may have, and which ones a selector finds, is up to a registry.
    """
    _ADDED.update((language.code, language) for language in added)


def languages() -> Mapping[str, Language]:
    """All languages registered in this process by code, those of the table first."""
    return ChainMap(dict(first_party_languages()), _ADDED)


def language(code: str, known: Mapping[str, Language] | None = None) -> Language:
    """The language with this code; :class:`UsageError` with suggestions where there is none."""
    known = languages() if known is None else known
    if code not in known:
        by_name = {entry.name.lower(): entry.code for entry in known.values()}
        hint = f"did you mean {by_name[code.lower()]!r}?" if code.lower() in by_name else did_you_mean(code, known)
        raise UsageError(f"unknown language {code!r}", hint=hint)
    return known[code]


LANGUAGE = "language"
"""Column of a batch: the number of each row's language."""
_NUMBERS: dict[str, int] = {}
_NUMBERING = Lock()


def language_number(code: str) -> int:
    """The number that stands for a language in a batch, whose columns are numbers; it holds in this process alone."""
    with _NUMBERING:
        return _NUMBERS.setdefault(code, len(_NUMBERS))


def numbered_language(number: int) -> str:
    """The code of the language with this number."""
    return list(_NUMBERS)[number]


def iso639_3(code: str) -> str:
    """The three-letter code, as Tatoeba spells it: ``iso639_3("de") == "deu"``."""
    return language(code).iso639_3


def language_name(code: str) -> str:
    """The English name, as UD spells it: ``language_name("de") == "German"``."""
    return language(code).name
