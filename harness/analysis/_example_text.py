"""The texts behind predictions: what a report shows of an example. From the label files, or from the data if available."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import read_json

Parts = tuple[tuple[str, str], ...]
Texts = Callable[[int], Parts]
"""The labelled texts of an item, by its position among the aligned ones."""

_LONG = 320


def nothing(item: int) -> Parts:
    """Describes nothing: the texts are not available."""
    return ()


def texts_of(format_: Format, examples: Sequence[Any], aligned: Aligned, labels: Path) -> Texts:
    """The texts of a unit's items: questions from the label file, everything else from the examples that were scored."""
    return _questions(labels, aligned) if labels.suffix == ".json" else of_examples(format_, examples, aligned)


def of_examples(format_: Format, examples: Sequence[Any], aligned: Aligned) -> Texts:
    """The texts that the format gives an item, shortened."""
    described = format_.described(examples, aligned)
    return lambda item: tuple((label, shorten(text)) for label, text in described(item))


def _questions(labels: Path, aligned: Aligned) -> Texts:
    """Question and the context around the first answer, from a file in SQuAD's JSON; nothing from any other JSON."""
    found: dict[str, Parts] = {}
    try:
        for document in read_json(labels)["data"]:
            for paragraph in document["paragraphs"]:
                for question in paragraph["qas"]:
                    answers = question["answers"]
                    start = int(answers[0].get("answer_start", 0)) if answers else 0
                    context = _around(str(paragraph["context"]), start)
                    found[question["id"]] = (("question", shorten(str(question["question"]))), ("context", context))
    except Exception:  # other JSON than that
        return nothing
    return lambda item: found.get(aligned.ids[item], ())


def _around(text: str, start: int) -> str:
    begin = max(0, min(start, len(text)) - _LONG // 2)
    return ("… " if begin else "") + shorten(text[begin:])


def shorten(text: str, length: int = _LONG) -> str:
    """The text, cut at a space where it is long."""
    if len(text) <= length:
        return text
    cut = text[:length]
    return (cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut) + " …"
