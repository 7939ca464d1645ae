"""Languages: those of XTREME and XTREME-R in a table with fixed entries, those that plugins add, and all others.

Names and scripts of the others are CLDR's and those of the IANA registry; families are Glottolog's (Hammarström, Forkel and
Haspelmath, version 4.0, CC BY 4.0). ``tools/world_languages.py`` writes their table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
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


_TAG = re.compile(
    r"(?P<language>[a-z]{2,3})(-(?P<script>[A-Z][a-z]{3}))?(-(?P<region>[A-Z]{2}|[0-9]{3}))?"
    r"(?P<rest>(-([a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(-[a-wy-z]-[a-z0-9-]+)?(-x(-[a-z0-9]{1,8})+)?)"
)
"""A BCP 47 tag as it is usually written: ``sr-Latn-RS``, ``de-1996``, ``en-x-simple``."""


@cache
def _world() -> dict[str, list[str]]:
    """The rows of the table of all languages by code."""
    table = (files("harness.types") / "world_languages.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return {line.partition("\t")[0]: line.split("\t") for line in table}


def _described(code: str, registered: Mapping[str, Language]) -> Language | None:
    """The language of a BCP 47 tag, as its parts describe it; None for what is none."""
    match = _TAG.fullmatch(code) if isinstance(code, str) else None
    if match is None:
        return None
    name, row = match["language"], _world().get(match["language"])
    base = registered.get(name)
    if base is None and row is not None:
        base = Language(name, row[1], row[2], row[3], row[4], row[5])
    if base is None or code == name:
        return base
    scripts = dict(pair.split(":") for pair in row[6].split()) if row else {}
    script = match["script"] or scripts.get(match["region"] or "", base.script)
    parts = ", ".join(filter(None, (match["script"], match["region"], match["rest"].strip("-"))))
    return replace(base, code=code, name=f"{base.name} ({parts})", script=script)


class KnownLanguages(Mapping[str, Language]):
    """Languages by BCP 47 code. Any that exists is found; the registered ones are listed.

    A tag of several parts takes name, family and class from its language, and its script from the tag, else from CLDR's
    likely script: ``zh-TW`` is written in Hant, ``sr-Latn`` in Latn.
    """

    def __init__(self, registered: Mapping[str, Language]) -> None:
        self._registered = dict(registered)

    def __getitem__(self, code: str) -> Language:
        found = self._registered.get(code) or _described(code, self._registered)
        if found is None:
            raise KeyError(code)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._registered)

    def __len__(self) -> int:
        return len(self._registered)

    def suggest(self, text: str) -> str:
        """A hint for what is no code: one that has this name, another spelling of it, or a similar one."""
        by_name = {language.name.lower(): code for code, language in self.items()}
        usual = "-".join(
            part.lower() if place == 0 else part.title() if len(part) == 4 else part.upper() if len(part) == 2 else part
            for place, part in enumerate(text.replace("_", "-").split("-"))
        )
        others = {row[2].lower(): code for code, row in _world().items()} | {
            row[1]: code for code, row in _world().items() if row[1] != code
        }
        language, *more = usual.split("-")
        canonical = "-".join((others.get(language, language), *more))
        found = by_name.get(text.lower()) or (canonical if canonical in self else others.get(text.lower()))
        if found is not None and found != text:
            return f"did you mean {found!r}?"
        near = did_you_mean(text, self)
        return f"{near if near.startswith('did') else ''} a BCP 47 code, such as 'sw' or 'sr-Latn', is expected".strip()


_ADDED: dict[str, Language] = {}


def add_languages(added: Iterable[Language]) -> None:
    """Makes the names and scripts of further languages known to all of this process: they are facts, not settings.

    Which languages a task may have, and which ones a selector finds, is up to a registry.
    """
    _ADDED.update((language.code, language) for language in added)


def languages() -> KnownLanguages:
    """All languages by code; listed are those that are registered in this process, those of plugins first."""
    return KnownLanguages({**_ADDED, **first_party_languages()})


def language(code: str, known: KnownLanguages | None = None) -> Language:
    """The language with this code; :class:`UsageError` with suggestions where there is none."""
    known = languages() if known is None else known
    if code not in known:
        raise UsageError(f"unknown language {code!r}", hint=known.suggest(code))
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


def primary_code(code: str) -> str:
    """The code of a language without script and region: "zh" of "zh-Hant" and of "zh-TW"."""
    return code.partition("-")[0]


def iso639_3(code: str) -> str:
    """The three-letter code, as Tatoeba spells it: ``iso639_3("de") == "deu"``."""
    return language(code).iso639_3


def language_name(code: str) -> str:
    """The English name, as UD spells it: ``language_name("de") == "German"``."""
    return language(code).name
