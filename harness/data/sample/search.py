"""The files of XTREME-R's search tasks: questions with sentences of paragraphs (LAReQA), mentions of people (Mewsli-X)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from harness.core.files import write_atomic
from harness.data.sample.grammar import Utterance, join, realise
from harness.data.sample.lexicon import LANGUAGES
from harness.data.sample.meaning import Ref
from harness.data.sample.questions import Asked, questions
from harness.data.sample.sizes import Size
from harness.data.sample.tables import Row, write_lines
from harness.data.sample.world import World

TASKS = {"lareqa": "ar de en es hi ru zh", "mewslix": "ar de en es"}


def write_search(folder: Path, seed: int, size: Size) -> None:
    """Writes every file of LAReQA and Mewsli-X, in their published formats."""
    asked = list(questions(World(seed, "lareqa"), size.test))
    for code in TASKS["lareqa"].split():
        data = {"data": [{"title": "sample", "paragraphs": list(_paragraphs(asked, code))}], "version": "1.1"}
        write_atomic(folder / "lareqa" / "xquad-r" / f"{code}.json", json.dumps(data, ensure_ascii=False) + "\n")
    _mentions(folder / "mewslix", seed, size)


def _paragraphs(asked: Iterable[Asked], language: str) -> Iterator[Row]:
    for facts, about in groupby(asked, key=lambda question: question.facts):
        sentences = [realise(fact, language, style) for fact, style in facts]
        rows = [question.row(language) for question in about]
        answers = [
            [
                {"text": text, "answer_start": start}
                for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
            ]
            for row in rows
        ]
        yield {
            "context": join(sentences),
            "sentence_breaks": [list(span) for span in _breaks(sentences)],
            "qas": [
                {"id": row["id"], "question": row["question"], "answers": found}
                for row, found in zip(rows, answers, strict=True)
            ],
        }


def _breaks(sentences: Sequence[Utterance]) -> list[tuple[int, int]]:
    spans, start = [], 0
    for sentence in sentences:
        spans.append((start, start + len(sentence.text)))
        start = spans[-1][1] + (sentence.language != "zh")
    return spans


def _mentions(folder: Path, seed: int, size: Size) -> None:
    world = World(seed, "mewslix")
    people = _people(world, 2 * size.test)
    names = {person: f"Q{number}" for number, person in enumerate(people, 1)}
    entities = [_entity(world, person, names[person], world.rng.choice(LANGUAGES)) for person in people]
    _write(folder / "candidate_set_entities.jsonl", entities)
    mentioned = people[: size.test]
    for split, count in (("dev", size.dev), ("test", size.test)):
        articles = [
            _article(world, person, names[person], language, f"{split}-{language}-{number:05d}")
            for language in TASKS["mewslix"].split()
            for number, person in enumerate((mentioned * (count // len(mentioned) + 1))[:count])
        ]
        _write(folder / f"wikinews_mentions-{split}.jsonl", articles)
    for split, count in (("train", size.train), ("dev", size.dev)):
        others = World(seed, f"mewslix/{split}")
        _write(folder / f"wikipedia_pairs-{split}.jsonl", [_pair(others, f"{split}-{i:05d}") for i in range(count)])


def _people(world: World, count: int) -> list[Ref]:
    """Different people, as many as asked for if there are names enough."""
    people: dict[Ref, None] = {}
    for _ in range(20 * count):
        people.setdefault(world.person())
        if len(people) == count:
            break
    return list(people)


def _entity(world: World, person: Ref, name: str, language: str) -> Row:
    facts = [world.life("born", person), world.life("lives", person), world.life("works", person)]
    sentences = [realise(fact, language) for fact in facts[: world.rng.randint(2, 3)]]
    return {
        "entity_id": name,
        "title": sentences[0].span("A")[0],
        "description": join(sentences),
        "description_language": language,
        "description_url": "",
        "sentence_spans": _spans(sentences),
    }


def _article(world: World, person: Ref, name: str, language: str, key: str) -> Row:
    facts = [world.deed(human=False).put(A=person), world.deed(), world.quality()]
    about = facts[0]
    world.rng.shuffle(facts)
    sentences = [realise(fact, language) for fact in facts]
    place = facts.index(about)
    text, start = sentences[place].span("A")
    start += _breaks(sentences)[place][0]
    context = {
        "document_id": key,
        "document_title": "",
        "document_url": "",
        "language": language,
        "text": join(sentences),
        "sentence_spans": _spans(sentences),
    }
    span = {"start": start, "end": start + len(text), "text": text}
    return {"context": context, "mentions": [{"example_id": key, "mention_span": span, "entity_id": name}]}


def _pair(world: World, key: str) -> Row:
    person = world.person()
    article = _article(world, person, f"P-{'-'.join(person.keys)}", "en", key)
    mention = article["mentions"][0]
    return {
        "contextual_mention": {"context": article["context"], "mention": mention},
        "entity": _entity(world, person, mention["entity_id"], "en"),
    }


def _spans(sentences: Sequence[Utterance]) -> list[dict[str, int]]:
    return [{"start": start, "end": end} for start, end in _breaks(sentences)]


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    write_lines(path, [json.dumps(row, ensure_ascii=False) for row in rows])
