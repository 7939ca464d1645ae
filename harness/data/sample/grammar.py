"""From a meaning to a sentence in each language: fills the frame of the language, then spells the words together.

An item of a frame is ``word/POS``, ``w|w/POS:A`` (the form that agrees with slot A), or a slot with a form
(``V.past:A``, ``O.obj``); ``+`` joins a particle. Empty slots vanish, so that one frame serves with and without a
place or time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property

from harness.data.sample import morphology, shapes
from harness.data.sample.lexicon import table
from harness.data.sample.meaning import Fact, Ref
from harness.data.sample.morphology import GENDERS, Token

ITEM = re.compile(r"(?P<core>[^/:+]+)(?:/(?P<pos>[A-Z]+))?(?::(?P<agree>[A-Z]))?(?:\+(?P<suffix>\S+))?")
SLOT = re.compile(r"(?P<slot>[A-Z])(?:\.(?P<form>\w+))?")
STOPS = {"zh": ("。", "？"), "hi": ("।", "?"), "ar": (".", "؟")}
CLOSING = frozenset(".,?؟।»")
OPENING = frozenset("«¿")
VOWELS = "aeiouhâéèêîôû"


@dataclass(frozen=True)
class Utterance:
    """A realised sentence: its tokens, spelt out with the position of each."""

    language: str
    tokens: tuple[Token, ...]

    @cached_property
    def _spelt(self) -> tuple[str, list[int]]:
        text, before, starts = "", "", []
        for token in self.tokens:
            if before and not _glued(self.language, before, token.text):
                text += " "
            starts.append(len(text))
            before = token.text + token.suffix
            text += before
        return text, starts

    @property
    def text(self) -> str:
        """The sentence as it is written."""
        return self._spelt[0]

    def placed(self) -> list[tuple[Token, int]]:
        """The tokens, each with its offset in characters."""
        return list(zip(self.tokens, self._spelt[1], strict=True))

    def span(self, role: str) -> tuple[str, int]:
        """The words that fill a slot, without article and particle, and their character offset."""
        text, starts = self._spelt
        places = [i for i, token in enumerate(self.tokens) if token.role == role]
        start, last = starts[places[0]], places[-1]
        return text[start : starts[last] + len(self.tokens[last].text)], start


def realise(fact: Fact, language: str, style: str = "") -> Utterance:
    """The sentence for a fact; ``style`` is "front" or "passive", ignored by frames that lack it."""
    frame = fact.frame + (".not" if fact.negated else "")
    styled = f"{frame}.{style}"
    if style and styled in table("frames") and (style != "front" or "T" in fact):
        frame = styled
    return _sentence(language, _fill(language, frame, fact.slots), question=False)


def ask(frame: str, fact: Fact, language: str, *unknown: str) -> Utterance:
    """The question ``?frame`` of ``frames.tsv`` about a fact, whose ``unknown`` slots it leaves out."""
    return _sentence(language, _fill(language, f"?{frame}", fact.drop(*unknown).slots), question=True)


def join(sentences: list[Utterance]) -> str:
    """A paragraph."""
    return join_texts(sentences[0].language, *(sentence.text for sentence in sentences))


def join_texts(language: str, *texts: str) -> str:
    """Sentences side by side, as the language spaces them."""
    return ("" if language == "zh" else " ").join(texts)


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a frame: words with a tag, or a slot with a form."""

    words: tuple[str, ...]
    pos: str
    slot: str
    form: str
    agree: str
    suffix: str


@cache
def _frame(language: str, name: str) -> tuple[Item, ...]:
    return tuple(_item(item) for item in table("frames")[name].cells[language].split())


def _item(text: str) -> Item:
    found = ITEM.fullmatch(text)
    if found is None:
        raise ValueError(f"frames.tsv: cannot read {text!r}")
    core, pos, agree, suffix = (found[part] or "" for part in ("core", "pos", "agree", "suffix"))
    slot = None if pos else SLOT.fullmatch(core)
    if not pos and slot is None:
        raise ValueError(f"frames.tsv: {text!r} is neither word/POS nor a slot")
    return Item(
        tuple(core.split("|")), pos, slot["slot"] if slot else "", (slot["form"] or "") if slot else "", agree, suffix
    )


