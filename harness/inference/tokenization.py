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

from harness.core.arrays import IntArray
from harness.core.errors import DataError, ModelError, TooLongForModel, UsageError
from harness.inference.features import Ragged
from harness.models.letters import letters_of

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHUNK = 16_384
"""Texts tokenised at a time: the tokenizer's own records take a hundred times the memory of the ids."""


def tokenise(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> tuple[Ragged, IntArray]:
    """Token ids of each distinct text, without special tokens, and for every text its row among them.

    Where a text spells out the end-of-sequence token it becomes the unknown token, if the tokenizer has one: a text
    must not end its own sequence (T5 and BART classify at that token).
    """
    known: dict[str, int] = {}
    rows = np.fromiter((known.setdefault(text, len(known)) for text in texts), dtype=np.int64)
    distinct = list(known)
    backend = backend_of(tokenizer)
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
    edges = offsets(np.concatenate(lengths) if lengths else np.empty(0, np.int64))
    return Ragged(without_end(tokenizer, flat), edges), rows


def without_end(tokenizer: PreTrainedTokenizerBase, values: NDArray[np.integer]) -> NDArray[np.integer]:
    """The tokens of a text, in place, with the unknown token for the end of sequence, if the tokenizer has both."""
    if tokenizer.unk_token_id is not None and tokenizer.eos_token_id is not None:
        values[values == tokenizer.eos_token_id] = tokenizer.unk_token_id
    return values


def offsets(lengths: IntArray) -> IntArray:
    """Starts of rows of these lengths in a flat array, and the end of the last one."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def gather(values: NDArray[np.integer], starts: IntArray, lengths: IntArray) -> NDArray[np.integer]:
    """``values[start:start + length]`` for every start and length, one after the other."""
    before = np.cumsum(lengths) - lengths
    return values[np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))]


@dataclass(frozen=True)
class RowTemplate:
    """The row that a tokenizer makes of a text or of a pair, as parts: a special token each, or a whole text.

    ``ids`` and ``types`` hold the token id (-1 for a text) and the token type of each part, ``texts`` which parts are
    the texts. ``filler`` replaces a row that would have no token at all. ``separator`` is the token that was put between
    the texts of a pair because the tokenizer puts none there.
    """

    ids: IntArray
    types: IntArray
    texts: tuple[int, ...]
    filler: int
    separator: int | None = None

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, texts: int) -> RowTemplate:
        """Reads the template for one text or for a pair off the tokenizer.

        Where it would glue a pair together, as those of decoders do, a separator comes in between.
        """
        encoding = backend_of(tokenizer).encode(*["a"] * texts)
        ids: list[int] = []
        types: list[int] = []
        found: dict[int, int] = {}
        for token, type_, text in zip(encoding.ids, encoding.type_ids, encoding.sequence_ids, strict=True):
            if text is None or text not in found:
                ids.append(token if text is None else -1)
                types.append(type_)
            if text is not None:
                found.setdefault(text, len(ids) - 1)
        if len(found) < texts:
            raise ModelError(f"{tokenizer.name_or_path}: the tokenizer finds no token in the letter 'a'")
        separator = _separator(tokenizer) if texts == 2 and found[1] == found[0] + 1 else None
        if separator is not None:
            ids.insert(found[1], separator)
            types.insert(found[1], types[found[0]])
            found[1] += 1
        fillers = (tokenizer.eos_token_id, tokenizer.pad_token_id, tokenizer.unk_token_id, 0)
        filler = next(token for token in fillers if token is not None)
        return cls(np.array(ids), np.array(types), tuple(found[text] for text in range(texts)), filler, separator)

    def room(self, tokenizer: PreTrainedTokenizerBase, max_length: int) -> int:
        """Tokens left for the texts in a row of ``max_length``; :class:`UsageError` where that cannot work."""
        room = max_length - (len(self.ids) - len(self.texts))
        if room < len(self.texts):
            raise UsageError(f"option max_length: {max_length} leaves no room for text beside the special tokens")
        if max_length > tokenizer.model_max_length:
            limit = tokenizer.model_max_length
            raise TooLongForModel(
                f"option max_length: {max_length} is more than the {limit} tokens that the model takes",
                hint=f"--set max_length={limit}, or correct model_max_length in tokenizer_config.json",
            )
        return room

    def rows(self, values: NDArray[np.integer], starts: IntArray, lengths: IntArray) -> tuple[Ragged, Ragged]:
        """Rows of ids and of token types; text j of row i is ``values[starts[i, j]:][:lengths[i, j]]``."""
        pool = np.concatenate([values, self.ids, [self.filler]]).astype(np.int32)
        where = np.tile(len(values) + np.arange(len(self.ids)), (len(starts), 1))
        size = np.ones_like(where)
        where[:, self.texts], size[:, self.texts] = starts, lengths
        empty = size.sum(axis=1) == 0
        where[empty, 0], size[empty, 0] = len(pool) - 1, 1
        edges = offsets(size.sum(axis=1))
        types = np.repeat(np.tile(self.types, len(size)), size.ravel()).astype(np.int32)
        return Ragged(gather(pool, where.ravel(), size.ravel()), edges), Ragged(types, edges)


def _separator(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that ends a text."""
    sep: int | None = tokenizer.sep_token_id
    return tokenizer.eos_token_id if sep is None else sep


def pair_treatment(tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """``separator``: the token put between the texts of a pair, where the tokenizer itself puts none."""
    separator = RowTemplate.of(tokenizer, 2).separator
    return {} if separator is None else {"separator": tokenizer.convert_ids_to_tokens(separator)}


def balanced(a: IntArray, b: IntArray, room: int) -> tuple[IntArray, IntArray]:
    """Numbers of tokens that the sides of a pair keep: one token at a time goes from the longer side, from ``b`` in a tie.

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
    template = RowTemplate.of(tokenizer, 1 if second is None else 2)
    room = template.room(tokenizer, max_length)
    tokens, rows = tokenise(tokenizer, chain(first, second or ()))
    texts = rows.reshape(len(template.texts), -1).T  # (rows, texts)
    starts, lengths = tokens.offsets[texts], tokens.lengths[texts]
    if second is None:
        kept = np.minimum(lengths, room)
    else:
        kept = np.stack(balanced(lengths[:, 0], lengths[:, 1], room), axis=1)
    ids, types = template.rows(tokens.values, starts + (lengths - kept if front else 0), kept)
    return ids, types if "token_type_ids" in tokenizer.model_input_names else None


def backend_of(tokenizer: PreTrainedTokenizerBase) -> Any:
    """The part of a fast tokenizer that encodes, without its truncation or padding."""
    if not tokenizer.is_fast:
        letters = letters_of(tokenizer)
        if letters is None:
            raise ModelError(f"{tokenizer.name_or_path}: only a slow tokenizer", hint="save it with a tokenizer.json")
        return letters
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return backend


def encoded(backend: Any, text: str) -> Any:
    """The encoding of one text, None where the tokenizer has neither its tokens nor one for unknown text."""
    try:
        return backend.encode(text, add_special_tokens=False)
    except Exception:  # the library raises plain Exception
        return None


def _refuse_broken(texts: Iterable[str]) -> None:
    for text in texts:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            near = text[max(error.start - 20, 0) : error.end + 20]
            raise DataError(
                f"not valid Unicode (a lone surrogate) near {near!r}", hint="repair the data file"
            ) from None
