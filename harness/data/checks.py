"""What must hold for the examples of a split, checked when they are loaded, and in depth by ``harness data verify``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.types.examples import (
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
    Text,
    Translation,
)


def problems(examples: Sequence[Example], labels: Sequence[str] = ()) -> Iterator[str]:
    """Reasons why these examples cannot be used, each naming an example: wrong types, duplicate ids, unknown labels."""
    known = frozenset(labels)
    seen: set[Any] = set()
    for example in examples:
        name = getattr(example, "id", example)
        reason = _mistyped(example) or _malformed(example, known)
        if reason:
            yield f"example {name!r}: {reason}"
            continue
        key = unique_key(example)
        if key is None:
            continue
        if key in seen:
            yield f"the id {name!r} occurs twice"
        seen.add(key)


def unique_key(example: Example) -> Any:
    """What no other example of the split may have: its id, of a sentence with its side; None for a pair of ids."""
    if isinstance(example, GoldPair) or not hasattr(example, "id"):
        return None
    return (example.id, example.english) if isinstance(example, Sentence) else example.id


def _mistyped(example: Example) -> str:
    """What is not of the type that its class declares: null, numbers and lists come from columns of another type."""
    wrong: dict[str, Sequence[Any]] = {}
    match example:
        case Pair(a=a, b=b, label=label):
            wrong = {"its texts must be strings": (a, b), "its label must be a string": (label or "",)}
        case Tagged(words=words, tags=tags):
            wrong = {"its words must be strings": words, "its tags must be strings": tags or ()}
        case Question(question=question, context=context, answers=answers):
            if not all(isinstance(answer, Answer) and type(answer.start) is int for answer in answers):
                return "its answers must have whole numbers as offsets"
            texts = [answer.text for answer in answers]
            wrong = {"question and context must be strings": (question, context), "its answers must be strings": texts}
        case (
            Match(query=one, candidate=two) | Translation(foreign=one, english=two) | GoldPair(foreign=one, english=two)
        ):
            wrong = {"its texts must be strings": (one, two)}
        case Query(text=text) | Candidate(text=text) | Sentence(text=text) | Text(text=text):
            wrong = {"its text must be a string": (text,)}
        case Choice(prompt=prompt, options=options):
            wrong = {"its prompt and options must be strings": (prompt, *options)}
    reason = next((words for words, values in wrong.items() if not all(isinstance(value, str) for value in values)), "")
    if not reason and not isinstance(getattr(example, "id", ""), str | int):
        return "its id must be a string"
    return reason


def _malformed(example: Example, labels: frozenset[str]) -> str:
    match example:
        case Pair(label=label):
            if label is not None and labels and label not in labels:
                return f"unknown label {label!r}, expected one of {', '.join(sorted(labels))}"
        case Tagged(words=words, tags=tags):
            if tags is not None and len(tags) != len(words):
                return f"{len(words)} words but {len(tags)} tags"
            if tags is not None and labels and not labels.issuperset(tags):
                return f"unknown tag {next(tag for tag in tags if tag not in labels)!r}"
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