def _fill(language: str, frame: str, slots: Mapping[str, Ref]) -> list[Token]:
    tokens: list[Token] = []
    for item in _frame(language, frame):
        agrees = morphology.gender(language, slots[item.agree]) if item.agree in slots else ""
        if item.pos:
            place = GENDERS.index(agrees[0]) if agrees else 0
            made = [Token(item.words[min(place, len(item.words) - 1)], item.pos)]
        elif item.slot not in slots:
            continue
        else:
            made = _slot(language, item, slots, agrees)
        if item.suffix and made:
            last = made[-1]
            made[-1] = last._replace(suffix=last.suffix + morphology.particle(last.surface, item.suffix))
        tokens += made
    return tokens


def _slot(language: str, item: Item, slots: Mapping[str, Ref], agrees: str) -> list[Token]:
    ref = slots[item.slot]
    if ref.kind == "verb":
        return morphology.verb(language, table("verbs")[ref.key], item.form, agrees)
    if ref.kind == "adjective":
        return morphology.adjective(language, table("adjectives")[ref.key], item.form, agrees)
    tokens = list(_reference(language, item.slot, ref, item.form))
    if language == "hi" and item.form == "obj" and "V" in slots and _human(ref):
        tokens.append(Token(table("verbs")[slots["V"].key].forms("hi")[2], "ADP"))
    return tokens


@cache
def _reference(language: str, slot: str, ref: Ref, form: str) -> tuple[Token, ...]:
    """The words for a participant, place or time, the ones that an answer would give marked with the slot."""
    if ref.kind == "number":
        return (Token(ref.key, "NUM"),)
    if ref.kind == "day":
        return tuple(_phrase(table("days")[ref.key].cells[language]))
    if ref.kind == "year":
        filled = _fill(language, "@year", {"Y": Ref("number", ref.keys)})
        return tuple(token._replace(role=slot) if token.pos == "NUM" else token for token in filled)
    if ref.kind == "place" and slot != "X" and form != "raw":
        filled = _fill(language, "@place", {"X": ref})
        return tuple(token._replace(role=slot) if token.role == "X" else token for token in filled)
    if ref.kind == "place":
        tokens = morphology.name(language, ref.key, form, "LOC")
    elif ref.kind in ("shape", "relation"):
        return tuple(getattr(shapes, ref.kind)(language, ref, form))
    else:
        tokens = getattr(morphology, ref.kind)(language, ref, form)
    tokens = [token if token.role or token.pos == "DET" else token._replace(role=slot) for token in tokens]
    if language == "es" and form == "obj" and _human(ref):
        tokens.insert(0, Token("a", "ADP"))
    if language == "hi" and form == "erg" and ref.kind != "pronoun":
        tokens.append(Token("ने", "ADP"))
    return tuple(tokens)


def _human(ref: Ref) -> bool:
    return ref.kind == "person" or (ref.kind == "noun" and table("nouns")[ref.key].features["kind"] == "human")


def _phrase(cell: str) -> list[Token]:
    tokens = []
    for item in cell.split():
        word, _, suffix = item.partition("+")
        token = morphology.literal(word, "NOUN")[0]
        tokens.append(token._replace(role="" if token.pos == "ADP" else "T", suffix=suffix))
    return tokens


def _sentence(language: str, tokens: list[Token], *, question: bool) -> Utterance:
    tokens = _contract(language, tokens)
    tokens.append(Token(STOPS.get(language, (".", "?"))[question], "PUNCT"))
    first = tokens[0]
    tokens[0] = first._replace(text=first.text[0].upper() + first.text[1:])
    if language == "es" and question:
        tokens.insert(0, Token("¿", "PUNCT"))
    return Utterance(language, tuple(tokens))


def _contract(language: str, tokens: list[Token]) -> list[Token]:
    """Elides and fuses: le ami -> l'ami, a el -> al, von dem -> vom; keeps Hindi compounds' negation in place."""
    made: list[Token] = []
    for token in tokens:
        before = made[-1] if made else None
        if before is not None:
            pair = (language, before.text, token.text)
            if pair in {("es", "a", "el"), ("de", "von", "dem")}:
                made[-1] = before._replace(text={"es": "al", "de": "vom"}[language])
                continue
            if language == "fr" and token.text[0].lower() in VOWELS and before.text in ("le", "la", "que", "de"):
                made[-1] = before._replace(text=before.text[:-1] + "'")
            if language == "hi" and before.text == "नहीं" and token.pos in ("NOUN", "ADJ", "INTJ"):
                made.insert(-1, token)  # the negation precedes the verb of a compound
                continue
        made.append(token)
    return made


def _glued(language: str, before: str, word: str) -> bool:
    if language == "zh":
        return True
    return word in CLOSING or before in OPENING or word[0] == "-" or before[-1] == "'"
