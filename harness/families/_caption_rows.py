"""Rows of captions behind places for the vectors of their pictures; pictures are decoded when a batch is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray
from harness.families._characters import token_spans, tokenise
from harness.families.text_rows import Mask
from harness.inference.features import Features, Ragged
from harness.inference.tokenization import offsets
from harness.models.pictures import pixels
from harness.types.examples import Captioned
from harness.types.pictures import Picture

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BLANK_STREAM = tuple(b"blank")
"""Ends the seed of the numbers that say which rows see no picture, so that masks do not depend on it."""


@dataclass(frozen=True)
class CaptionRows(Features):
    """Rows of captions, in front of each as many places as ``length`` says.

    Of ``pictures`` those of a batch are decoded, at ``size`` pixels a side: "pixels" (rows, size, size, 3). With ``mask``
    tokens are hidden anew at every step, "labels" say which; the numbers for it come from ``seed``, ``step`` and the row
    alone. "blank" are then the rows that see no picture, a share ``blank_share`` of them.
    """

    pictures: Sequence[Picture] = ()
    length: int = 0
    size: int = 0
    mask: Mask | None = None
    blank_share: float = 0.0
    seed: int = 0
    step: int = 0

    def at_step(self, seed: int, step: int) -> CaptionRows:
        """The rows as they are hidden in this step."""
        return replace(self, seed=seed, step=step)

    def batch(self, rows: IntArray, pad_id: int) -> dict[str, NDArray[np.generic]]:
        """Model inputs of these rows, and "pixels", "labels", "blank" as said above."""
        batch = super().batch(rows, pad_id)
        if self.mask is not None:
            batch |= self._hidden(batch["input_ids"], rows, pad_id)
        if self.length:
            batch["pixels"] = np.stack([pixels(self.pictures[row], self.size) for row in rows.tolist()])
        if self.blank_share:
            draws = [
                np.random.default_rng((self.seed, self.step, row, *_BLANK_STREAM)).random() for row in rows.tolist()
            ]
            batch["blank"] = np.array(draws) < self.blank_share
        return batch

    def _hidden(self, ids: NDArray[np.generic], rows: IntArray, pad_id: int) -> dict[str, NDArray[np.generic]]:
        """The ids with hidden tokens and their labels; the numbers belong to the tokens, whatever is in front of them."""
        assert self.mask is not None
        texts = [self.ids[row][self.length :] for row in rows.tolist()]
        lengths = np.array([len(text) for text in texts], np.int64)
        whole = Ragged(np.concatenate(texts), offsets(lengths))
        generators = [np.random.default_rng((self.seed, self.step, row)) for row in rows.tolist()]
        masked, labels = self.mask.drawn(whole.values, whole.offsets, generators)
        every, width = np.arange(len(rows)), ids.shape[1] - self.length
        front = ids[:, : self.length]
        return {
            "input_ids": np.concatenate([front, Ragged(masked, whole.offsets).padded(every, pad_id, width)], axis=1),
            "labels": np.concatenate(
                [np.full_like(front, -100), Ragged(labels, whole.offsets).padded(every, -100, width)], axis=1
            ),
        }


@dataclass(frozen=True)
class Gap:
    """A stretch of a caption to be filled in: the characters that it takes, and the places of its tokens in the row."""

    begin: int
    end: int
    tokens: range


def gaps(tokenizer: PreTrainedTokenizerBase, captions: Sequence[Captioned], behind: int, room: int) -> list[list[Gap]]:
    """For each caption the gaps of its spans; of one without spans, the whole of it.

    A gap has whole tokens: those that touch its span, and no gap before it. ``behind`` are the tokens of a row in front of
    the caption, ``room`` those of the caption that the row has.
    """
    texts, which = tokenise(tokenizer, [caption.caption for caption in captions])
    spans = [caption.spans or ((0, len(caption.caption)),) for caption in captions]
    flat = np.array([span for own in spans for span in own], np.int64).reshape(-1, 2)
    of_text = np.repeat(which, [len(own) for own in spans])
    first, last = token_spans(texts, of_text, flat[:, 0], flat[:, 1])
    found: list[list[Gap]] = []
    place = 0
    for caption, number, own in zip(captions, which.tolist(), spans, strict=True):
        start, free = int(texts.ids.offsets[number]), 0
        found.append([])
        for _ in own:
            low, high = max(int(first[place]), free), min(int(last[place]) + 1, room)
            place += 1
            if low < high:
                begin, end = int(texts.begin[start + low]), int(texts.end[start + high - 1])
                begin += len(caption.caption[begin:end]) - len(caption.caption[begin:end].lstrip())
                found[-1].append(Gap(begin, end, range(behind + low, behind + high)))
                free = high
    return found


def filled(caption: str, found: Sequence[Gap], words: Sequence[str]) -> str:
    """The caption with other words in its gaps."""
    parts, after = [], 0
    for gap, word in zip(found, words, strict=True):
        parts += [caption[after : gap.begin], word]
        after = gap.end
    return "".join([*parts, caption[after:]])
