"""What must hold for the examples of a split, checked when they are loaded, and in depth by ``harness data verify``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.examples import (
    Answer,
    Candidate,
    Choice,
    Example,
    GoldPair,
    Match,
    Pair,
    Query,
    Question,
    Sentence,
    Tagged,
)


def problems(examples: Sequence[Example], labels: Sequence[str] = ()) -> Iterator[str]:
    """Reasons why these examples cannot be used, each naming an example: duplicate ids, wrong types, unknown labels."""
    yield from _duplicates(examples)
    known = frozenset(labels)
    for example in examples:
        reason = _malformed(example, known)
        if reason:
            yield f"example {getattr(example, 'id', example)!r}: {reason}"


def _duplicates(examples: Sequence[Example]) -> Iterator[str]:
    seen: set[Any] = set()
    for example in examples:
        if isinstance(example, GoldPair):
            continue
        name = getattr(example, "id", None)
        key = (name, example.english) if isinstance(example, Sentence) else name
        if key is not None and key in seen:
            yield f"the id {name!r} occurs twice"
        seen.add(key)


def _malformed(example: Example, labels: frozenset[str]) -> str:
    match example:
        case Pair(a=a, b=b, label=label):
            if not (isinstance(a, str) and isinstance(b, str)):
                return "its texts must be strings"
            if label is not None and labels and label not in labels:
                return f"unknown label {label!r}, expected one of {', '.join(sorted(labels))}"
        case Tagged(words=words, tags=tags):
            if tags is not None and len(tags) != len(words):
                return f"{len(words)} words but {len(tags)} tags"
            if tags is not None and labels and not labels.issuperset(tags):
                return f"unknown tag {next(tag for tag in tags if tag not in labels)!r}"
        case Question(question=question, context=context):
            if not (isinstance(question, str) and isinstance(context, str)):
                return "question and context must be strings"
        case Match(query=one, candidate=two):
            if not (isinstance(one, str) and isinstance(two, str)):
                return "its texts must be strings"
        case Query(text=text) | Candidate(text=text):
            if not isinstance(text, str):
                return "its text must be a string"
        case Choice(options=options, answer=answer):
            if answer is not None and not (isinstance(answer, int) and 0 <= answer < len(options)):
                return f"answer {answer!r} is not one of its {len(options)} options"
    return ""


def lost_answers(examples: Sequence[Example]) -> Iterator[str]:
    """Questions with an answer that does not occur in the context, so that no offset can be right."""
    for example in examples:
        if isinstance(example, Question):
            for answer in example.answers:
                if answer.text not in example.context:
                    yield f"example {example.id!r}: the answer {answer.text[:60]!r} is not in its context"


def shifted_answers(examples: Sequence[Example]) -> int:
    """How many answers stand elsewhere in the context than their offset says (harmless: offsets are realigned)."""

    def shifted(context: str, answer: Answer) -> bool:
        return not context.startswith(answer.text, answer.start) and answer.text in context

    questions = [example for example in examples if isinstance(example, Question)]
    return sum(shifted(question.context, answer) for question in questions for answer in question.answers)
