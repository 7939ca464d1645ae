"""Rows of running text, tokenised and masked when they are asked for, so that memory does not grow with the corpus."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import IntArray
from harness.core.errors import UsageError
from harness.data.corpus import Corpus
from harness.inference.features import Features, Ragged
from harness.inference.tokenization import RowTemplate, tokenise
from harness.types.examples import Example, Text
from harness.types.languages import language_number

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

KEPT = 4_096
"""Rows whose tokens are remembered, from asking for their lengths until they are batched."""


@dataclass(frozen=True)
class Mask:
    """Chooses the tokens that are predicted, and their replacements. ``ordinary`` are the ids that are not special.

    ``most`` tokens of a row are predicted at most, where that is not 0.
    """

    probability: float
    mask_id: int
    special: NDArray[np.bool_]
    ordinary: NDArray[np.int64]
    most: int = 0

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase, probability: float, most: int = 0) -> Mask:
        """The mask token and the special tokens of a tokenizer."""
        special = np.zeros(len(tokenizer), np.bool_)
        special[tokenizer.all_special_ids] = True
        return cls(probability, cast(int, tokenizer.mask_token_id), special, np.flatnonzero(~special), most)

    def apply(
        self,
        ids: NDArray[np.integer],
        draw: NDArray[np.floating],
        kind: NDArray[np.floating],
        other: NDArray[np.integer],
        offsets: IntArray,
    ) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """Inputs and labels (-100 where nothing is predicted), from numbers drawn for every token: ``draw`` and ``kind``
        uniform in [0, 1), ``other`` an index into ``ordinary``. Special tokens are never predicted; of a row that has too many
        those with the smallest draws are. ``offsets`` are the starts of the rows, and the end of the last one."""
        chosen = (draw < self.probability) & ~self.special[ids]
        if self.most:
            row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
            order = np.lexsort(
                (draw, ~chosen, row)
            )  # in each row the chosen ones first, the smallest draws before others
            place = np.empty(len(order), np.int64)
            place[order] = np.arange(len(order)) - offsets[row[order]]
            chosen &= place < self.most
        masked = np.where(chosen & (kind < 0.8), self.mask_id, ids)
        masked = np.where(chosen & (kind >= 0.9), self.ordinary[other], masked)
        return masked, np.where(chosen, ids, -100)

    def fixed(self, ids: NDArray[np.integer], offsets: IntArray) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """:meth:`apply` with numbers that depend only on the number of tokens."""
        rng = np.random.default_rng(0)
        size = ids.shape
        return self.apply(ids, rng.random(size), rng.random(size), rng.integers(len(self.ordinary), size=size), offsets)

    def drawn(
        self, ids: NDArray[np.integer], offsets: IntArray, generators: Sequence[np.random.Generator]
    ) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
        """:meth:`apply` with numbers from the generator of each row."""
        lengths = np.diff(offsets).tolist()
        numbers = [generator.random((length, 3)) for generator, length in zip(generators, lengths, strict=True)]
        draw, kind, other = np.concatenate([np.empty((0, 3)), *numbers]).T
        return self.apply(ids, draw, kind, (other * len(self.ordinary)).astype(np.int64), offsets)


@dataclass(frozen=True)
class Languages:
    """An epoch over texts in several languages, each with its smoothed share, the largest language seen once.

    Rows ``starts[i]:starts[i + 1]`` are language i, whose ``sizes[i]`` texts come over and over.
    """

    sizes: IntArray
    starts: IntArray

    @classmethod
    def of(cls, sizes: Sequence[int], alpha: float) -> Languages:
        """Shares proportional to size^alpha: with alpha <= 1 no language has more rows a text than a smaller one."""
        n = np.array(sizes, np.int64)
        share = np.where(n > 0, n.astype(np.float64) ** alpha, 0.0)
        rows = np.rint(share * (n.max(initial=0) / share.max(initial=1))).astype(np.int64)
        return cls(n, np.concatenate([[0], np.cumsum(rows)]).astype(np.int64))

    def text(self, row: int) -> tuple[int, int]:
        """The language of a row, and which of its texts it is."""
        language = int(np.searchsorted(self.starts, row, side="right")) - 1
        return language, int((row - self.starts[language]) % self.sizes[language])


class _Lengths:
    """Stands in for the array of all lengths: indexed by a row, a slice or an array of rows."""

    def __init__(self, rows: TextRows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int | slice | IntArray) -> Any:
        if isinstance(index, slice):
            index = np.arange(*index.indices(len(self.rows)))
        if isinstance(index, np.ndarray):
            return np.array([self.rows.length(int(row)) for row in index.ravel()], np.int64).reshape(index.shape)
        return np.int64(self.rows.length(int(index)))


class TextRows:
    """:class:`~harness.inference.features.FeatureRows` over texts of any size; every row is an item.

    ``examples`` are texts; a :class:`~harness.data.corpus.Corpus` has one part a language, anything else counts as one.
    Masks, and the stretches of long texts, depend on the seed, the step and the row alone (:meth:`at_step`): neither on
    how a step is cut into micro-batches nor on the number of processes.
    """

    together: int = 1

    def __init__(
        self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], mask: Mask, max_length: int, alpha: float
    ) -> None:
        self.tokenizer = tokenizer
        self.parts: Sequence[Sequence[Example]] = examples.parts if isinstance(examples, Corpus) else (examples,)
        self.mask = mask
        self.template = RowTemplate.of(tokenizer, 1)
        self.room = self.template.room(tokenizer, max_length)
        self.languages = Languages.of([len(part) for part in self.parts], alpha)
        self._kept: OrderedDict[int, NDArray[np.integer]] = OrderedDict()
        self._spoken: Sequence[str] | None = None
        self._drawn_for = (0, 0)

    def at_step(self, seed: int, step: int) -> TextRows:
        """The rows as they are masked in this step of a training with this seed."""
        found = copy(self)
        found._drawn_for = (seed, step)
        return found

    def with_languages(self, languages: Sequence[str]) -> TextRows:
        """The same rows, each in the language of its text; ``languages`` has a code for each text, part by part."""
        found = copy(self)
        found._spoken = languages
        return found

    def __len__(self) -> int:
        return int(self.languages.starts[-1])

    @property
    def item_count(self) -> int:
        """Number of rows."""
        return len(self)

    def rows_of(self, items: IntArray) -> IntArray:
        """The items themselves."""
        return items

    @property
    def lengths(self) -> IntArray:
        """Tokens in each row, counted when asked for."""
        return cast(IntArray, _Lengths(self))

    @property
    def longest(self) -> int:
        """Tokens of the longest row that may come, known before any text is read."""
        return self.room + len(self.template.ids) - 1

    def length(self, row: int) -> int:
        """Tokens in one row, special tokens included."""
        special = len(self.template.ids) - 1
        return max(min(len(self._tokens(row)), self.room) + special, 1)

    def batch(self, rows: IntArray, pad_id: int) -> dict[str, NDArray[np.generic]]:
        """Masked input_ids, attention_mask, labels and, where the model has them, token_type_ids."""
        texts = [self._tokens(int(row)) for row in rows]
        generators = [np.random.default_rng((*self._drawn_for, row)) for row in rows.tolist()]
        lengths = np.array([len(text) for text in texts], np.int64)
        kept = np.minimum(lengths, self.room)
        # A text that does not fit shows another stretch each time.
        begins = np.array([generator.random() for generator in generators]) * (lengths - kept + 1)
        offsets = np.cumsum(lengths) - lengths
        ids, types = self.template.rows(
            np.concatenate(texts), (offsets + begins.astype(np.int64))[:, None], kept[:, None]
        )
        masked, labels = self.mask.drawn(ids.values, ids.offsets, generators)
        names = self.tokenizer.model_input_names
        whole = Features(
            Ragged(masked, ids.offsets),
            rows,
            segments=types if "token_type_ids" in names else None,
            aligned={"labels": (Ragged(labels, ids.offsets), -100)},
            languages=None if self._spoken is None else np.array([self._number(int(row)) for row in rows], np.int64),
        )
        return whole.batch(np.arange(len(rows)), pad_id)

    def _number(self, row: int) -> int:
        """The number of the language of a row's text."""
        assert self._spoken is not None
        part, index = self.languages.text(row)
        return language_number(self._spoken[sum(map(len, self.parts[:part])) + index])

    def _tokens(self, row: int) -> NDArray[np.integer]:
        """The tokens of a row's text, without special tokens."""
        if row in self._kept:
            return self._kept[row]
        language, index = self.languages.text(row)
        text = self.parts[language][index]
        if not isinstance(text, Text):
            raise UsageError(f"masked language modelling trains on texts, not on {type(text).__name__} examples")
        self._kept[row] = tokenise(self.tokenizer, [text.text])[0].values
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._kept[row]
