"""Word forms: articles, cases, agreement and particles of the ten languages, as far as the frames need them."""

from __future__ import annotations

from typing import NamedTuple

from harness.data.sample.lexicon import LexiconEntry, table
from harness.data.sample.meaning import Ref


class Token(NamedTuple):
    """A word: ``suffix`` is a particle written with it; ``role`` the slot it fills; ``entity`` PER, ORG or LOC."""

    text: str
    pos: str
    role: str = ""
    entity: str = ""
    suffix: str = ""

    @property
    def surface(self) -> str:
        """The word as it is written."""
        return self.text + self.suffix


VERB_FORMS = {
    "en": "base past pp", "de": "inf past pp", "es": "inf past pp", "fr": "inf pp", "ru": "inf past.m past.f",
    "ar": "masdar past.m past.f", "hi": "inf past.m past.f past.mp past.fp", "zh": "base", "sw": "stem",
    "ko": "past stem",
}  # fmt: skip
HINDI_OBJECT_VERB = "inf past mark"  # verbs that take a person: the object carries a postposition and does not agree
SWAHILI_PREFIX = {"past": "ali", "neg": "haku", "inf": "ku", "rel": "aliye"}
ARTICLES = {
    "de": {"nom": {"m": "der", "f": "die", "n": "das"}, "acc": {"m": "den", "f": "die", "n": "das"},
           "dat": {"m": "dem", "f": "der", "n": "dem"}},
    "es": {"nom": {"m": "el", "f": "la"}},
    "fr": {"nom": {"m": "le", "f": "la"}},
    "en": {"nom": {"m": "the"}},
}  # fmt: skip
PRONOUNS = {
    "en": "he she", "de": "er sie", "es": "él ella", "fr": "il elle", "ru": "он она", "ar": "هو هي", "hi": "वह वह",
    "zh": "他 她", "sw": "yeye yeye", "ko": "그 그녀",
}  # fmt: skip
PARTICLES = {"은": ("은", "는"), "이": ("이", "가"), "을": ("을", "를")}
GENDERS = ("m", "f", "n")


def literal(text: str, default: str) -> list[Token]:
    """``word/POS word/POS`` as tokens; a word without a tag gets the default."""
    pairs = (item.rpartition("/") for item in text.split())
    return [Token(word or tag, tag if word else default) for word, _, tag in pairs]


def gender(language: str, ref: Ref) -> str:
    """The grammatical gender (Swahili: noun class) that agreement sees; plural objects add "p" in Hindi."""
    if ref.kind == "pronoun":
        return ref.key
    if ref.kind == "person":
        known = table("names")[ref.key].features["kind"] if ref.key else "given.m"
        return known.removeprefix("given.")
    if ref.kind == "organisation":
        return table("organisations")[ref.key].forms(language)[0]
    if ref.kind == "shape":
        return table("shapes")[ref.key].forms(language)[0]
    if ref.kind != "noun" or language in ("en", "zh", "ko"):
        return "m"
    own = table("nouns")[ref.key].forms(language)[0]
    return own + "p" if ref.count and language == "hi" else own


def verb(language: str, entry: LexiconEntry, form: str, agrees: str) -> list[Token]:
    """A form of a verb ("" is the first one), agreeing with a gender where the language wants it."""
    forms = entry.forms(language)
    if language == "sw":
        return [Token(SWAHILI_PREFIX.get(form, "ku") + forms[0], "VERB")]
    if language == "ko" and form == "q":
        return [Token(forms[0].removesuffix("다") + "나", "VERB")]
    human = language == "hi" and entry.features["kind"] == "human"
    names = (HINDI_OBJECT_VERB if human else VERB_FORMS[language]).split()
    if form in ("past", "") and form not in names:
        form = next((f"past.{g}" for g in (agrees, "m") if form and f"past.{g}" in names), names[0])
    text = forms[names.index(form)]
    if form == "pp" and agrees == "f" and language in ("es", "fr"):
        text = text[:-1] + "a" if language == "es" else text + "e"
    return literal(text, "VERB")


def adjective(language: str, entry: LexiconEntry, form: str, agrees: str) -> list[Token]:
    """A predicative adjective, agreeing with its subject; ``cop`` is the Spanish copula that goes with it."""
    forms = entry.forms(language)
    if form == "cop":
        return [Token(forms[2], "AUX")]
    if language == "ko":
        return [Token(forms[1] if form == "stem" else forms[0], "ADJ")]
    order = ("ki", "n", "m", "ji") if language == "sw" else GENDERS
    place = order.index(agrees) if agrees in order else 0
    text = forms[place] if place < len(forms) and forms[place] else forms[0]
    if form == "acc" and agrees == "m":
        text += "ا"
    return literal(text, "ADJ")


