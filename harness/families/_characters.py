"""Texts as tokens with their character offsets: from answers to tokens, and from tokens to answers.

Each distinct text is tokenised once.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import IntArray
from harness.core.errors import ModelError
from harness.inference import tokenization
from harness.inference.features import Ragged

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CHUNK = 2048
"""Texts tokenised at a time: the tokenizer's own records take a hundred times the memory of the ids."""

SENTENCES = (
    "I saw a cat, and it had 2 kittens (in 1984).",
    "Größere Städte wie Köln",
    "Ủy ban họp ở Hà Nội",
    "Я был в Киеве",
    "Η Αθήνα και ο Πειραιάς",
    "ذهبت إلى القاهرة في عام ١٩٨٤",
    "הלכתי אל ירושלים",
    "मैं दिल्ली में हूँ",
    "আমি ঢাকায় থাকি",
    "நான் சென்னை சென்றேன்",
    "నేను హైదరాబాద్ వెళ్ళాను",
    "ฉันไป กรุงเทพ มาแล้ว",
    "我去了北京。",
    "私は東京に 行った",
    "나는 서울에 갔다",
    "მე თბილისში ვარ",
)
"""A few words in many scripts, to see whether tokens claim all their letters."""


@dataclass(frozen=True)
class Texts:
    """Distinct texts, tokenised without special tokens; token i covers characters ``begin[i]:end[i]`` of its text."""

    texts: Sequence[str]
    ids: Ragged
    begin: IntArray
    end: IntArray

    @property
    def base(self) -> IntArray:
        """Start of each text when all are written one after another, a character apart."""
        return tokenization.offsets(np.fromiter(map(len, self.texts), np.int64, len(self.texts)) + 1)[:-1]


def tokenise(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> tuple[Texts, IntArray]:
    """The distinct texts, tokenised in batches, and for every given text which of them it is.

    :class:`ModelError` where the tokenizer gives no character offsets of its tokens.
    """
    known: dict[str, int] = {}
    which = np.fromiter((known.setdefault(text, len(known)) for text in texts), np.int64, len(texts))
    distinct = list(known)
    backend, _ = placing(tokenizer)
    ids: list[list[int]] = []
    ranges = []
    for start in range(0, len(distinct), CHUNK):
        chunk = distinct[start : start + CHUNK]
        try:
            encodings = backend.encode_batch(chunk, add_special_tokens=False)
        except (TypeError, UnicodeEncodeError):
            tokenization.tokenise(tokenizer, chunk)  # says which text is not valid Unicode
            raise
        ids += [encoding.ids for encoding in encodings]
        characters = chain.from_iterable(chain.from_iterable(encoding.offsets for encoding in encodings))
        ranges.append(np.fromiter(characters, np.int64))
    begin, end = np.concatenate([*ranges, np.zeros(0, np.int64)]).reshape(-1, 2).T.copy()
    return Texts(distinct, Ragged.of(ids, np.int32), begin, end), which


def placing(tokenizer: PreTrainedTokenizerBase) -> tuple[Any, bool]:
    """The part of a tokenizer that encodes, with right offsets, and whether they had to be repaired for that.

    Byte-level post-processors take the space off the offsets of " word". Where an earlier step has cut at spaces
    already (RobBERT) there is none, and they take the first letter off; such a tokenizer is copied without that step.
    """
    backend = tokenization.backend_of(tokenizer)
    fault = _fault(backend)
    if fault is None:
        return backend, False
    from tokenizers import Tokenizer

    plain = Tokenizer.from_str(backend.to_str())
    plain.post_processor = None
    if _fault(plain) is not None:
        sentence, letter = fault
        raise ModelError(
            f"{tokenizer.name_or_path}: no token of the sentence {sentence!r} covers its {letter!r}, a letter that the "
            "tokenizer knows: answers would lose letters",
            hint="correct the pre_tokenizer, normalizer or post_processor of its tokenizer.json",
        )
    return plain, True


def _fault(backend: Any) -> tuple[str, str] | None:
    """The first sentence with a letter that no token covers; words with letters unknown to the tokenizer do not count."""
    unknown = _ids(backend, "\ue000") | _ids(backend, " ")
    for sentence in SENTENCES:
        encoding = tokenization.encoded(backend, sentence)
        if encoding is None:
            continue
        covered = {at for begin, end in encoding.offsets for at in range(begin, end)}
        for word in re.finditer(r"\S+", sentence):
            letters = {at: sentence[at] for at in range(*word.span()) if sentence[at].isalnum()}
            missed = letters.keys() - covered
            if missed and all(_ids(backend, letter) - unknown for letter in letters.values()):
                return sentence, letters[min(missed)]
    return None


def _ids(backend: Any, text: str) -> set[int]:
    encoding = tokenization.encoded(backend, text)
    return set() if encoding is None else set(encoding.ids)


def token_spans(texts: Texts, which: IntArray, begin: IntArray, end: IntArray) -> tuple[IntArray, IntArray]:
    """First and last token, counted from the start of the text, that touch the characters ``begin:end`` of a text.

    ``which`` says of which text; all arrays have one entry a span. A span that no token touches gets 0 and -1.
    """
    # All texts in one coordinate, so that one search answers for all spans.
    base = texts.base
    shift = np.repeat(base, texts.ids.lengths)
    first = np.searchsorted(texts.end + shift, begin + base[which], side="right")
    last = np.searchsorted(texts.begin + shift, end + base[which], side="left") - 1
    low, high = texts.ids.offsets[which], texts.ids.offsets[which + 1]
    touched = (low <= first) & (first <= last) & (last < high)
    return np.where(touched, first - low, 0), np.where(touched, last - low, -1)
