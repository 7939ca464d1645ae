"""The tokens of words: of each word alone, or of the words within running text.

XLM-R's tokenizer begins every word with a mark and mBERT's marks none, so that a word looks the same alone and in a
text. Others make the mark out of the space before the word: byte-level BPE (EuroBERT, ModernBERT, Llama, Qwen), Gemma's
scheme (mmBERT). Tokenised one by one, their words would be glued together: "AngelaMerkellivesinBerlin".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray
from harness.families import _characters
from harness.families.running_text import as_written
from harness.inference.tokenization import backend_of, encoded, gather, offsets, tokenise, without_end
from harness.types.examples import Tagged

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Words:
    """The tokens of every word of all sentences: word i has ``values[starts[i]:starts[i] + lengths[i]]``.

    ``head`` counts the tokens for the space before it alone.
    """

    values: NDArray[np.integer]
    starts: IntArray
    lengths: IntArray
    head: IntArray


def marks_space(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Tells whether words in a text get other tokens than alone, because the space before them becomes part of them.

    Tested on the letter "a", which every vocabulary contains.
    """
    backend = backend_of(tokenizer)
    word, text = (encoded(backend, text) for text in ("a", "a a"))
    return text is not None and text.ids != 2 * word.ids


def alone(tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Tagged]) -> Words:
    """Each word tokenised on its own."""
    table, word = tokenise(tokenizer, chain.from_iterable(sentence.words for sentence in sentences))
    return Words(table.values, table.offsets[word], table.lengths[word], np.zeros(len(word), np.int64))


def in_text(tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Tagged]) -> Words:
    """The tokens that the running text has for each word, with the space before it.

    A word that shares a token with its neighbour there (a full stop and a quotation mark, say) is tokenised again on its
    own, with its space, so that each word has tokens that are no one else's. A word that gets none has length 0.
    """
    written = [as_written(sentence) for sentence in sentences]
    words, own = _aligned(tokenizer, written)
    shared = np.flatnonzero(~own)
    if len(shared):
        pieces = list(chain.from_iterable(written))
        again, own = _aligned(tokenizer, [(pieces[word],) for word in shared])
        starts, lengths, head = words.starts.copy(), words.lengths.copy(), words.head.copy()
        starts[shared] = again.starts + len(words.values)
        lengths[shared] = np.where(own, again.lengths, 0)
        head[shared] = np.where(own, again.head, 0)
        words = Words(np.concatenate([words.values, again.values]), starts, lengths, head)
    return Words(without_end(tokenizer, words.values), words.starts, words.lengths, words.head)


def _aligned(tokenizer: PreTrainedTokenizerBase, written: Sequence[Sequence[str]]) -> tuple[Words, NDArray[np.bool_]]:
    """The tokens of each word in its text, and which words have tokens that belong to no other word."""
    lines = ["".join(pieces) for pieces in written]
    texts, which = _characters.tokenise(tokenizer, lines)
    # All texts in one coordinate, character by character; word w begins at begins[w].
    begins = offsets(np.fromiter(map(len, chain.from_iterable(written)), np.int64))
    count = len(begins) - 1
    line_begins = offsets(np.fromiter(map(len, lines), np.int64, len(lines)))[:-1]
    token = gather(np.arange(len(texts.ids.values)), texts.ids.offsets[which], texts.ids.lengths[which])
    shift = np.repeat(line_begins, texts.ids.lengths[which])
    codes = np.frombuffer("".join(lines).encode("utf-32-le"), np.uint32)
    before = np.concatenate([[0], np.cumsum(codes != ord(" "))])  # characters before each that are no space
    low, high = before[texts.begin[token] + shift], before[texts.end[token] + shift]
    # Of tokens that show more than space, the words of the first and the last character that they show.
    shows = np.flatnonzero(high > low)
    shown = np.flatnonzero(np.diff(before))
    first, last = (np.searchsorted(begins, shown[at], side="right") - 1 for at in (low[shows], high[shows] - 1))

    covered = np.zeros(count + 1, np.int64)
    np.add.at(covered, first[first < last], 1)
    np.add.at(covered, last[first < last] + 1, -1)
    head, end = np.full(count, len(token)), np.zeros(count, np.int64)
    np.minimum.at(head, first, shows)
    np.maximum.at(end, last, shows + 1)
    own = (head < end) & (np.cumsum(covered)[:-1] == 0)
    # Tokens of a space alone go with the word after them.
    text_begins = np.repeat(offsets(texts.ids.lengths[which])[:-1], [len(pieces) for pieces in written])
    previous = np.append(0, shows + 1)[np.searchsorted(shows, head)]
    start = np.where(own, np.maximum(previous, text_begins), 0)
    return Words(texts.ids.values[token], start, np.where(own, end - start, 0), np.where(own, head - start, 0)), own
