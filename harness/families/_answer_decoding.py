"""From start and end logits to answers: the best span of each question, and its text."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray, OutputRows
from harness.core.errors import UsageError
from harness.families._characters import Texts
from harness.families._windows import Windows
from harness.models.heads import check_finite

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

FloatArray = NDArray[np.float64]

_BLANK = np.array([code for code in range(0x3001) if chr(code).isspace()] + [0xFEFF])


@dataclass(frozen=True)
class Spans:
    """The best span of each question, shapes (questions,).

    ``first`` and ``last`` count tokens of the context; ``score`` is the sum of both logits, -inf where no span is
    allowed (and then ``first`` and ``last`` are meaningless); ``null`` is that of no answer, the smallest of the windows.
    """

    first: IntArray
    last: IntArray
    score: FloatArray
    null: FloatArray


def best_spans(
    windows: Windows,
    header: IntArray,
    contexts: Texts,
    which: IntArray,
    outputs: Mapping[str, OutputRows],
    max_answer_length: int,
) -> Spans:
    """The best allowed span of each question over all its windows (Devlin et al. 2019, released SQuAD code).

    ``header`` is the position in each row of its first context token; ``which`` the context of each question.
    ``outputs`` hold for each row the best start and end positions, best first (``start_at``, ``end_at``), their logits
    (``start``, ``end``), and both logits of no answer (``null``). A pair is allowed where both are context tokens, the
    start is in the window where it has most context, the end is not before the start, and the span has at most
    ``max_answer_length`` tokens, not all of them blank. Of equal scores the first wins: by window, rank of the start,
    rank of the end. :class:`ModelError` where logits are not finite.
    """
    if not len(which):
        none = np.zeros(0, np.int64)
        return Spans(none, none, none.astype(np.float64), none.astype(np.float64))
    start, end, null = (np.asarray(outputs[name]).astype(np.float64) for name in ("start", "end", "null"))
    check_finite(np.isfinite(null))
    first, last = (np.asarray(outputs[name]) - header[:, None] for name in ("start_at", "end_at"))
    first_allowed, last_allowed = ((token >= 0) & (token < windows.length[:, None]) for token in (first, last))
    first, last = first + windows.start[:, None], last + windows.start[:, None]
    row = np.arange(len(windows.question))
    question = np.broadcast_to(windows.question[:, None], first.shape)
    first_allowed &= windows.best_row(question, first) == row[:, None]

    gap = last[:, None, :] - first[:, :, None]
    allowed = first_allowed[:, :, None] & last_allowed[:, None, :] & (gap >= 0) & (gap < max_answer_length)
    shown = _shown_before(contexts)
    base = contexts.ids.offsets[which[question]]
    before = shown[np.where(first_allowed, first + base, 0)]
    after = shown[np.where(last_allowed, last + base + 1, 0)]
    allowed &= after[:, None, :] > before[:, :, None]

    scores = np.where(allowed, start[:, :, None] + end[:, None, :], -np.inf).reshape(len(row), -1)
    pair = scores.argmax(axis=1)
    row_score = scores[row, pair]
    score = np.maximum.reduceat(row_score, windows.rows[:-1])
    is_best = row_score == score[windows.question]
    chosen = np.minimum.reduceat(np.where(is_best, row, len(row)), windows.rows[:-1])
    first_rank, last_rank = np.divmod(pair[chosen], last.shape[1])
    no_answer = np.minimum.reduceat(null.sum(axis=1), windows.rows[:-1])
    return Spans(first[chosen, first_rank], last[chosen, last_rank], score, no_answer)


def _shown_before(contexts: Texts) -> IntArray:
    """Counts of the tokens before each one, over all contexts, that are not space; shape (tokens + 1,)."""
    text = " ".join(contexts.texts)
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    visible = np.concatenate([[0], np.cumsum(~np.isin(codes, _BLANK))])
    base = np.repeat(contexts.base, contexts.ids.lengths)
    shown = visible[contexts.end + base] > visible[contexts.begin + base]
    return np.concatenate([[0], np.cumsum(shown)])


def sliced(context: str, begin: int, end: int) -> str:
    """The characters ``begin:end`` without space or byte-order marks around them: an exact piece of the context."""
    while begin < end and (context[begin].isspace() or context[begin] == "\ufeff"):
        begin += 1
    while begin < end and (context[end - 1].isspace() or context[end - 1] == "\ufeff"):
        end -= 1
    return context[begin:end]


class Projection:
    """Turns tokens into an answer as XTREME's scripts do: through a detokenised text, not character offsets.

    The tokens are joined into a text. That text is looked for in the words of the context that the tokens came from,
    after BERT's basic tokenisation, and mapped back character by character where both have the same number of
    characters besides spaces. Wherever this fails the answer is all of those words. For Chinese and Japanese with
    XLM-R it always fails, and the answer is the whole unspaced stretch (huggingface/transformers#3510); jiant leaves
    the projection out for Chinese.
    """

    _WORD = re.compile("[^ \t\r\n\u202f]+")

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        from tokenizers import models, normalizers, pre_tokenizers

        if not tokenizer.is_fast:
            raise UsageError(
                "option decode: 'legacy_projection' joins pieces of words, and this tokenizer's tokens are letters",
                hint="--set decode=offsets",
            )
        backend = tokenizer.backend_tokenizer
        lowercase = bool(getattr(backend.normalizer, "lowercase", False))
        self._tokenizer = tokenizer
        self._pieces = isinstance(backend.model, models.WordPiece)
        self._normalise = normalizers.BertNormalizer(lowercase=lowercase).normalize_str
        self._split = pre_tokenizers.BertPreTokenizer().pre_tokenize_str

    def detokenised(self, ids: Sequence[int]) -> str:
        """The text of these tokens, words one space apart."""
        tokens = self._tokenizer.convert_ids_to_tokens(ids)
        # The fast decoder of word pieces also closes up punctuation, which the scripts do not.
        text = " ".join(tokens).replace(" ##", "") if self._pieces else self._tokenizer.convert_tokens_to_string(tokens)
        return " ".join(text.split())

    def words(self, context: str, begin: int, end: int) -> str:
        """The whole words of the context from the one at (or after) character ``begin`` to that at ``end``."""
        words = list(self._WORD.finditer(context))
        ends = [word.end() for word in words]
        first, last = (min(bisect_right(ends, at), len(words) - 1) for at in (begin, end))
        return " ".join(word.group() for word in words[first : last + 1])

    def project(self, answer: str, original: str) -> str:
        """The piece of ``original`` that reads as ``answer``, or all of it."""
        split = " ".join(word for word, _ in self._split(self._normalise(original)))
        at = split.find(answer)
        kept = [i for i, character in enumerate(original) if character != " "]
        if not answer or at < 0 or len(kept) != len(split.replace(" ", "")):
            return original
        end = at + len(answer) - 1
        return original[kept[at - split.count(" ", 0, at)] : kept[end - split.count(" ", 0, end)] + 1]
