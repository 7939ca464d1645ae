"""The first-party attributes: functions from the examples of a unit to a number, a word or None for each of them.

None: the attribute does not apply to this example (a sentence without entities has no entity length). Lengths are in
characters, as words are not comparable between scripts; of tagged sentences, in words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from operator import add
from statistics import fmean
from typing import Any

from harness.analysis.breakdown._context import UnitContext
from harness.families.running_text import as_written
from harness.families.words import marks_space
from harness.types.examples import Example, Question, Tagged
from harness.types.languages import UNSPACED

Values = Sequence[float | str | None]


def language(examples: Sequence[Any], unit: UnitContext) -> Values:
    """The language's code."""
    return [unit.language] * len(examples)


def script(examples: Sequence[Any], unit: UnitContext) -> Values:
    """The language's script."""
    return [unit.script] * len(examples)


def gold_label(examples: Sequence[Any], unit: UnitContext) -> Values:
    """The right label: the score of a bucket is the label's recall."""
    return unit.gold


def predicted_label(examples: Sequence[Any], unit: UnitContext) -> Values:
    """The label that the system gave: the score of a bucket is the label's precision."""
    return unit.predicted


def length(examples: Sequence[Example], unit: UnitContext) -> Values:
    """The length of what is asked about: both sentences, the prompt, the query, the foreign sentence; words if tagged.

    None where answers are read from a context, which is longer than the question and says more.
    """
    return [
        _length(example) if _asks(example) and example.asked_texts() == example.texts() else None
        for example in examples
    ]


def question_length(examples: Sequence[Question], unit: UnitContext) -> Values:
    """The length of the question."""
    return [len(example.question) for example in examples]


def context_length(examples: Sequence[Question], unit: UnitContext) -> Values:
    """The length of the context."""
    return [len(example.context) for example in examples]


def answer_length(examples: Sequence[Question], unit: UnitContext) -> Values:
    """The length of the first answer."""
    return [len(example.answers[0].text) if example.answers else None for example in examples]


def answer_type(examples: Sequence[Question], unit: UnitContext) -> Values:
    """Type of the first answer.

    "number" (digits and signs only), "with digits", "name" (every word begins with a capital), "word" or "phrase" (one
    word or more), "other script" where neither capitals nor spaces tell, "none" for an impossible question.
    """
    return [_answer_type(example.answers[0].text, unit.script) if example.answers else "none" for example in examples]


def overlap(examples: Sequence[Example], unit: UnitContext) -> Values:
    """Share of the second sentence's or the question's words that the first sentence or the context has, too: 0-1.

    The share of its pairs of neighbouring letters, lower-cased, which needs no word boundaries. None for examples that have
    no ``paired_fields``.
    """
    return [_overlap(example) if example.paired_fields else None for example in examples]


def entity_length(examples: Sequence[Tagged], unit: UnitContext) -> Values:
    """Words of the longest entity of a sentence (tags B-, I-, O)."""
    return [max(map(len, _entities(example)), default=None) for example in examples]


def entities(examples: Sequence[Tagged], unit: UnitContext) -> Values:
    """Counts the entities of a sentence; None in tasks that tag no entities."""
    if not any(tag[:2] in ("B-", "I-") for example in examples for tag in example.tags or ()):
        return [None] * len(examples)
    return [len(_entities(example)) for example in examples]


def entity_novelty(examples: Sequence[Tagged], unit: UnitContext) -> Values:
    """The share of a sentence's entities that the English training data do not have, 0-1."""
    seen = {tuple(entity) for example in unit.train for entity in _entities(example)}
    values: list[float | None] = []
    for example in examples:
        own = [tuple(entity) for entity in _entities(example)]
        values.append(fmean(entity not in seen for entity in own) if own and seen else None)
    return values


def tokens_per_word(examples: Sequence[Example], unit: UnitContext) -> Values:
    """Into how many pieces the model's tokenizer cuts a word; None in scripts without spaces, unless words are given."""
    tokenizer = unit.tokenizer
    in_text = tokenizer is not None and marks_space(tokenizer)
    texts = [_text(example, in_text) if _asks(example) else "" for example in examples]
    counts = [
        len(example.split_words()) if example.word_field else 0 if unit.script in UNSPACED else len(text.split())
        for example, text in zip(examples, texts, strict=True)
    ]
    if tokenizer is None or not any(counts):
        return [None] * len(examples)
    pieces = tokenizer(texts, add_special_tokens=False, verbose=False)[
        "input_ids"
    ]  # no warning: nothing is fed to a model
    return [len(ids) / count if count else None for ids, count in zip(pieces, counts, strict=True)]


def _asks(example: Example) -> bool:
    """Tells whether something is asked about its texts; nothing is about a candidate, or about text without labels."""
    return bool(example.label_field and example.asked_texts())


def _length(example: Example) -> int:
    return len(example.split_words()) if example.word_field else len(_text(example))


def _text(example: Example, in_text: bool = False) -> str:
    """Its texts; words as tokenised: as they are written, or a space apart where the tokenizer takes each alone anyway."""
    if not example.word_field:
        return " ".join(example.texts().values())
    return "".join(as_written(example)) if in_text else " ".join(example.split_words())


def _answer_type(text: str, script: str) -> str:
    words = text.split()
    if not re.search(r"[^\W\d_]", text) and re.search(r"\d", text):
        return "number"
    if re.search(r"\d", text):
        return "with digits"
    if script in UNSPACED:
        return "other script"
    letters = [word.lstrip("\"'«„“(")[:1] for word in words]
    if letters and all(letter.isupper() for letter in letters):
        return "name"
    return "word" if len(words) < 2 else "phrase"


def _overlap(example: Example) -> float | None:
    texts, paired = example.texts(), example.paired_fields
    part = _bigrams(" ".join(texts[name] for name in paired if name in texts))
    whole = _bigrams(" ".join(text for name, text in texts.items() if name not in paired))
    return len(part & whole) / len(part) if part else None


def _bigrams(text: str) -> set[str]:
    plain = re.sub(r"[\W_]+", "", text.lower())
    return set(map(add, plain, plain[1:]))


def _entities(example: Example) -> list[list[str]]:
    """The words of each entity."""
    found: list[list[str]] = []
    kind = ""  # of the entity that the next word may continue
    for word, tag in zip(example.split_words(), getattr(example, "tags", None) or (), strict=False):
        mark, _, name = tag.partition("-")
        if kind and mark == "I" and name == kind:
            found[-1].append(word)
        elif name and mark in ("B", "I"):
            found.append([word])
            kind = name
        else:
            kind = ""
    return found