def article(language: str, form: str, of: str) -> list[Token]:
    """The definite article, where the language has one as a separate word."""
    cases = ARTICLES.get(language)
    if not cases:
        return []
    case = cases.get({"obj": "acc"}.get(form, form), cases["nom"])
    return [Token(case.get(of, case["m"]), "DET")]


def noun(language: str, ref: Ref, form: str) -> list[Token]:
    """A noun phrase: definite, or counted where ``ref.count`` is set."""
    forms = table("nouns")[ref.key].forms(language)
    gendered = language not in ("en", "zh", "ko")
    singular, *rest = forms[1:] if gendered else forms
    extra = rest[-1] if rest else ""
    if form == "counter":
        return [Token(extra, "NOUN")]
    if form == "indef":
        bare = singular.removeprefix("ال")
        return [Token(bare if bare.endswith(("ة", "ء")) else bare + "ا", "NOUN", "O")]
    if form == "plural":
        return literal(singular if language in ("zh", "ko") else extra, "NOUN")
    if ref.count:
        return _counted(language, ref.count, singular, extra)
    # A thing that is the object of a Hindi verb stays in the direct case.
    direct = language == "hi" and form == "obj" and table("nouns")[ref.key].features["kind"] == "thing"
    if language in ("de", "ru", "hi") and form in {"obj", "acc", "dat", "obl", "erg"} and not direct:
        singular = rest[0] if rest and rest[0] else singular
    return article(language, form, forms[0]) + literal(singular, "NOUN")


def _counted(language: str, count: int, base: str, plural: str) -> list[Token]:
    number = Token(str(count), "NUM", "N")
    if language == "zh":
        return [number, Token(plural, "NOUN", "-"), Token(base, "NOUN")]
    if language == "ko":
        return [Token(base, "NOUN"), number._replace(suffix=plural)]
    nouns = literal(plural, "NOUN")
    return [*nouns, number] if language == "sw" else [number, *nouns]


def name(language: str, key: str, form: str, entity: str) -> list[Token]:
    """A proper name, one token a word."""
    entry = table("names")[key]
    forms = entry.forms(language)
    text = forms[1] if form == "prep" and len(forms) > 1 else forms[0]
    return [Token(word, "PROPN", entity=entity) for word in text.split()]


def person(language: str, ref: Ref, form: str) -> list[Token]:
    """A full name, a given name or a surname."""
    sex = gender(language, ref)
    parts = [name(language, key, "", "PER") for key in ref.keys if key]
    if language == "ru" and form in ("obj", "acc"):
        female = sex == "f"
        parts = [[token._replace(text=_russian_accusative(token.text, female)) for token in part] for part in parts]
    if language == "zh" and len(parts) == 2:
        parts.insert(1, [Token("·", "PUNCT", entity="PER")])
    return [token for part in parts for token in part]


def _russian_accusative(word: str, female: bool) -> str:
    if word[-1] in "ая":
        return word[:-1] + {"а": "у", "я": "ю"}[word[-1]]
    if female or word[-1] in "еиоу":
        return word
    return word[:-1] + "я" if word[-1] in "ьй" else word + "а"


def organisation(language: str, ref: Ref, form: str) -> list[Token]:
    """The name of an organisation, after its article where the language wants one."""
    of, cell = table("organisations")[ref.key].forms(language)
    tokens: list[Token] = []
    for item in cell.split():
        if item == "X":
            tokens += name(language, ref.keys[1], "", "ORG")
            continue
        word, _, pos = item.partition("/")
        nominative, _, prepositional = word.partition("~")
        chosen = prepositional if prepositional and form == "prep" else nominative
        tokens.append(Token(chosen, pos or "PROPN", entity="ORG"))
    return (article(language, form, of) if language != "en" else []) + tokens


def pronoun(language: str, ref: Ref, form: str) -> list[Token]:
    """A third-person subject pronoun."""
    if language == "hi" and form in ("erg", "obl"):
        return [Token("उसने" if form == "erg" else "उस", "PRON")]
    return [Token(PRONOUNS[language].split()[GENDERS.index(ref.key)], "PRON")]


def particle(word: str, wanted: str) -> str:
    """The Korean particle that fits the last syllable: with or without a final consonant."""
    if wanted not in PARTICLES:
        return wanted
    closed, is_open = PARTICLES[wanted]
    last = ord(word[-1]) - 0xAC00
    return closed if 0 <= last < 11172 and last % 28 else is_open
