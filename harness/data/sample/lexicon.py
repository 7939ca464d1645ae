"""The lexicons of the sample corpus: one tab-separated table a word class, one column a language.

A cell holds the forms that :mod:`harness.data.sample.morphology` names for the language and word class, separated by
``|``; an empty cell of ``names.tsv`` means "as in English".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

LANGUAGES = ("ar", "de", "en", "es", "fr", "hi", "ko", "ru", "sw", "zh")


@dataclass(frozen=True, slots=True)
class LexiconEntry:
    """One concept: its forms by language, and what the leading columns say about it (``kind``, ``isa``, ...)."""

    concept: str
    features: dict[str, str]
    cells: dict[str, str]

    def forms(self, language: str) -> list[str]:
        """The ``|``-separated forms in a language."""
        return self.cells[language].split("|")


@cache
def table(name: str) -> dict[str, LexiconEntry]:
    """A lexicon by concept, in the order of the file."""
    header, *rows = (files(__package__) / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    columns = header.split("\t")
    entries = {}
    for row in rows:
        values = dict(zip(columns, row.split("\t"), strict=True))
        cells = {code: values[code] or values["en"] for code in LANGUAGES}
        features = {key: value for key, value in values.items() if key not in LANGUAGES}
        entries[values[columns[0]]] = LexiconEntry(values[columns[0]], features, cells)
    return entries


@cache
def records(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table whose columns are not languages (``scripts``, ``knowledge``)."""
    header, *rows = (files(__package__) / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(dict(zip(header.split("\t"), row.split("\t"), strict=True)) for row in rows)


@cache
def concepts(name: str, kind: str = "") -> tuple[str, ...]:
    """The concepts of a lexicon, or those of one kind."""
    return tuple(key for key, entry in table(name).items() if not kind or entry.features["kind"] == kind)


@cache
def hyponyms(concept: str) -> tuple[str, ...]:
    """The nouns directly below a noun (``hyponyms("fruit")`` holds "apple")."""
    return tuple(key for key, entry in table("nouns").items() if entry.features["isa"] == concept)


def hypernym(concept: str) -> str:
    """The noun directly above a noun, or ""."""
    return table("nouns")[concept].features["isa"]


@cache
def synonyms(concept: str) -> tuple[str, ...]:
    """The other verbs that mean the same."""
    verbs = table("verbs")
    same = verbs[concept].features["same"]
    return tuple(key for key, entry in verbs.items() if entry.features["same"] == same and key != concept)
