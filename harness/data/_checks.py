"""Checks of the examples of a split, made when they are loaded, and in depth by ``harness data verify``."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

from harness.types.examples import Answer, Example


def problems(
    examples: Sequence[Example], labels: Sequence[str] = (), rows: Sequence[int] | None = None
) -> Iterator[str]:
    """Reasons why these examples cannot be used, each naming an example: wrong types, duplicate ids, unknown labels.

    ``rows`` are the numbers of the rows that they are from, counted from 0, to be named as well.
    """
    known = frozenset(labels)
    seen: set[Hashable] = set()
    for index, example in enumerate(examples):
        if not isinstance(example, Example):
            continue
        name, place = getattr(example, "id", example), f"row {rows[index]}: " if rows is not None else ""
        reason = example.find_problem(known)
        if not reason and not isinstance(getattr(example, "id", ""), str | int):
            reason = "its id must be a string"
        if reason:
            yield f"{place}example {name!r}: {reason}"
            continue
        key = example.unique_key()
        if key is not None and key in seen:
            yield f"{place}the id {name!r} occurs twice"
        seen.add(key)


def lost_answers(examples: Sequence[Example]) -> Iterator[str]:
    """Examples with an answer that does not occur in the context, so that no offset can be right."""
    for example, context, answer in _answers(examples):
        if answer.text not in context:
            yield f"example {getattr(example, 'id', example)!r}: the answer {answer.text[:60]!r} is not in its context"


def shifted_answers(examples: Sequence[Example]) -> int:
    """Counts answers that are elsewhere in the context than their offset says (harmless: offsets are realigned)."""
    return sum(
        not context.startswith(answer.text, answer.start) and answer.text in context
        for _, context, answer in _answers(examples)
    )


def _answers(examples: Sequence[Example]) -> Iterator[tuple[Example, str, Answer]]:
    for example in examples:
        if isinstance(example, Example):
            context, answers = example.answer_spans()
            yield from ((example, context, answer) for answer in answers)
