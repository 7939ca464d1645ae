"""Exact match and F1 of the words of captions."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.metrics.answers import token_f1
from harness.scoring.metrics.base import AdditiveMetric, percent
from harness.types.languages import UNSPACED, language


class CaptionMatch(AdditiveMetric):
    """Gold is what :class:`~harness.scoring.formats.captions.Captions` gives; the best of all captions of the picture counts.

    Words are compared in lower case and without punctuation; where a script writes no spaces, a character is a word.
    """

    name = "caption_match"
    primary = ("f1",)
    proportions = ("exact_match",)

    def statistics(
        self, gold: Sequence[Mapping[str, Any]], predicted: Sequence[str | None], language: str
    ) -> FloatArray:
        """Columns: exact match, F1 (the best over the captions, 0-1), 1."""
        table = np.zeros((len(gold), 3))
        for row, (known, caption) in zip(table, zip(gold, predicted, strict=True), strict=True):
            guess = words(caption, known["language"]) if caption is not None else ()
            right = [words(text, known["language"]) for text in (known["caption"], *known["others"])]
            row[:] = guess in right, max(token_f1(guess, each) for each in right), 1
        return table

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The values "exact_match" and "f1"."""
        names = ("exact_match", "f1")
        return {name: percent(sums[..., place], sums[..., 2]) for place, name in enumerate(names)}


def words(caption: str, code: str) -> tuple[str, ...]:
    """The words of a caption in a language."""
    plain = "".join(" " if unicodedata.category(each).startswith("P") else each for each in caption.lower())
    return tuple("".join(plain.split())) if language(code).script in UNSPACED else tuple(plain.split())
