"""Parallel sentences: in line (Tatoeba) and hidden in two pools (BUCC)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.data.sample.grammar import realise
from harness.data.sample.tagging import statements
from harness.data.sample.world import World


def parallel(world: World, count: int, languages: Sequence[str]) -> Iterator[dict[str, str]]:
    """Sentences by language, each saying the same; no sentence twice in any language."""
    seen: set[str] = set()
    made = 0
    for fact, style in statements(world, 20 * count):
        texts = {language: realise(fact, language, style).text for language in languages}
        if seen.isdisjoint(texts.values()):
            seen.update(texts.values())
            yield texts
            made += 1
            if made == count:
                return


@dataclass(frozen=True)
class Pools:
    """A pool of foreign and one of English sentences (id, text), and the ids that belong together."""

    foreign: list[tuple[str, str]]
    english: list[tuple[str, str]]
    gold: list[tuple[str, str]]


def pools(world: World, count: int, language: str) -> Pools:
    """``count`` gold pairs among twice as many other sentences on each side, a few of which are there twice."""
    drawn = list(parallel(world, 5 * count, ("en", language)))
    pairs, *others = drawn[:count], drawn[count : 3 * count], drawn[3 * count :]
    sides: list[list[tuple[str, str]]] = []
    placed: list[dict[int, str]] = []
    for side, own in ((language, others[0]), ("en", others[1])):
        texts = [(i, texts[side]) for i, texts in enumerate(pairs)] + [(-1, texts[side]) for texts in own]
        texts += world.rng.sample(texts[count:], max(1, count // 20))
        world.rng.shuffle(texts)
        named = [(f"{side}-{number:09d}", gold, text) for number, (gold, text) in enumerate(texts, 1)]
        sides.append([(name, text) for name, _, text in named])
        placed.append({gold: name for name, gold, _ in named if gold >= 0})
    return Pools(sides[0], sides[1], sorted((placed[0][i], placed[1][i]) for i in range(count)))
