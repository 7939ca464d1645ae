"""Noun phrases for the shapes of made scenes: "a big red circle", "3 kleine blaue Quadrate", in ten languages.

Indefinite, or counted. The words that say something of the picture carry the role "kind", "colour", "size" or "count".
"""

from __future__ import annotations

from collections.abc import Callable

from harness.data.sample.lexicon import table
from harness.data.sample.meaning import Ref
from harness.data.sample.morphology import GENDERS, Token, literal

_BEFORE = "size colour kind"
_AFTER = "kind colour size"
_ORDER = {"fr": "size kind colour", "es": _AFTER, "ar": _AFTER, "sw": "kind size colour"}
"""The order of the words of a phrase, where it is not size, colour and kind."""
_GERMAN = {"m": "er", "f": "e", "n": "es"}
_CLASSES = ("ji", "m", "n")  # of Swahili nouns, each with the form for one and the form for several


def shape(language: str, ref: Ref, form: str) -> list[Token]:
    """The phrase for a shape, whose keys are its kind, colour and size, in a case ("", "dat", "gen" or "obl")."""
    words = {
        "kind": _marked(_noun(language, ref, form), "kind"),
        "colour": _marked(_look(language, ref.keys[1], ref, form), "colour"),
        "size": _marked(_look(language, ref.keys[2], ref, form), "size"),
    }
    said = [token for part in _ORDER.get(language, _BEFORE).split() for token in words[part]]
    return _counted(language, ref.count, said) if ref.count else _article(language, ref, form) + said


def relation(language: str, ref: Ref, form: str) -> list[Token]:
    """Words for where one shape is, seen from another; those that a frame would have anyway have no role."""
    tokens = literal(table("relations")[ref.key].cells[language], "ADV")
    return [token._replace(role="relation") if token.pos == "ADV" else token for token in tokens]


def _marked(tokens: list[Token], role: str) -> list[Token]:
    return [token if token.pos == "ADP" else token._replace(role=role) for token in tokens]


def _forms(language: str, ref: Ref) -> list[str]:
    return table("shapes")[ref.key].forms(language)


def _noun(language: str, ref: Ref, form: str) -> list[Token]:
    forms = _forms(language, ref)
    if language in ("zh", "ko"):
        place = 0
    elif language == "en":
        place = bool(ref.count)
    elif language == "hi":
        place = 3 if ref.count else 2 if form == "obl" else 1
    else:  # after the gender; Russian counts two to four in the genitive singular
        place = 2 if ref.count or (language == "ru" and form == "gen") else 1
    return [Token(forms[place], "NOUN")]


def _look(language: str, concept: str, ref: Ref, form: str) -> list[Token]:
    """A colour or a size as an attribute, which agrees with the noun in gender, number and case."""
    forms = table("looks")[concept].forms(language)
    if language in ("en", "zh", "ko"):
        return literal(forms[0], "ADJ")
    own = _forms(language, ref)[0]
    return literal(_AGREEMENT[language](forms, own, bool(ref.count), form), "ADJ")


def _german(forms: list[str], own: str, several: bool, form: str) -> str:
    return forms[0] + ("e" if several else "en" if form == "dat" else _GERMAN[own])


def _romance(forms: list[str], own: str, several: bool, form: str) -> str:
    return forms[2 * several + (own == "f")]


def _russian(forms: list[str], own: str, several: bool, form: str) -> str:
    if several:
        return forms[5]
    return forms[3 + (own == "f")] if form == "gen" else forms[GENDERS.index(own)]


def _arabic(forms: list[str], own: str, several: bool, form: str) -> str:
    return "ال" + forms[1] if several else forms[own == "f"]


def _hindi(forms: list[str], own: str, several: bool, form: str) -> str:
    return forms[1] if own == "f" else forms[2] if several or form == "obl" else forms[0]


def _swahili(forms: list[str], own: str, several: bool, form: str) -> str:
    return forms[2 * _CLASSES.index(own) + several]


_AGREEMENT: dict[str, Callable[[list[str], str, bool, str], str]] = {
    "de": _german, "es": _romance, "fr": _romance, "ru": _russian, "ar": _arabic, "hi": _hindi, "sw": _swahili,
}  # fmt: skip


def _article(language: str, ref: Ref, form: str) -> list[Token]:
    """The indefinite article, or what stands for it."""
    if language == "zh":
        return [Token("一", "DET"), Token("个", "DET")]
    female = _forms(language, ref)[0] == "f"
    german = ("einer" if female else "einem") if form == "dat" else "eine" if female else "ein"
    articles = {"en": "a", "de": german, "es": "una" if female else "un", "fr": "une" if female else "un", "hi": "एक"}
    return [Token(articles[language], "DET")] if language in articles else []


def _counted(language: str, count: int, said: list[Token]) -> list[Token]:
    number = Token(str(count), "NUM", "count")
    if language == "zh":
        return [number, Token("个", "DET"), *said]
    if language == "ko":
        return [*said, number._replace(suffix="개")]
    return [*said, number] if language in ("ar", "sw") else [number, *said]
