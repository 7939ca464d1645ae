"""Tokenizers without a vocabulary, whose tokens are the characters (CANINE) or bytes (ByT5) of a text.

They have no fast implementation; :class:`Letters` does for them what the backend of a fast tokenizer does: token ids with
the characters that each token covers. It is slower, by Python's loop over the letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LETTER_TOKENIZERS = ("CanineTokenizer", "ByT5Tokenizer")
"""Classes of transformers that need no file beside tokenizer_config.json."""


@dataclass(frozen=True)
class Encoding:
    """The tokens of a text, or of a pair, as the encodings of fast tokenizers have them."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    type_ids: list[int]
    sequence_ids: list[int | None]


@dataclass(frozen=True)
class Letters:
    """Encodes texts letter by letter; a text that spells a special token out gets the letters of its name."""

    tokenizer: PreTrainedTokenizerBase
    by_bytes: bool

    def no_truncation(self) -> None:
        """Nothing is ever cut."""

    def no_padding(self) -> None:
        """Nothing is ever padded."""

    def encode(self, text: str, pair: str | None = None, add_special_tokens: bool = True) -> Encoding:
        """One text or a pair; offsets are those of the text alone."""
        own, offsets = self._letters(text)
        if not add_special_tokens:
            return Encoding(own, offsets, [0] * len(own), [0] * len(own))
        given = (text,) if pair is None else (text, pair)
        row = self.tokenizer(*given, return_token_type_ids=True, return_special_tokens_mask=True)
        left = iter([0] * len(own) + [1] * (len(row["input_ids"]) - len(own)))
        sequences = [None if special else next(left) for special in row["special_tokens_mask"]]
        return Encoding(row["input_ids"], [], row["token_type_ids"], sequences)

    def encode_batch(self, texts: Sequence[str], add_special_tokens: bool = True) -> list[Encoding]:
        """Every text on its own."""
        return [self.encode(text, add_special_tokens=add_special_tokens) for text in texts]

    encode_batch_fast = encode_batch

    def _letters(self, text: str) -> tuple[list[int], list[tuple[int, int]]]:
        data = text.encode()  # refuses half a character, as fast tokenizers do
        if not self.by_bytes:
            return [ord(letter) for letter in text], [(place, place + 1) for place in range(len(text))]
        places = [(place, place + 1) for place, letter in enumerate(text) for _ in letter.encode()]
        first: int = self.tokenizer.offset
        return [first + byte for byte in data], places


def letters_of(tokenizer: PreTrainedTokenizerBase) -> Letters | None:
    """The stand-in for the backend of a tokenizer of this kind; None for any other slow tokenizer."""
    if type(tokenizer).__name__ not in LETTER_TOKENIZERS:
        return None
    return Letters(tokenizer, by_bytes=type(tokenizer).__name__ == "ByT5Tokenizer")
