"""Sentences as words with tags: parts of speech (UD-POS) and named entities (PAN-X)."""

from __future__ import annotations

from collections.abc import Iterator

from harness.data.sample.grammar import Utterance, realise
from harness.data.sample.meaning import Fact, Ref
from harness.data.sample.tables import ENTITIES, TAGS, Row
from harness.data.sample.world import World, passive_fits


def statements(world: World, count: int) -> Iterator[tuple[Fact, str]]:
    """Facts of all kinds with a word order; no English sentence twice."""
    seen: set[str] = set()
    while len(seen) < count:
        fact = world.any_fact()
        style = world.style() if passive_fits(fact) else "front"
        text = realise(fact, "en", style).text
        if text not in seen:
            seen.add(text)
            yield fact, style


def named(world: World, count: int) -> Iterator[tuple[Fact, str]]:
    """Facts about people, organisations and places, one in four without any name; no English sentence twice."""
    seen: set[str] = set()
    while len(seen) < count:
        frame = world.rng.choice(("born", "lives", "works", "founded", "based", "did", "did"))
        fact = world.deed(where=0.6, when=0.3) if frame == "did" else world.life(frame)
        if frame != "did" and "A" in fact and world.chance(0.3):
            given, family = fact["A"].keys
            fact = fact.put(A=Ref("person", (given, "") if world.chance(0.5) else ("", family)))
        style = world.style() if passive_fits(fact) else "front"
        text = realise(fact, "en", style).text
        if text not in seen:
            seen.add(text)
            yield fact, style


def part_of_speech_row(fact: Fact, style: str, language: str) -> Row:
    """A row of UD-POS."""
    tokens = realise(fact, language, style).tokens
    return {"tokens": [token.surface for token in tokens], "pos_tags": [TAGS.index(token.pos) for token in tokens]}


def entity_row(fact: Fact, style: str, language: str) -> Row:
    """A row of PAN-X; Chinese one character a token, as there."""
    words, tags = _entities(realise(fact, language, style))
    return {"tokens": words, "ner_tags": [ENTITIES.index(tag) for tag in tags], "langs": [language] * len(words)}


def _entities(sentence: Utterance) -> tuple[list[str], list[str]]:
    words: list[str] = []
    tags: list[str] = []
    before = ""
    for token in sentence.tokens:
        pieces = list(token.surface) if sentence.language == "zh" else [token.surface]
        for piece in pieces:
            words.append(piece)
            tags.append("O" if not token.entity else ("I-" if before == token.entity else "B-") + token.entity)
            before = token.entity
    return words, tags
