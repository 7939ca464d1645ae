"""From a meaning to a sentence in each language: fills the frame of the language, then spells the words together.

An item of a frame is ``word/POS``, ``w|w/POS:A`` (the form that agrees with slot A), or a slot with a form
(``V.past:A``, ``O.obj``); ``+`` joins a particle. Empty slots vanish, so that one frame serves with and without a
place or time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property

from harness.data.sample import morphology
from harness.data.sample.lexicon import table
from harness.data.sample.meaning import Fact, Ref
from harness.data.sample.morphology import GENDERS, Token

ITEM = re.compile(r"(?P<core>[^/:+]+)(?:/(?P<pos>[A-Z]+))?(?::(?P<agree>[A-Z]))?(?:\+(?P<suffix>\S+))?")
SLOT = re.compile(r"(?P<slot>[A-Z])(?:\.(?P<form>\w+))?")
STOPS = {"zh": ("。", "？"), "hi": ("।", "?"), "ar": (".", "؟")}
VOWELS = "aeiouhâéèêîôû"


@dataclass(frozen=True)
class Sentence:
    """A realised sentence: its tokens, spelt out with the position of each."""

    language: str
    tokens: tuple[Token, ...]

    @cached_property
    def _spelt(self) -> tuple[str, list[int]]:
        text, starts = "", []
        for before, token in zip((None, *self.tokens), self.tokens, strict=False):
            if before is not None and not _glued(self.language, before.surface, token.text):
                text += " "
            starts.append(len(text))
            text += token.surface
        return text, starts

    @property
    def text(self) -> str:
        """The sentence as it is written."""
        return self._spelt[0]

    def span(self, role: str) -> tuple[str, int]:
        """The words that fill a slot, without article and particle, and their character offset."""
        text, starts = self._spelt
        places = [i for i, token in enumerate(self.tokens) if token.role == role]
        start, last = starts[places[0]], places[-1]
        return text[start : starts[last] + len(self.tokens[last].text)], start


def realise(fact: Fact, language: str, style: str = "") -> Sentence:
    """The sentence for a fact; ``style`` is "front" or "passive", ignored by frames that lack it."""
    frame = fact.frame + (".not" if fact.negated else "")
    styled = f"{frame}.{style}"
    if style and styled in table("frames") and (style != "front" or "T" in fact):
        frame = styled
    return _sentence(language, _fill(language, frame, fact.slots), question=False)


def ask(frame: str, fact: Fact, language: str, *unknown: str) -> Sentence:
    """The question ``?frame`` of ``frames.tsv`` about a fact, whose ``unknown`` slots it leaves out."""
    return _sentence(language, _fill(language, f"?{frame}", fact.drop(*unknown).slots), question=True)


def join(sentences: list[Sentence]) -> str:
    """A paragraph."""
    return join_texts(sentences[0].language, *(sentence.text for sentence in sentences))


def join_texts(language: str, *texts: str) -> str:
    """Sentences side by side, as the language spaces them."""
    return ("" if language == "zh" else " ").join(texts)


@cache
def _frame(language: str, name: str) -> tuple[dict[str, str | None], ...]:
    cell = table("frames")[name].cells[language]
    matches = [ITEM.fullmatch(item) for item in cell.split()]
    return tuple(match.groupdict() for match in matches if match)


def _fill(language: str, frame: str, slots: Mapping[str, Ref]) -> list[Token]:
    tokens: list[Token] = []
    for item in _frame(language, frame):
        core, pos, agree = item["core"] or "", item["pos"], item["agree"]
        agrees = morphology.gender(language, slots[agree]) if agree and agree in slots else ""
        slot = SLOT.fullmatch(core)
        if pos:
            options = core.split("|")
            place = GENDERS.index(agrees[0]) if agrees else 0
            made = [Token(options[min(place, len(options) - 1)], pos)]
        elif slot is None or slot["slot"] not in slots:
            continue
        else:
            made = _slot(language, slot["slot"], slots, slot["form"] or "", agrees)
        if item["suffix"] and made:
            last = made[-1]
            ending = morphology.particle(last.surface, item["suffix"])
            made[-1] = replace(last, suffix=last.suffix + ending)
        tokens += made
    return tokens


def _slot(language: str, slot: str, slots: Mapping[str, Ref], form: str, agrees: str) -> list[Token]:
    ref = slots[slot]
    if ref.kind == "verb":
        return morphology.verb(language, table("verbs")[ref.key], form, agrees)
    if ref.kind == "adjective":
        return morphology.adjective(language, table("adjectives")[ref.key], form, agrees)
    if ref.kind == "day":
        return _phrase(table("days")[ref.key].cells[language])
    if ref.kind == "year":
        filled = _fill(language, "@year", {"Y": replace(ref, kind="number")})
        return [replace(token, role=slot) if token.pos == "NUM" else token for token in filled]
    if ref.kind == "number":
        return [Token(ref.key, "NUM")]
    if ref.kind == "place":
        if slot != "X" and form != "raw":
            return [
                replace(token, role=slot) if token.role == "X" else token
                for token in _fill(language, "@place", {"X": ref})
            ]
        tokens = morphology.name(language, ref.key, form, "LOC")
    else:
        tokens = getattr(morphology, ref.kind)(language, ref, form)
    human = ref.kind == "person" or (ref.kind == "noun" and table("nouns")[ref.key].features["kind"] == "human")
    tokens = [token if token.role or token.pos == "DET" else replace(token, role=slot) for token in tokens]
    if language == "es" and form == "obj" and human:
        tokens.insert(0, Token("a", "ADP"))
    if language == "hi" and form == "erg" and ref.kind != "pronoun":
        tokens.append(Token("ने", "ADP"))
    if language == "hi" and form == "obj" and "V" in slots and human:
        tokens.append(Token(table("verbs")[slots["V"].key].forms("hi")[2], "ADP"))
    return tokens


def _phrase(cell: str) -> list[Token]:
    tokens = []
    for item in cell.split():
        word, _, suffix = item.partition("+")
        token = morphology.literal(word, "NOUN")[0]
        tokens.append(replace(token, role="" if token.pos == "ADP" else "T", suffix=suffix))
    return tokens


def _sentence(language: str, tokens: list[Token], *, question: bool) -> Sentence:
    tokens = _contract(language, tokens)
    tokens.append(Token(STOPS.get(language, (".", "?"))[question], "PUNCT"))
    first = tokens[0]
    tokens[0] = replace(first, text=first.text[0].upper() + first.text[1:])
    if language == "es" and question:
        tokens.insert(0, Token("¿", "PUNCT"))
    return Sentence(language, tuple(tokens))


def _contract(language: str, tokens: list[Token]) -> list[Token]:
    """Elides and fuses: le ami -> l'ami, a el -> al, von dem -> vom; keeps Hindi compounds' negation in place."""
    made: list[Token] = []
    for token in tokens:
        before = made[-1] if made else None
        if before is not None:
            pair = (language, before.text, token.text)
            if pair in {("es", "a", "el"), ("de", "von", "dem")}:
                made[-1] = replace(before, text={"es": "al", "de": "vom"}[language])
                continue
            if language == "fr" and token.text[0].lower() in VOWELS and before.text in ("le", "la", "que", "de"):
                made[-1] = replace(before, text=before.text[:-1] + "'")
            if language == "hi" and before.text == "नहीं" and token.pos in ("NOUN", "ADJ", "INTJ"):
                made.insert(-1, token)  # the negation stands before the verb of a compound
                continue
        made.append(token)
    return made


def _glued(language: str, before: str, word: str) -> bool:
    if language == "zh":
        return True
    return (
        word in {".", ",", "?", "؟", "।", "»"} or word.startswith("-") or before in {"«", "¿"} or before.endswith("'")
    )
