"""From texts to token rows without a Python loop over tokens: each distinct text is tokenised once, rows are gathered.

A fast tokenizer encodes the texts of a pair one by one and then puts special tokens around them, so a row can be laid
out from the tokens of its texts: the same rows as ``tokenizer(a, b)``, but premises that come three times cost once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import DataError, ModelError, UsageError
from harness.families.features import IntArray, Ragged

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHUNK = 16_384
"""Texts tokenised at a time: the tokenizer's own records take a hundred times the memory of the ids."""


def tokenise(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> tuple[Ragged, IntArray]:
    """Token ids of each distinct text, without special tokens, and for every text its row among them.

    Where a text spells out the end-of-sequence token it becomes the unknown token, if the tokenizer has one: a text
    must not end its own sequence (T5 and BART classify at that token).
    """
    if not tokenizer.is_fast:
        raise ModelError(f"{tokenizer.name_or_path}: only a slow tokenizer", hint="save it with a tokenizer.json")
    known: dict[str, int] = {}
    rows = np.fromiter((known.setdefault(text, len(known)) for text in texts), dtype=np.int64)
    distinct = list(known)
    backend = _backend(tokenizer)
    values, lengths = [], []
    for start in range(0, len(distinct), CHUNK):
        chunk = distinct[start : start + CHUNK]
        try:
            lists = [encoding.ids for encoding in backend.encode_batch_fast(chunk, add_special_tokens=False)]
        except (TypeError, UnicodeEncodeError):
            _refuse_broken(chunk)
            raise
        lengths.append(np.fromiter(map(len, lists), dtype=np.int64, count=len(lists)))
        values.append(np.fromiter(chain.from_iterable(lists), dtype=np.int32, count=int(lengths[-1].sum())))
    flat = np.concatenate(values) if values else np.empty(0, np.int32)
    if tokenizer.unk_token_id is not None and tokenizer.eos_token_id is not None:
        flat[flat == tokenizer.eos_token_id] = tokenizer.unk_token_id
    return Ragged(flat, offsets(np.concatenate(lengths) if lengths else np.empty(0, np.int64))), rows


def offsets(lengths: IntArray) -> IntArray:
    """Where rows of these lengths start in a flat array, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def gather(values: NDArray[np.integer], starts: IntArray, lengths: IntArray) -> NDArray[np.integer]:
    """``values[start:start + length]`` for every start and length, one after the other."""
    before = np.cumsum(lengths) - lengths
    return values[np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))]


@dataclass(frozen=True)
class Template:
    """The special tokens that a tokenizer puts before, between and after the texts of a row.

    ``specials`` and ``special_types`` hold one array of ids and of token types for each of the places around the texts
    (two for a single text, three for a pair); ``text_types`` is the token type of each text. ``filler`` stands in for a
    row that would have no token at all.
    """

    specials: tuple[NDArray[np.int32], ...]
    special_types: tuple[NDArray[np.int32], ...]
    text_types: tuple[int, ...]
    filler: int

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, texts: int) -> Template:
        """Reads the template for one text or for a pair off the tokenizer."""
        encoding = _backend(tokenizer).encode(*["a"] * texts)
        ids, types = np.array(encoding.ids, np.int32), np.array(encoding.type_ids, np.int32)
        places = np.array([-1 if place is None else place for place in encoding.sequence_ids])
        found = [np.flatnonzero(places == text) for text in range(texts)]
        if any(len(tokens) == 0 for tokens in found):
            raise ModelError(f"{tokenizer.name_or_path}: the tokenizer finds no token in the letter 'a'")
        edges = [0, *chain.from_iterable((tokens[0], tokens[-1] + 1) for tokens in found), len(ids)]
        around = list(zip(edges[::2], edges[1::2], strict=True))
        candidates = (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id, 0)
        return cls(
            tuple(ids[a:b] for a, b in around),
            tuple(types[a:b] for a, b in around),
            tuple(int(types[tokens[0]]) for tokens in found),
            next(candidate for candidate in candidates if candidate is not None),
        )

    def room(self, tokenizer: PreTrainedTokenizerBase, max_length: int) -> int:
        """Tokens left for the texts in a row of ``max_length``; :class:`UsageError` where that cannot work."""
        room = max_length - sum(map(len, self.specials))
        if room < len(self.text_types):
            raise UsageError(f"option max_length: {max_length} leaves no room for text beside the special tokens")
        if max_length > tokenizer.model_max_length:
            limit = tokenizer.model_max_length
            raise UsageError(
                f"option max_length: {max_length} is more than the {limit} tokens that the model takes",
                hint=f"--set max_length={limit}, or correct model_max_length in tokenizer_config.json",
            )
        return room

    def rows(self, values: NDArray[np.integer], starts: IntArray, lengths: IntArray) -> tuple[Ragged, Ragged]:
        """Rows of ids and of token types; text j of row i is ``values[starts[i, j]:][:lengths[i, j]]``."""
        count, texts = starts.shape
        pool = np.concatenate([values, *self.specials, [self.filler]]).astype(np.int32)
        spans = np.zeros((count, 2 * texts + 1, 2), dtype=np.int64)
        spans[:, 1::2, 0], spans[:, 1::2, 1] = starts, lengths
        spans[:, 0::2, 1] = [len(special) for special in self.specials]
        spans[:, 0::2, 0] = len(values) + offsets(spans[0, 0::2, 1])[:-1] if count else 0
        empty = spans[:, :, 1].sum(axis=1) == 0
        spans[empty, 1] = (len(pool) - 1, 1)
        flat = spans.reshape(-1, 2)
        edges = offsets(spans[:, :, 1].sum(axis=1))
        ids = gather(pool, flat[:, 0], flat[:, 1])
        return Ragged(ids, edges), Ragged(self._types(spans[:, :, 1]), edges)

    def _types(self, lengths: IntArray) -> NDArray[np.int32]:
        of_special = [int(types[0]) if len(types) else 0 for types in self.special_types]
        types = np.zeros(lengths.shape[1], dtype=np.int32)
        types[0::2], types[1::2] = of_special, self.text_types
        return np.repeat(np.tile(types, len(lengths)), lengths.ravel())


def balanced(a: IntArray, b: IntArray, room: int) -> tuple[IntArray, IntArray]:
    """How many tokens each side of a pair keeps: one token at a time goes from the longer side, from ``b`` in a tie.

    The rule of the reference preprocessing (transformers 2.8, "longest first"), in closed form. Fast tokenizers differ
    by one token where both sides are cut to an odd room and ``a`` was not the longer one: they give it to ``b``.
    """
    short = np.minimum(a, b)
    cut = np.where(room >= 2 * short, np.where(a > b, room - short, a), (room + 1) // 2)
    kept = np.where(a + b > room, cut, a)
    return kept, np.where(a + b > room, room - kept, b)


def encode_pairs(
    tokenizer: PreTrainedTokenizerBase,
    first: Sequence[str],
    second: Sequence[str] | None,
    max_length: int,
    *,
    front: bool = False,
) -> tuple[Ragged, Ragged | None]:
    """Rows of the tokenizer's own template (of a pair, or of a single text where ``second`` is None): ids, token types.

    Rows over ``max_length`` tokens, special tokens included, are cut as :func:`balanced` says, at the end of the texts
    or, with ``front``, at their beginning. Token types are None for tokenizers whose models have none.
    """
    template = Template.of(tokenizer, 1 if second is None else 2)
    room = template.room(tokenizer, max_length)
    tokens, rows = tokenise(tokenizer, chain(first, second or ()))
    texts = rows.reshape(-1, len(first)).T  # (rows, texts)
    starts, lengths = tokens.offsets[texts], tokens.lengths[texts]
    if second is None:
        kept = np.minimum(lengths, room)
    else:
        kept = np.stack(balanced(lengths[:, 0], lengths[:, 1], room), axis=1)
    ids, types = template.rows(tokens.values, starts + (lengths - kept if front else 0), kept)
    return ids, types if "token_type_ids" in tokenizer.model_input_names else None


def _backend(tokenizer: PreTrainedTokenizerBase) -> Any:
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return backend


def _refuse_broken(texts: Iterable[str]) -> None:
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            near = text[max(error.start - 20, 0) : error.end + 20]
            raise DataError(
                f"not valid Unicode (a lone surrogate) near {near!r}", hint="repair the data file"
            ) from None
