"""Long contexts as overlapping windows: one row is a question and a stretch of its context, between special tokens.

Each distinct text is tokenised once; the rows of all its questions are then cut from flat arrays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from harness.families import tokens
from harness.families.features import IntArray, Ragged

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHUNK = 2048
"""Texts tokenised at a time: the tokenizer's own records take a hundred times the memory of the ids."""


@dataclass(frozen=True)
class Texts:
    """Distinct texts, tokenised without special tokens; token i covers characters ``begin[i]:end[i]`` of its text."""

    texts: Sequence[str]
    ids: Ragged
    begin: IntArray
    end: IntArray

    @property
    def base(self) -> IntArray:
        """Where each text starts when all are written behind one another, a character apart."""
        return tokens.offsets(np.fromiter(map(len, self.texts), np.int64, len(self.texts)) + 1)[:-1]


def tokenise(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> tuple[Texts, IntArray]:
    """The distinct texts, tokenised in batches, and for every given text which of them it is."""
    known: dict[str, int] = {}
    which = np.fromiter((known.setdefault(text, len(known)) for text in texts), np.int64, len(texts))
    distinct = list(known)
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    ids: list[list[int]] = []
    ranges = []
    for start in range(0, len(distinct), CHUNK):
        chunk = distinct[start : start + CHUNK]
        try:
            encodings = backend.encode_batch(chunk, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError):
            tokens.tokenise(tokenizer, chunk)  # says which text is not valid Unicode
            raise
        ids += [encoding.ids for encoding in encodings]
        characters = chain.from_iterable(chain.from_iterable(encoding.offsets for encoding in encodings))
        ranges.append(np.fromiter(characters, np.int64))
    begin, end = np.concatenate([*ranges, np.zeros(0, np.int64)]).reshape(-1, 2).T.copy()
    return Texts(distinct, Ragged.of(ids, np.int32), begin, end), which


def token_spans(texts: Texts, which: IntArray, begin: IntArray, end: IntArray) -> tuple[IntArray, IntArray]:
    """First and last token, counted from the start of the text, that touch the characters ``begin:end`` of a text.

    ``which`` says of which text; all arrays have one entry a span. A span that no token touches gets 0 and -1.
    """
    # All texts in one coordinate, so that one search answers for all spans.
    base = texts.base
    shift = np.repeat(base, texts.ids.lengths)
    first = np.searchsorted(texts.end + shift, begin + base[which], side="right")
    last = np.searchsorted(texts.begin + shift, end + base[which], side="left") - 1
    low, high = texts.ids.offsets[which], texts.ids.offsets[which + 1]
    touched = (low <= first) & (first <= last) & (last < high)
    return np.where(touched, first - low, 0), np.where(touched, last - low, -1)


@dataclass(frozen=True)
class Windows:
    """The rows of all questions: row r holds the tokens ``start[r]:start[r] + length[r]`` of its question's context.

    Shapes: (rows,) for ``question``, ``start`` and ``length``. ``rows`` are offsets: question i has the rows
    ``rows[i]:rows[i + 1]``, at least one.
    """

    question: IntArray
    start: IntArray
    length: IntArray
    rows: IntArray

    def best_row(self, question: IntArray, token: IntArray) -> IntArray:
        """The row of a question in which this context token has most context on its shorter side; -1 where none has it.

        Devlin et al. (2019), released SQuAD code: the score of a window is min(tokens to the left, tokens to the right)
        + 0.01 x its length, and the first of equal windows wins. Both arguments have one shape, any.
        """
        best = np.full(question.shape, -np.inf)
        winner = np.full(question.shape, -1, dtype=np.int64)
        first, count = self.rows[question], np.diff(self.rows)[question]
        for rank in range(int(count.max(initial=0))):
            row = first + np.minimum(rank, count - 1)
            left = token - self.start[row]
            right = self.length[row] - 1 - left
            score = np.minimum(left, right) + 0.01 * self.length[row]
            better = (left >= 0) & (right >= 0) & (score > best)
            best[better], winner[better] = score[better], row[better]
        return winner


def cut(contexts: IntArray, capacity: IntArray, stride: int) -> Windows:
    """Windows over contexts of these many tokens, at most ``capacity`` tokens each (one entry a question).

    The next window starts ``stride`` tokens after the start of the one before, and never leaves a token out; there are
    as many as it takes to reach the end.
    """
    step = np.minimum(stride, capacity)
    counts = 1 + -(-np.maximum(contexts - capacity, 0) // step)
    rows = tokens.offsets(counts)
    question = np.repeat(np.arange(len(contexts)), counts)
    start = (np.arange(rows[-1]) - rows[question]) * step[question]
    return Windows(question, start, np.minimum(capacity[question], contexts[question] - start), rows)
