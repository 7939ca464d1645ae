"""Topics: what a short text is about, for classes that are predicted by their names.

Three of the six topics are in no training example. What a text says is the same in all languages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.core.files import write_atomic
from harness.data.sample.grammar import join, realise
from harness.data.sample.lexicon import LANGUAGES, hyponyms, table
from harness.data.sample.meaning import Fact, Ref
from harness.data.sample.sizes import Size
from harness.data.sample.world import World

SEEN = ("animal", "organisation", "vehicle")
UNSEEN = ("artist", "fruit", "instrument")
TOPICS = tuple(sorted((*SEEN, *UNSEEN)))
ORGANISATIONS = ("bank", "hospital", "museum", "university")


@dataclass(frozen=True)
class Topical:
    """A text of two facts, and its topic."""

    topic: str
    facts: tuple[Fact, ...]

    def text(self, language: str) -> str:
        """The text in a language."""
        return join([realise(fact, language) for fact in self.facts])


def topical(world: World, count: int, topics: tuple[str, ...]) -> Iterator[Topical]:
    """Texts on the topics in turn. Whoever acts has a name and no occupation, so that there is one topic only."""
    for index in range(count):
        topic = topics[index % len(topics)]
        first = _fact(world, topic)
        yield Topical(topic, (first, _fact(world, topic, first)))


def _fact(world: World, topic: str, *before: Fact) -> Fact:
    if topic == "organisation":
        fact = world.life(world.rng.choice(("works", "founded", "based")))
        heads = [head for head in ORGANISATIONS if head not in {one["O"].key for one in before}]
        return fact.put(O=replace(fact["O"], keys=(world.rng.choice(heads), fact["O"].keys[1])))
    about = [key for key in hyponyms(topic) if key not in {one["O"].key for one in before}]
    fact = world.deed(human=topic == "artist")
    return fact.put(A=world.person(), O=Ref("noun", (world.rng.choice(about),)))


def names(language: str) -> dict[str, list[str]]:
    """Names of the topics in a language: the general word, where the lexicon has one, and words for what is below it."""
    things = [topic for topic in TOPICS if topic != "organisation"]
    found = {topic: [_noun(key, language) for key in (topic, *hyponyms(topic))] for topic in things}
    return found | {"organisation": [_organisation(key, language) for key in ORGANISATIONS]}


def _noun(key: str, language: str) -> str:
    forms = table("nouns")[key].forms(language)
    return _plain(forms[0] if language in ("en", "ko", "zh") else forms[1])  # elsewhere the gender stands first


def _organisation(key: str, language: str) -> str:
    return _plain(table("organisations")[key].forms(language)[-1].partition("~")[0])


def _plain(cell: str) -> str:
    """The words of a cell, without the place of a name, tags and quotation marks."""
    return " ".join(word.partition("/")[0] for word in cell.split() if word != "X" and not word.endswith("/PUNCT"))


def write_topics(folder: Path, seed: int, size: Size) -> None:
    """Writes English training and dev texts on the topics that are seen, test texts on all, and names of the topics."""
    for split, count, topics in (
        ("train", size.train // 8, SEEN),
        ("dev", size.dev, SEEN),
        ("test", size.test, TOPICS),
    ):
        made = list(topical(World(seed, f"topics/{split}"), count, topics))
        for code in LANGUAGES if split == "test" else ("en",):
            rows = [{"text": item.text(code), "topic": item.topic} for item in made]
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            write_atomic(folder / "topics" / f"{split}-{code}.jsonl", lines)
    for code in LANGUAGES:
        known = names(code)
        for task, topics in (("topics", TOPICS), ("topics_seen", SEEN)):
            own = {topic: known[topic] for topic in topics}
            write_atomic(
                folder / "labels" / task / f"{code}.json", json.dumps(own, ensure_ascii=False, indent=1) + "\n"
            )
