"""Rows of captions behind places for the vectors of their pictures; pictures are decoded when a batch is asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import FloatArray, IntArray
from harness.data.letter_scripts import UNSPACED
from harness.families._characters import token_spans, tokenise
from harness.families._source_rows import SourceRows
from harness.families.text_rows import Mask
from harness.inference.features import Features, Ragged
from harness.inference.tokenization import RowTemplate, offsets
from harness.models.pictures import pixels
from harness.types.examples import Captioned
from harness.types.pictures import Picture

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_BLANK_STREAM = tuple(b"blank")
"""Ends the seed of the numbers that say which rows see no picture, so that masks do not depend on it."""
MASKS = ("tokens", "words", "spans")
"""Units that are hidden together in training: single tokens, the tokens of a word, those of a marked stretch."""
_WORD = re.compile(rf"[{UNSPACED}]|[^\s{UNSPACED}]+")
"""A word of letters, marks and digits, or one character of a script without spaces."""


@dataclass(frozen=True)
class CaptionRows(Features):
    """Rows of captions, in front of each as many places as ``length`` says.

    Of ``pictures`` those of a batch are decoded, at ``size`` pixels a side: "pixels" (rows, size, size, 3), and "picture"
    (rows,) has a number for each. With ``mask`` tokens are hidden anew at every step, "labels" say which; the numbers for it
    come from ``seed``, ``step`` and the row alone. ``groups`` says for each token of a caption's row, special ones included,
    the place of the first token that it is hidden with, -1 where it never is; () where each is hidden by itself. With
    ``plainly`` what is hidden is always a mask, never another token. "blank" are the rows that see no picture, a share
    ``blank_share`` of them.
    """

    pictures: Sequence[Picture] = ()
    length: int = 0
    size: int = 0
    mask: Mask | None = None
    groups: Sequence[IntArray] = ()
    plainly: bool = False
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
            batch |= _seen([self.pictures[row] for row in rows.tolist()], self.size)
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
        drawn = [
            np.random.default_rng((self.seed, self.step, row)).random((len(text), 3))
            for row, text in zip(rows.tolist(), texts, strict=True)
        ]
        if self.groups:
            drawn = [_together(numbers, self.groups[row]) for row, numbers in zip(rows.tolist(), drawn, strict=True)]
        draw, kind, other = np.concatenate(drawn).T
        if self.plainly:
            kind = np.zeros_like(kind)
        others = (other * len(self.mask.ordinary)).astype(np.int64)
        masked, labels = self.mask.apply(whole.values, draw, kind, others, whole.offsets)
        every, width = np.arange(len(rows)), ids.shape[1] - self.length
        front = ids[:, : self.length]
        return {
            "input_ids": np.concatenate([front, Ragged(masked, whole.offsets).padded(every, pad_id, width)], axis=1),
            "labels": np.concatenate(
                [np.full_like(front, -100), Ragged(labels, whole.offsets).padded(every, -100, width)], axis=1
            ),
        }


@dataclass(frozen=True)
class WrittenRows(SourceRows):
    """Rows that begin with ``length`` places for the vectors of a picture; "pixels" of a batch as in :class:`CaptionRows`."""

    pictures: Sequence[Picture] = ()
    length: int = 0
    size: int = 0

    def batch(self, rows: IntArray, pad_id: int) -> dict[str, NDArray[np.generic]]:
        """Model inputs of these rows, and "pixels" where they have pictures."""
        batch = super().batch(rows, pad_id)
        if self.length:
            batch |= _seen([self.pictures[row] for row in rows.tolist()], self.size)
        return batch


def _seen(pictures: Sequence[Picture], size: int) -> dict[str, NDArray[np.generic]]:
    """The "pixels" of pictures, and "picture", a number that tells them apart."""
    return {
        "pixels": np.stack([pixels(picture, size) for picture in pictures]),
        "picture": np.array([int(picture.digest[:15], 16) for picture in pictures], np.int64),
    }


def _together(numbers: FloatArray, groups: IntArray) -> FloatArray:
    """Numbers of a row's tokens, (tokens, 3), of which the first two are those of the first of a group.

    Tokens that are in no group are not chosen.
    """
    found = numbers.copy()
    found[:, :2] = numbers[groups, :2]
    found[groups < 0, 0] = 1.0
    return found


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


def in_front(rows: Ragged, values: IntArray) -> Ragged:
    """The rows with the same values in front of each."""
    edges = offsets(rows.lengths + len(values))
    places = (edges[:-1, None] + np.arange(len(values))).ravel()
    found, inside = np.empty(int(edges[-1]), np.int64), np.ones(int(edges[-1]), np.bool_)
    inside[places] = False
    found[places], found[inside] = np.tile(values, len(rows)), rows.values
    return Ragged(found, edges)


def words(caption: str) -> tuple[tuple[int, int], ...]:
    """The stretches of a caption, (start, end) in characters, that are words."""
    plain = "".join(letter if unicodedata.category(letter)[0] in "LMN" else " " for letter in caption)
    return tuple(match.span() for match in _WORD.finditer(plain))


def groups(
    tokenizer: PreTrainedTokenizerBase, captions: Sequence[Captioned], mask: str, lengths: IntArray
) -> list[IntArray]:
    """For each token of the rows of captions, of these ``lengths``, the place of the first token that it is hidden with.

    It is -1 for tokens that are never hidden: those outside the marked stretches with ``mask`` "spans". A caption in which
    none are marked is hidden word by word.
    """
    template = RowTemplate.of(tokenizer, 1)
    behind = template.texts[0]
    marked = [
        caption if mask == "spans" and caption.spans else replace(caption, spans=words(caption.caption))
        for caption in captions
    ]
    room = int(lengths.max(initial=0)) - len(template.ids) + 1
    found = []
    for caption, own, length in zip(captions, gaps(tokenizer, marked, behind, room), lengths.tolist(), strict=True):
        row = np.full(length, -1) if mask == "spans" and caption.spans else np.arange(length)
        for gap in own:
            row[gap.tokens.start : gap.tokens.stop] = gap.tokens.start
        found.append(row)
    return found


def filled(caption: str, found: Sequence[Gap], said: Sequence[str]) -> str:
    """The caption with other words in its gaps."""
    parts, after = [], 0
    for gap, word in zip(found, said, strict=True):
        parts += [caption[after : gap.begin], word]
        after = gap.end
    return "".join([*parts, caption[after:]])
