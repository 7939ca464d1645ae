"""F1 of labelled chunks (maximal spans of tags), for named entities and, as XTREME has it, for parts of speech.

The chunk rules are those of the CoNLL-2000 scorer ``conlleval`` as ported by seqeval (Nakayama 2018): lenient, so that an
I- tag with no B- before it opens a chunk. A unit's F1, precision and recall are seqeval's own. It has no counts of single
sentences, which the bootstrap, comparisons and breakdowns need; these are made here, by one pass of array operations over
all sentences laid end to end, each closed by an "O".
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import FloatArray
from harness.scoring.chance import Chance
from harness.scoring.metrics.accuracy import accuracy_chance, most_frequent_answers
from harness.scoring.metrics.base import AdditiveMetric, f1_values, percent
from harness.types import entity_tags

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_PREFIXES = "OBIES."
_CONSTANTS = 20
"""Tags that are tried as the one answer to everything, the most frequent ones."""
_SENTENCES = 2_000
_DRAWN = 20_000
"""Words whose tags are drawn at least to find the score of random tags."""
_SEED = 20200326
_OTHER = len(_PREFIXES)
"""Any other first letter; which one does not matter, as the rules name only those above."""


@dataclass(frozen=True)
class Chunks:
    """Chunks by their last token: whether one ends at each position, where it begins, and its type."""

    ends: BoolArray
    begins: IntArray
    types: IntArray


def _any_of(prefixes: NDArray[np.int8], letters: str) -> BoolArray:
    members = np.array([letter in letters for letter in _PREFIXES] + [False])
    return members[prefixes]


def find_chunks(prefixes: NDArray[np.int8], types: IntArray) -> Chunks:
    """The chunks of a sequence of tags, each a prefix (index into ``OBIES.``) and a type; the last must be outside.

    A chunk ends after a token whose prefix is E or S; or is B or I, before B, S or O; or is inside, before another
    type. It begins at a token whose prefix is B or S; or is E or I, after E, S or O; or is inside, after another type.
    """
    before, after = prefixes[:-1], prefixes[1:]
    differ = types[:-1] != types[1:]
    inside = ~_any_of(prefixes, "O.")
    ends = np.zeros(len(prefixes), dtype=np.bool_)
    ends[:-1] = _any_of(before, "ES") | (_any_of(before, "BI") & _any_of(after, "BSO")) | (inside[:-1] & differ)
    starts = _any_of(prefixes, "BS") | inside
    starts[1:] = _any_of(after, "BS") | (_any_of(before, "EOS") & _any_of(after, "EI")) | (inside[1:] & differ)
    begins = np.maximum.accumulate(np.where(starts, np.arange(len(prefixes)), 0))
    return Chunks(ends, begins, types)


@dataclass(frozen=True)
class _Laid:
    """Sentences laid end to end, each followed by a closing "O", which is no token and must not count as a right tag.

    ``tags`` are numbers, and ``lengths`` count the closing "O".
    """

    tags: IntArray
    is_token: BoolArray
    lengths: IntArray

    @classmethod
    def of(cls, sentences: Sequence[Sequence[str]], codes: defaultdict[str, int]) -> _Laid:
        """Lays sentences of tags; a new tag gets the next number."""
        tags = _flat(sentences, codes)
        lengths = np.fromiter(map(len, sentences), dtype=np.int64, count=len(sentences)) + 1
        is_token = np.ones(len(tags), dtype=np.bool_)
        is_token[np.cumsum(lengths) - 1] = False
        return cls(tags, is_token, lengths)

    def repeated(self, times: int) -> _Laid:
        """The same sentences so many times over."""
        return _Laid(np.tile(self.tags, times), np.tile(self.is_token, times), np.tile(self.lengths, times))


def _codes() -> defaultdict[str, int]:
    """The number of each tag, from 0 for "O"."""
    codes: defaultdict[str, int] = defaultdict(count().__next__)
    codes["O"]
    return codes


def _flat(sentences: Iterable[Iterable[str]], codes: Mapping[str, int]) -> IntArray:
    tags = chain.from_iterable(chain(sentence, ("O",)) for sentence in sentences)
    return np.fromiter(map(codes.__getitem__, tags), dtype=np.int64)


class _ChunkF1(AdditiveMetric):
    primary = ("f1",)

    @staticmethod
    @abstractmethod
    def chunk_type(tag: str) -> str:
        """The type of a tag; its prefix is always its first letter."""

    @classmethod
    def spelt(cls, tag: str) -> str:
        """The tag as seqeval has to get it."""
        return tag

    @staticmethod
    def check(tags: Iterable[str]) -> None:
        """Raises an error for a tag that would be misread."""

    def whole(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], statistics: FloatArray
    ) -> dict[str, float]:
        """The chunk numbers of seqeval's default mode (micro average), and the accuracy of the sums."""
        values = super().whole(gold, predicted, statistics)
        if not len(gold):
            return values
        # imports scikit-learn, which takes a second: only who scores chunks waits for it
        from seqeval.metrics.sequence_labeling import precision_recall_fscore_support

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of every word with a prefix other than B, I, E and S
            precision, recall, f1, _ = precision_recall_fscore_support(
                self._spelt(gold), self._spelt(predicted), average="micro", zero_division=0
            )
        return values | {"f1": 100 * float(f1), "precision": 100 * float(precision), "recall": 100 * float(recall)}

    def _spelt(self, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
        spelt = {tag: self.spelt(tag) for tag in set(chain.from_iterable(sentences))}
        return [[spelt[tag] for tag in sentence] for sentence in sentences]

    def statistics(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], language: str
    ) -> FloatArray:
        """Per sentence: chunks in both, predicted chunks, gold chunks, right tags, tags."""
        codes = _codes()
        laid = _Laid.of(gold, codes)
        guess = _flat(predicted, codes)
        self.check(codes)
        if len(laid.tags) != len(guess):
            raise ValueError("gold and predicted sentences differ in length")
        owner = np.repeat(np.arange(len(gold)), laid.lengths)
        columns = self._counted(laid, guess, codes)
        return np.stack([np.bincount(owner[column], minlength=len(gold)) for column in columns], axis=1).astype(
            np.float64
        )

    def _counted(self, laid: _Laid, guess: IntArray, codes: Mapping[str, int]) -> tuple[BoolArray, ...]:
        """The positions that each of the statistics counts."""
        true, found = self._chunks(laid.tags, codes), self._chunks(guess, codes)
        hits = true.ends & found.ends & (true.begins == found.begins) & (true.types == found.types)
        return hits, found.ends, true.ends, (laid.tags == guess) & laid.is_token, laid.is_token

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The values "f1", "precision", "recall" (of chunks) and "accuracy" (of tokens)."""
        return {
            **f1_values(sums[..., 0], sums[..., 1], sums[..., 2]),
            "accuracy": percent(sums[..., 3], sums[..., 4]),
        }

    def chance(
        self, gold: Sequence[Sequence[str]], language: str, choices: float | None = None
    ) -> Mapping[str, Chance]:
        """The tag that scores best on all words, and tags drawn for each word from those that occur, always the same draw.

        The F1 of both is found on at most 2,000 sentences at equal distances.
        """
        some = gold[:: -(-len(gold) // _SENTENCES) or 1]
        if not (tags := most_frequent_answers(some, _CONSTANTS)):
            return {}
        codes = _codes()
        laid = _Laid.of(some, codes)
        constant = max(self._f1_of_guesses(laid, [tag], codes) for tag in tags)
        # few sentences are drawn several times, so that one draw says little
        times = max(_DRAWN // max(int(laid.is_token.sum()), 1), 1)
        random = self._f1_of_guesses(laid.repeated(times), sorted(tags), codes)
        return {"f1": Chance(random, constant), **accuracy_chance(gold, choices)}

    def _f1_of_guesses(self, gold: _Laid, tags: Sequence[str], codes: Mapping[str, int]) -> float:
        """The F1 of one of the tags for each word, drawn at random where there are several."""
        choices = np.array([codes[tag] for tag in tags])
        guess = np.full_like(gold.tags, codes["O"])
        guess[gold.is_token] = choices[np.random.default_rng(_SEED).integers(len(tags), size=int(gold.is_token.sum()))]
        sums = np.array([np.count_nonzero(column) for column in self._counted(gold, guess, codes)], np.float64)
        return float(self.finish(sums)["f1"])

    def _chunks(self, sequence: IntArray, codes: Mapping[str, int]) -> Chunks:
        kinds: defaultdict[str, int] = defaultdict(count().__next__)
        types = np.array([kinds[self.chunk_type(tag)] for tag in codes], dtype=np.int64)
        found = [_PREFIXES.find(tag[:1]) for tag in codes]
        prefixes = np.array([_OTHER if place < 0 else place for place in found], dtype=np.int8)
        return find_chunks(prefixes[sequence], types[sequence])


class ChunkF1(_ChunkF1):
    """Micro-averaged F1 of entities in IOB2 tags (PAN-X), sequences read as by seqeval's default mode; token accuracy."""

    name = entity_tags.METRIC

    @staticmethod
    def chunk_type(tag: str) -> str:
        """The type of a tag: ``PER`` of ``B-PER``."""
        return tag[1:].split("-", maxsplit=1)[-1] or "_"

    @staticmethod
    def check(tags: Iterable[str]) -> None:
        """Raises :class:`~harness.types.entity_tags.NoEntityTag` for a tag of another scheme."""
        entity_tags.check(tags)


class LegacyChunkF1(_ChunkF1):
    """The "F1" of XTREME's UD-POS: chunk F1 over bare tags by the seqeval of 2020, and token accuracy.

    The whole tag is the type and its first letter the prefix, so that a run of one tag is one chunk, except for SYM and
    SCONJ (S: every token its own). Later seqeval releases cut the first letter off the type and give other numbers, so
    they get both in full: ``N-NOUN``.
    """

    name = "udpos_f1"

    @staticmethod
    def chunk_type(tag: str) -> str:
        """The type of a tag: all of it, or what follows its last hyphen."""
        return tag.rsplit("-", maxsplit=1)[-1]

    @classmethod
    def spelt(cls, tag: str) -> str:
        """Prefix and type with a hyphen between them: ``N-NOUN``."""
        return f"{tag[:1]}-{cls.chunk_type(tag)}"
