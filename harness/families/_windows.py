"""Long contexts as overlapping windows: one row is a question and a stretch of its context, between special tokens.

The rows of all questions are cut from flat arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.core.arrays import IntArray
from harness.inference import tokenization


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
    rows = tokenization.offsets(counts)
    question = np.repeat(np.arange(len(contexts)), counts)
    start = (np.arange(rows[-1]) - rows[question]) * step[question]
    return Windows(question, start, np.minimum(capacity[question], contexts[question] - start), rows)
