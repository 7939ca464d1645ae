"""Counts how finely a tokenizer cuts a text, and how many of its tokens stand for what it does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from harness.inference.tokenization import tokenise
from harness.types.languages import UNSPACED, language

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BYTE = re.compile(r"<0x([89A-F][0-9A-F])>")


@dataclass(frozen=True)
class TokenCounts:
    """Counts for some text of a language: ``unknown`` of its ``tokens`` stand for what it does not know.

    ``parts`` of them are bytes of a character that it does not know as a whole; tokenizers with such tokens have no unknown
    ones. ``characters`` leave out spaces; ``words`` is None for a script that puts no space between them.
    """

    language: str
    characters: int
    words: int | None
    tokens: int
    unknown: int
    parts: int = 0

    @property
    def per_word(self) -> float | None:
        """Tokens a word."""
        return self.tokens / self.words if self.words else None

    @property
    def per_character(self) -> float:
        """Tokens a character."""
        return self.tokens / self.characters

    @property
    def unknown_share(self) -> float:
        """Share of the tokens, 0 to 1."""
        return self.unknown / max(self.tokens, 1)

    @property
    def lost_share(self) -> float:
        """Share of the tokens that stand for what it does not know, or are parts of it, 0 to 1."""
        return (self.unknown + self.parts) / max(self.tokens, 1)


def token_counts(tokenizer: PreTrainedTokenizerBase, code: str, texts: Sequence[str]) -> TokenCounts:
    """Counts of some texts, without special tokens."""
    rows, which = tokenise(tokenizer, texts)
    unknown = np.array([np.count_nonzero(rows[row] == tokenizer.unk_token_id) for row in range(len(rows))])
    words = [word for text in texts for word in text.split()]
    ids = np.concatenate([rows[row] for row in which]) if len(texts) else np.zeros(0, np.int64)
    distinct, times = np.unique(ids, return_counts=True)
    names = tokenizer.convert_ids_to_tokens(distinct.tolist())
    return TokenCounts(
        language=code,
        characters=sum(map(len, words)),
        words=None if language(code).script in UNSPACED else len(words),
        tokens=int(rows.lengths[which].sum()),
        unknown=int(unknown[which].sum()),
        parts=sum(int(count) for name, count in zip(names, times, strict=True) if _is_part(tokenizer, name)),
    )


def _is_part(tokenizer: PreTrainedTokenizerBase, token: str) -> bool:
    """Tells whether a token is one byte of a character of several, by byte fallback or in a byte-level vocabulary."""
    if _BYTE.fullmatch(token):
        return True
    if not tokenizer.is_fast:
        return False
    return len(token) == 1 and token in _high_bytes() and "ByteLevel" in str(tokenizer.backend_tokenizer.pre_tokenizer)


@cache
def _high_bytes() -> frozenset[str]:
    """The letters that stand for bytes from 128 in byte-level vocabularies (Radford et al. 2019)."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = [byte for byte in range(256) if byte not in plain]
    moved = {byte: chr(256 + place) for place, byte in enumerate(others)}
    return frozenset(moved.get(byte, chr(byte)) for byte in range(128, 256))
