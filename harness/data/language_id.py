"""Identification of the language of a text: with what comes with the harness, or by a package that is installed.

Each identifier has a closed set of languages. Short texts are in none: names, numbers and the like say nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from harness.core.errors import UsageError, check_choice
from harness.core.version import __version__
from harness.data import sample
from harness.data._language_bayes import nearest_language
from harness.data.letter_scripts import letter_count
from harness.types.languages import primary_code

LEAST_LETTERS = 10
"""Letters of a text whose language can be asked for."""


class LanguageIdentifier(ABC):
    """Identifies languages by their codes, those of ``languages`` alone. ``name`` and ``version`` are for records."""

    name: str
    version: str
    languages: frozenset[str]

    @abstractmethod
    def identify(self, text: str) -> str:
        """The code of the language of a text; "" where it is none of :attr:`languages`."""

    def knows(self, code: str) -> bool:
        """Tells whether it can tell this language from others."""
        return primary_code(code) in self.languages

    def describe(self) -> dict[str, str]:
        """Name and version, for a record."""
        return {"name": self.name, "version": self.version}


class Builtin(LanguageIdentifier):
    """Scripts, and sequences of letters learned from the sample corpus (:mod:`harness.data._language_bayes`)."""

    name = "builtin"

    def __init__(self) -> None:
        self.version = __version__
        self.languages = frozenset(sample.sample_languages())

    def identify(self, text: str) -> str:
        """The nearest of ten languages."""
        return nearest_language(text)


class Lingua(LanguageIdentifier):
    """The package lingua-language-detector: 75 languages, and large models."""

    name = "lingua"

    def __init__(self) -> None:
        self.version = version("lingua-language-detector")
        self._detector: Any = import_module("lingua").LanguageDetectorBuilder.from_all_languages().build()
        known = import_module("lingua").Language.all()
        self.languages = frozenset(each.iso_code_639_1.name.lower() for each in known)

    def identify(self, text: str) -> str:
        """The most likely language; "" where it is sure of none."""
        found = self._detector.detect_language_of(text)
        return "" if found is None else str(found.iso_code_639_1.name).lower()


class Langid(LanguageIdentifier):
    """The package py3langid, the maintained edition of langid.py: 97 languages."""

    name = "langid"

    def __init__(self) -> None:
        self.version = f"py3langid {version('py3langid')}"
        langid: Any = import_module("py3langid.langid")
        self._identifier = langid.LanguageIdentifier.from_pickled_model(langid.MODEL_FILE)
        self.languages = frozenset(map(str, self._identifier.nb_classes))

    def identify(self, text: str) -> str:
        """The most likely language."""
        return str(self._identifier.classify(text)[0])


IDENTIFIERS: Mapping[str, tuple[type[LanguageIdentifier], str, str]] = {
    "builtin": (Builtin, "", ""),
    "lingua": (Lingua, "lingua", "lingua-language-detector"),
    "langid": (Langid, "py3langid", "py3langid"),
}
"""By the value of the option ``language_id``: the identifier, the module that it needs, and what pip installs for it."""


def check_identifier(name: str) -> None:
    """UsageError for an identifier that does not exist, or whose package is not installed."""
    check_choice("language_id", name, list(IDENTIFIERS))
    _, module, package = IDENTIFIERS[name]
    if module and find_spec(module) is None:
        raise UsageError(f"option language_id: {name!r} needs the package {package}", hint=f"pip install {package}")


@cache
def language_identifier(name: str) -> LanguageIdentifier:
    """The identifier of this name, loaded once; UsageError as for :func:`check_identifier`."""
    check_identifier(name)
    return IDENTIFIERS[name][0]()


def language_of(text: str, identifier: LanguageIdentifier) -> str | None:
    """The code of the language of a text; "" where the identifier finds none, None where the text is too short to ask."""
    return _identified(text, identifier) if letter_count(text) >= LEAST_LETTERS else None


@lru_cache(maxsize=1 << 16)
def _identified(text: str, identifier: LanguageIdentifier) -> str:
    return identifier.identify(text)


def language_counts(texts: Iterable[str], identifier: LanguageIdentifier) -> dict[str, int]:
    """Counts the texts in each language, the most frequent first; "short" for those that are too short."""
    found = Counter("short" if (code := language_of(text, identifier)) is None else code or "other" for text in texts)
    return dict(found.most_common())
