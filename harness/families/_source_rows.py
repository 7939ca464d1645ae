"""Rows of texts and, apart from them, of what is to be written: for encoder-decoders and decoders alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from harness.core.arrays import IntArray
from harness.core.errors import ModelError
from harness.inference.features import Features, Ragged
from harness.inference.tokenization import RowTemplate, gather, offsets, tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class SourceRows(Features):
    """Texts as rows. ``cost`` counts what a row takes in a batch: the tokens of its text and those that are written."""

    cost: IntArray | None = None

    @property
    def lengths(self) -> IntArray:
        """The cost of each row, which batches are packed by."""
        return self.ids.lengths if self.cost is None else self.cost

    @property
    def longest(self) -> int:
        """Tokens of the longest row of either side: each needs as many positions."""
        sides = (self.ids, *(ragged for ragged, _ in self.aligned.values()))
        return max(int(side.lengths.max(initial=0)) for side in sides)


def end_token(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends what is written; ModelError where the tokenizer has none."""
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"{tokenizer.name_or_path}: its tokenizer has no end token", hint="set eos_token in tokenizer_config.json"
        )
    return int(tokenizer.eos_token_id)


def closing_token(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that the harness puts after a text because the tokenizer puts none there; None where it does.

    Without it a decoder could not tell where the text ends and what is written begins.
    """
    template = RowTemplate.of(tokenizer, 1)
    return end_token(tokenizer) if template.texts[0] == len(template.ids) - 1 else None


def source_rows(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], max_length: int, example: IntArray
) -> SourceRows:
    """Texts as the tokenizer lays them out, with :func:`closing_token`, cut at their end to ``max_length`` tokens in all."""
    template = RowTemplate.of(tokenizer, 1)
    closing = closing_token(tokenizer)
    if closing is not None:
        template = replace(
            template, ids=np.append(template.ids, closing), types=np.append(template.types, template.types[-1])
        )
    room = template.room(tokenizer, max_length)
    tokens, which = tokenise(tokenizer, texts)
    kept = np.minimum(tokens.lengths[which], room)
    ids, _ = template.rows(tokens.values, tokens.offsets[which][:, None], kept[:, None])
    return SourceRows(ids, example)


def target_rows(tokenizer: PreTrainedTokenizerBase, targets: Sequence[str], longest: int) -> Ragged:
    """Targets as tokens and the end token, cut to ``longest`` tokens; one that is cut does not end."""
    tokens, which = tokenise(tokenizer, targets)
    whole = tokens.lengths[which]
    kept = np.minimum(whole, longest)
    ended = kept + (whole < longest)
    values: np.ndarray[tuple[int], np.dtype[np.int64]] = np.full(int(ended.sum()), end_token(tokenizer), np.int64)
    edges = offsets(ended)
    places = np.repeat(edges[:-1] - (np.cumsum(kept) - kept), kept) + np.arange(int(kept.sum()))
    values[places] = gather(tokens.values, tokens.offsets[which], kept)
    return Ragged(values, edges)
