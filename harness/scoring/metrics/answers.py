"""Exact match and F1 of answers: SQuAD v1.1 (Rajpurkar et al. 2016) and MLQA (Lewis et al. 2020).

An item's gold is a list of acceptable answers; an empty list means that the question has none, and then the empty
answer is right (SQuAD v2.0). A missing prediction (None) is not the empty answer: the official scripts give it 0
and count the question.
"""

from __future__ import annotations

import re
import string
import unicodedata
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from harness.core.arrays import FloatArray
from harness.core.errors import UsageError
from harness.scoring.chance import Chance
from harness.scoring.metrics.base import AdditiveMetric, percent

_ENGLISH_ARTICLES = re.compile(r"\b(?:a|an|the)\b")
_ASCII_PUNCTUATION = dict.fromkeys(map(ord, string.punctuation))


class _Punctuation(dict[int, "int | None"]):
    """A table for str.translate that deletes Unicode punctuation (categories P*) and ASCII punctuation."""

    def __missing__(self, code: int) -> int | None:
        character = chr(code)
        deleted = character in string.punctuation or unicodedata.category(character).startswith("P")
        self[code] = None if deleted else code
        return self[code]


_PUNCTUATION = _Punctuation()
# Arabic: the article is cut inside words too, as the official pattern does.
_ARTICLES = {
    "en": _ENGLISH_ARTICLES,
    "es": re.compile(r"\b(?:un|una|unos|unas|el|la|los|las)\b"),
    "de": re.compile(r"\b(?:ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b"),
    "vi": re.compile(r"\b(?:của|là|cái|chiếc|những)\b"),
    "ar": re.compile("ال"),
    "hi": None,
    "zh": None,
}
_CHINESE = re.compile("([\u4e00-\u9fa5])")


@lru_cache(maxsize=1 << 16)
def squad_tokens(answer: str) -> tuple[str, ...]:
    """Tokens of an answer: lower case, no ASCII punctuation, no English articles, split at white space."""
    return tuple(_ENGLISH_ARTICLES.sub(" ", answer.lower().translate(_ASCII_PUNCTUATION)).split())


@lru_cache(maxsize=1 << 16)
def mlqa_tokens(answer: str, language: str) -> tuple[str, ...]:
    """Tokens of an answer: lower case, no punctuation, no articles of the language; each Chinese character is a token."""
    if language not in _ARTICLES:
        raise UsageError(
            f"MLQA's metric is not defined for language {language!r}",
            hint=f"it knows {', '.join(_ARTICLES)}; use the metric 'squad' for others",
        )
    text = answer.lower().translate(_PUNCTUATION)
    articles = _ARTICLES[language]
    if articles is not None:
        text = articles.sub(" ", text)
    if language == "zh":
        text = _CHINESE.sub(r" \1 ", text)
    return tuple(text.split())


def token_f1(predicted: tuple[str, ...], gold: tuple[str, ...]) -> float:
    """F1 of two multisets of tokens, 0-1; 0 where they share none, even if both are empty."""
    if predicted == gold:
        return float(bool(gold))
    shared = sum((Counter(predicted) & Counter(gold)).values())
    return 2 * shared / (len(predicted) + len(gold)) if shared else 0.0


class _Answers(AdditiveMetric):
    primary = ("exact_match", "f1")
    proportions = ("exact_match",)

    @abstractmethod
    def tokens(self, answer: str, language: str) -> tuple[str, ...]:
        """The normalised answer, token by token."""

    def statistics(self, gold: Sequence[Sequence[str]], predicted: Sequence[str | None], language: str) -> FloatArray:
        """Columns: exact match, F1 (the best over the acceptable answers, 0-1), 1."""
        table = np.ones((len(gold), 3))
        for row, (answers, answer) in enumerate(zip(gold, predicted, strict=True)):
            if answer is None:
                table[row, :2] = 0
                continue
            guess = self.tokens(answer, language)
            right = [self.tokens(text, language) for text in answers]
            if right:
                table[row, 0] = guess in right
                table[row, 1] = max(token_f1(guess, tokens) for tokens in right)
            else:
                table[row, :2] = not guess
        return table

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The values "exact_match" and "f1"."""
        return {
            "exact_match": percent(sums[..., 0], sums[..., 2]),
            "f1": percent(sums[..., 1], sums[..., 2]),
        }

    def chance(
        self, gold: Sequence[Sequence[str]], language: str, choices: float | None = None
    ) -> Mapping[str, Chance]:
        """Always no answer, where some questions have none; there is no constant answer worth the name otherwise."""
        constant = self.of_guesses(gold, [""] * len(gold), language)
        return {name: Chance(None, value) for name, value in constant.items()} if any(constant.values()) else {}


class Squad(_Answers):
    """SQuAD v1.1's metric, English normalisation for every language (XQuAD, TyDiQA in XTREME)."""

    name = "squad"

    def tokens(self, answer: str, language: str) -> tuple[str, ...]:
        """:func:`squad_tokens`."""
        return squad_tokens(answer)


class Squad2(Squad):
    """SQuAD v2.0's metric (Rajpurkar et al. 2018): an answer that normalises to nothing is no answer, and F1 agrees."""

    name = "squad2"

    def statistics(self, gold: Sequence[Sequence[str]], predicted: Sequence[str | None], language: str) -> FloatArray:
        """As :class:`Squad`, without gold answers that consist only of articles and punctuation."""
        real = [[text for text in answers if self.tokens(text, language)] for answers in gold]
        return super().statistics(real, predicted, language)


class Mlqa(_Answers):
    """MLQA's metric, normalised by the language of the context."""

    name = "mlqa"

    def tokens(self, answer: str, language: str) -> tuple[str, ...]:
        """:func:`mlqa_tokens`."""
        return mlqa_tokens(answer, language)
