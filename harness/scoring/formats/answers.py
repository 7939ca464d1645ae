"""Answers to questions about contexts: predictions ``{id: answer}``, labels in SQuAD's JSON (XQuAD, MLQA, TyDiQA)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from harness.core.errors import DataError
from harness.scoring.formats.base import Aligned, Format
from harness.scoring.formats.reader import (
    json_type,
    match_ids,
    read_json,
    read_mapping,
    reading_notes,
    shorten,
    write_json,
)
from harness.types.examples import Example, Question


class Answers(Format):
    """``test-sw.json``: ``{question id: answer}``. A prediction is a str, empty where there is no answer (SQuAD v2.0).

    Aligned gold is a list of acceptable answers, empty for an impossible question; clusters are contexts.
    """

    extension = "json"

    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes the answer of each question."""
        questions = cast(Sequence[Question], examples)
        _unique_ids(path, questions)
        write_json(path, {question.id: answer for question, answer in zip(questions, predictions, strict=True)})

    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes SQuAD JSON, consecutive questions about one context in a paragraph; unlabelled ones are left out."""
        questions = [question for question in cast(Sequence[Question], examples) if _labelled(question)]
        if not questions:
            return False
        _unique_ids(path, questions)
        paragraphs = [
            {"context": context, "qas": [_to_json(question) for question in group]}
            for context, group in groupby(questions, key=lambda question: question.context)
        ]
        write_json(path, {"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]})
        return True

    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Pairs the questions by id; one without a prediction gets None, with a warning."""
        gold, notes = _read_labels(labels)
        predicted = read_mapping(predictions, "answer")
        for name, answer in predicted.items():
            if not isinstance(answer, str):
                raise DataError(f"{predictions}: {shorten(name)} holds {json_type(answer)}", hint="expected a string")
        warnings = match_ids(predictions, predicted, labels, gold, "questions")
        contexts: dict[str, int] = {}
        return Aligned(
            list(gold),
            [answers for answers, _ in gold.values()],
            [predicted.get(name) for name in gold],
            clusters=[contexts.setdefault(context, len(contexts)) for _, context in gold.values()],
            warnings=(*warnings, *notes, *reading_notes(predictions, labels)),
        )


def _labelled(question: Question) -> bool:
    # XTREME strips test labels to an empty answer at offset 0.
    return question.impossible or any(answer.text for answer in question.answers)


def _to_json(question: Question) -> dict[str, Any]:
    answers = [{"text": answer.text, "answer_start": answer.start} for answer in question.answers]
    entry: dict[str, Any] = {"id": question.id, "question": question.question, "answers": answers}
    if question.impossible:
        entry |= {"answers": [], "is_impossible": True}
    return entry


def _unique_ids(path: Path, questions: Sequence[Question]) -> None:
    if len({question.id for question in questions}) < len(questions):
        raise DataError(f"{path}: two questions have one id", hint="ids must be unique within a unit")


def _read_labels(path: Path) -> tuple[dict[str, tuple[list[str], str]], tuple[str, ...]]:
    """Acceptable answers and context of each question, in the order of the file, and a warning on contradictory ones.

    Answers count even with "is_impossible", which the scorers of SQuAD and XTREME do not look at.
    """
    found: dict[str, tuple[list[str], str]] = {}
    contradictory = []
    for context, entry, place in _questions(path, read_json(path)):
        name = _get(path, entry, "id", str, place)
        if name in found:
            raise DataError(f"{path}: question {shorten(name)} occurs twice", hint="ids must be unique")
        place = f"question {shorten(name)}"
        answers = [_get(path, answer, "text", str, place) for answer in _get(path, entry, "answers", list, place)]
        impossible = _get(path, entry, "is_impossible", bool, place) if "is_impossible" in entry else False
        if not answers and not impossible:
            raise DataError(
                f"{path}: {place} has no answers", hint='a question without one needs "is_impossible": true'
            )
        if answers and impossible:
            contradictory.append(name)
        found[name] = (answers, context)
    if not found:
        raise DataError(f"{path}: no questions", hint="expected SQuAD JSON")
    if all(answers and not any(answers) for answers, _ in found.values()):
        raise DataError(
            f"{path}: every answer is empty: the labels were stripped",
            hint="XTREME's download strips test labels; take the labels from the original release",
        )
    if not contradictory:
        return found, ()
    what = f"{len(contradictory)} questions are marked impossible and have answers"
    return found, (f"{path}: {what} (first: {shorten(contradictory[0])}): the answers count",)


def _questions(path: Path, value: Any) -> Iterator[tuple[str, Any, str]]:
    """Context, question and its place, for every question of a SQuAD file."""
    for i, document in enumerate(_get(path, value, "data", list, "the file")):
        for j, paragraph in enumerate(_get(path, document, "paragraphs", list, f"data[{i}]")):
            place = f"data[{i}].paragraphs[{j}]"
            context = _get(path, paragraph, "context", str, place)
            for k, entry in enumerate(_get(path, paragraph, "qas", list, place)):
                yield context, entry, f"{place}.qas[{k}]"


def _get(path: Path, holder: Any, key: str, kind: type, place: str) -> Any:
    if not isinstance(holder, dict) or key not in holder:
        raise DataError(f"{path}: {place} has no key {key!r}", hint="expected SQuAD JSON")
    value = holder[key]
    if not isinstance(value, kind):
        raise DataError(f"{path}: {key!r} of {place} is {json_type(value)}", hint="expected SQuAD JSON")
    return value
