"""Readers of plain files that the Hub lacks: each takes paths and yields rows, or names the file and line at fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.errors import DataError
from harness.data._archive import conllu_archive
from harness.data._captions import captioned, captions
from harness.data._conllu import conllu
from harness.data._lines import json_lines, lines
from harness.data._sentences import sentence_at
from harness.data._translated_files import located_answers, translated_pairs
from harness.data.corpus import held_out_text, text
from harness.data.noted import NotedRows
from harness.types.examples import Answer, Question
from harness.types.sources import Row

__all__ = [
    "bitext_pool",
    "captioned",
    "captions",
    "conllu",
    "conllu_archive",
    "held_out_text",
    "json_lines",
    "lines",
    "parallel_lines",
    "question",
    "sentence_at",
    "squad_json",
    "tab_separated",
    "tagged",
    "text",
    "translated_pairs",
    "translated_squad",
]


def bitext_pool(foreign: Path, english: Path, gold: Path | None = None) -> Iterator[Row]:
    """The two pools of a mining task: ``id, tab, sentence`` a line, and gold ``foreign id, tab, English id``.

    Rows are ``{"id", "text", "english"}`` for sentences, then ``{"pair": (foreign id, English id)}`` for gold pairs.
    """
    ids: list[set[str]] = []
    for path, is_english in ((foreign, False), (english, True)):
        seen: set[str] = set()
        for number, line in lines(path):
            name, tab, text = line.partition("\t")
            if not name or not tab:
                raise DataError(f"{path}:{number}: expected an id, a tab and a sentence, found {line[:60]!r}")
            if name in seen:
                raise DataError(f"{path}:{number}: the id {name!r} occurs twice")
            seen.add(name)
            yield {"id": name, "text": text, "english": is_english}
        ids.append(seen)
    if gold is None:
        return
    for number, line in lines(gold):
        pair = tuple(line.split("\t"))
        if len(pair) != 2:
            raise DataError(f"{gold}:{number}: expected two ids and a tab between them, found {line[:60]!r}")
        for name, known, path in zip(pair, ids, (foreign, english), strict=True):
            if name not in known:
                raise DataError(f"{gold}:{number}: no sentence of {path.name} has the id {name!r}")
        yield {"pair": pair}


def parallel_lines(foreign: Path, english: Path) -> Iterator[Row]:
    """Two files whose lines are translations of each other: rows ``{"foreign", "english"}``."""
    left, right = (list(lines(path)) for path in (foreign, english))
    if len(left) != len(right):
        raise DataError(f"{foreign} has {len(left):,} lines, {english.name} has {len(right):,}: they must be parallel")
    for (_, source), (_, target) in zip(left, right, strict=True):
        yield {"foreign": source, "english": target}


def tagged(*paths: Path) -> Iterator[Row]:
    """``word, tab, tag`` a line and an empty line after each sentence: rows ``{"tokens", "tags"}``.

    Without a second column, as in XTREME's download of test sets, ``tags`` is None.
    """
    for path in paths:
        tokens: list[str] = []
        tags: list[str] = []
        columns = 0
        for number, line in lines(path):
            if not line.strip("\t "):
                if tokens:
                    yield {"tokens": tokens, "tags": tags or None}
                    tokens, tags = [], []
                continue
            word, *tag = line.split("\t")
            columns = columns or len(tag) + 1
            if len(tag) + 1 != columns or columns > 2:
                expected = "a word" if columns == 1 else "a word, a tab and a tag"
                raise DataError(f"{path}:{number}: expected {expected}, found {line[:60]!r}")
            tokens.append(word)
            tags += tag
        if tokens:
            yield {"tokens": tokens, "tags": tags or None}


def tab_separated(*paths: Path) -> Iterator[Row]:
    """Columns between tabs, named in the first line; quotes mean nothing. Rows with these names as keys."""
    for path in paths:
        names: list[str] = []
        for number, line in lines(path):
            values = line.split("\t")
            if not names:
                names = values
                continue
            if len(values) != len(names):
                raise DataError(f"{path}:{number}: expected {len(names)} columns, found {len(values)}: {line[:60]!r}")
            yield dict(zip(names, values, strict=True))


def squad_json(*paths: Path) -> Iterator[Row]:
    """SQuAD's JSON, versions 1.1 and 2.0: rows with the columns of the Hub's copies, and ``impossible``.

    Where paragraphs have them (LAReQA), ``sentence_breaks`` go along: pairs of start and end.
    """
    for path in paths:
        text = "\n".join(line for _, line in lines(path))
        with border(f"{path}: not SQuAD JSON"):
            try:
                articles = list(json.loads(text)["data"])
            except json.JSONDecodeError as error:
                raise DataError(f"{path}:{error.lineno}: not SQuAD JSON ({error})") from error
        for number, article in enumerate(articles):
            with border(f"{path}: data[{number}]: not a SQuAD article"):
                yield from _questions(article)


def translated_squad(*paths: Path) -> NotedRows:
    """SQuAD's JSON of machine-translated text: rows as of :func:`squad_json`, without answers that are not at their offset.

    A question that loses all of its answers is left out; a note says how many there were.
    """
    return located_answers(squad_json(*paths), paths[0].name)


def _questions(article: dict[str, Any]) -> Iterator[Row]:
    for paragraph in article["paragraphs"]:
        for entry in paragraph["qas"]:
            answers = entry.get("answers", [])
            yield {
                "id": entry["id"],
                "context": paragraph["context"],
                "question": entry["question"],
                "answers": {
                    "text": [answer["text"] for answer in answers],
                    "answer_start": [answer["answer_start"] for answer in answers],
                },
                "impossible": bool(entry.get("is_impossible", False)),
                **{key: paragraph[key] for key in ("sentence_breaks",) if key in paragraph},
            }


def question(row: Row) -> Question:
    """A row of SQuAD, XQuAD, MLQA or TyDiQA; empty answers, which mark withheld labels, are left out."""
    answers = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
    return Question(
        id=row["id"],
        question=row["question"],
        context=row["context"],
        answers=tuple(Answer(text, start) for text, start in answers if text),
    )
