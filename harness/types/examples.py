"""The typed examples that tasks yield, one class for each shape of input.

An ``id`` is unique within a (task, language, split); parallel data keeps one id over languages where the source has one.
A missing label is ``None``: such examples are predicted but not scored. A family may bring a class of its own: a frozen
dataclass derived from :class:`Example`, with an ``id``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class Example:
    """What every class of examples derives from."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Pair(Example):
    """Two texts and the relation between them; ``b`` may be empty for single-text classification."""

    id: str
    a: str
    b: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Tagged(Example):
    """A sentence as words, with one tag a word.

    ``written`` has the words as the running text spells them, each with the space before it, if there is one; () where
    the source does not tell. It is no part of the data's fingerprint: only some tokenizers need it.
    """

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...] | None
    written: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A span of a context: ``context[start:start + len(text)] == text``, in characters."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question(Example):
    """A question about a context. No answers and ``impossible`` set: the context holds none (SQuAD v2.0)."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    impossible: bool = False


@dataclass(frozen=True, slots=True)
class Choice(Example):
    """A prompt and its possible continuations; ``answer`` indexes ``options``."""

    id: str
    prompt: str
    options: tuple[str, ...]
    answer: int | None


@dataclass(frozen=True, slots=True)
class Text(Example):
    """Running text without any label: a sentence, or a stretch of a document (masked language modelling)."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Match(Example):
    """A text and the one that a search for it should find: what a dual encoder is trained on."""

    id: str
    query: str
    candidate: str


@dataclass(frozen=True, slots=True)
class Query(Example):
    """A text to search a pool of candidates with, and the ids of those that answer it (empty: not known)."""

    id: str
    text: str
    relevant: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate(Example):
    """A text that queries may find."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Translation(Example):
    """A foreign sentence and its English translation (sentence retrieval: row i answers row i)."""

    id: str
    foreign: str
    english: str


@dataclass(frozen=True, slots=True)
class Sentence(Example):
    """One sentence of a mining pool, on the foreign or on the English side."""

    id: str
    text: str
    english: bool


@dataclass(frozen=True, slots=True)
class GoldPair(Example):
    """A pair of sentence ids (foreign, English) that are translations of each other."""

    foreign: str
    english: str


def sorted_english(examples: Sequence[Translation]) -> list[int]:
    """The order of the test file: row numbers of the examples, sorted by English sentence (code points).

    XTREME sorts the English side so that the line number does not give the answer away. ``sorted_english(examples)[i]``
    is both the example of line i and its gold label: the 0-based row of the foreign sentence.
    """
    return sorted(range(len(examples)), key=lambda row: examples[row].english)


DEPTH = 20
"""Ranks that count, in LAReQA and Mewsli-X."""
