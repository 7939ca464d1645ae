"""The control ``shuffled``: the task with labels unrelated to their examples, in as many steps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

import numpy as np

from harness.core.errors import UsageError
from harness.training.objectives.base import ObjectiveContext, StageObjective
from harness.types.examples import Answer, Choice, Example, Match, Question, Tagged, Text
from harness.types.sources import Split
from harness.types.tasks import IntermediateTask


class Shuffled(StageObjective):
    """Permutes the labels once among the training examples. The last checkpoint counts.

    Answers to questions become a random stretch of the same context with as many words; tags are drawn for each word
    type from the distribution of tags.
    """

    def task(self, task: IntermediateTask) -> IntermediateTask:
        """The task without dev data, on which no checkpoint would be better than another."""
        return replace(task, dev=Split())

    def examples(self, examples: Sequence[Example], context: ObjectiveContext) -> Sequence[Example]:
        """The same examples in the same order with other labels, decided by the seed."""
        return shuffled(examples, np.random.default_rng((context.seed, len(examples))))


def shuffled(examples: Sequence[Example], rng: np.random.Generator) -> list[Example]:
    """The examples with labels that are independent of them. UsageError for examples without any."""
    kinds = {type(example) for example in examples}
    if len(kinds) != 1 or kinds & {Text}:
        raise UsageError(f"objective 'shuffled': no labels to permute in {_names(kinds)} examples")
    (kind,) = kinds
    if kind is Question:
        return [_other_answer(question, rng) for question in cast("Sequence[Question]", examples)]
    if kind is Tagged:
        return list(_other_tags(cast("Sequence[Tagged]", examples), rng))
    if kind is Choice:
        return _permuted(examples, "answer", rng, alike=lambda choice: len(choice.options))
    if kind is Match:
        return _permuted(examples, "candidate", rng)
    if is_dataclass(kind) and any(field.name == "label" for field in fields(kind)):
        return _permuted(examples, "label", rng)
    raise UsageError(
        f"objective 'shuffled': {kind.__name__} examples have no field 'label'",
        hint="the family's plugin can provide an objective of its own",
    )


def _names(kinds: set[type]) -> str:
    return " and ".join(sorted(kind.__name__ for kind in kinds)) or "no"


def _permuted(
    examples: Sequence[Example],
    field: str,
    rng: np.random.Generator,
    alike: Callable[[Any], object] = lambda example: None,
) -> list[Example]:
    """The field permuted among the examples that have it, and only among those that are ``alike``."""
    found: list[Any] = list(examples)
    groups: dict[object, list[int]] = {}
    for index, example in enumerate(found):
        if getattr(example, field) is not None:
            groups.setdefault(alike(example), []).append(index)
    for group in groups.values():
        values = [getattr(found[index], field) for index in group]
        for index, other in zip(group, rng.permutation(len(group)), strict=True):
            found[index] = replace(found[index], **{field: values[other]})
    return found


def _other_tags(sentences: Sequence[Tagged], rng: np.random.Generator) -> Sequence[Tagged]:
    counts = Counter(tag for sentence in sentences for tag in sentence.tags or ())
    tags = sorted(counts)
    words = list(dict.fromkeys(word for sentence in sentences for word in sentence.words))
    share = np.array([counts[tag] for tag in tags], np.float64)
    drawn = rng.choice(len(tags), size=len(words), p=share / share.sum()) if tags else np.zeros(len(words), np.int64)
    tag_of = {word: tags[index] for word, index in zip(words, drawn, strict=True)} if tags else {}
    return [
        replace(sentence, tags=tuple(tag_of[word] for word in sentence.words))
        if sentence.tags is not None
        else sentence
        for sentence in sentences
    ]


def _other_answer(question: Question, rng: np.random.Generator) -> Question:
    """The question with one random answer as long as its first one, counted in words, or in characters without spaces."""
    if not question.answers:
        return question
    words = [word.span() for word in re.finditer(r"\S+", question.context)]
    length = len(question.answers[0].text.split())
    if length < len(words):
        first = int(rng.integers(len(words) - length + 1))
        start, end = words[first][0], words[first + length - 1][1]
    else:
        size = len(question.answers[0].text)
        start = int(rng.integers(len(question.context) - size + 1))
        end = start + size
    return replace(question, answers=(Answer(question.context[start:end], start),))
