"""The typed examples that tasks yield, one class for each shape of input.

An ``id`` is unique within a (task, language, split); parallel data keeps one id over languages where the source has one.
A missing label is ``None``: such examples are predicted but not scored.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and the relation between them; ``b`` may be empty for single-text classification."""

    id: str
    a: str
    b: str
    label: str | None


@dataclass(frozen=True, slots=True)
class Tagged:
    """A sentence as words, with one tag a word."""

    id: str
    words: tuple[str, ...]
    tags: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """A span of a context: ``context[start:start + len(text)] == text``, in characters."""

    text: str
    start: int


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a context. No answers and ``impossible`` set: the context holds none (SQuAD v2.0)."""

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...]
    impossible: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A prompt and its possible continuations; ``answer`` indexes ``options``."""

    id: str
    prompt: str
    options: tuple[str, ...]
    answer: int | None


@dataclass(frozen=True, slots=True)
class Translation:
    """A foreign sentence and its English translation (sentence retrieval: row i answers row i)."""

    id: str
    foreign: str
    english: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a mining pool, on the foreign or on the English side."""

    id: str
    text: str
    english: bool


@dataclass(frozen=True, slots=True)
class GoldPair:
    """A pair of sentence ids (foreign, English) that are translations of each other."""

    foreign: str
    english: str


Example = Pair | Tagged | Question | Choice | Translation | Sentence | GoldPair
