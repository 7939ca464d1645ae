"""The words of a sentence as running text has them: each with the space before it, where there is one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from harness.core.errors import DataError
from harness.data.letter_scripts import UNSPACED
from harness.types.examples import Example

_UNSPACED = re.compile(f"[{UNSPACED}\u0f00-\u0fff\U00020000-\U0003ffff]")


def as_written(sentence: Example) -> Sequence[str]:
    """The words as their source has them, or else as they are usually written; joined, they are the text."""
    words, spelt = sentence.split_words(), sentence.written_words()
    if not spelt:
        return written(words)
    if len(spelt) != len(words):
        raise DataError(
            f"sentence {getattr(sentence, 'id', '')!r} has {len(words)} words, {len(spelt)} as they are written",
            hint=f"{type(sentence).__name__}.{sentence.written_field} has an entry for each word, or none at all",
        )
    return spelt


def written(words: Sequence[str]) -> tuple[str, ...]:
    """Words a space apart, but not in scripts without spaces.

    A sentence in such a script has spaces only between two longer words of other scripts ("New York"), for data that
    take it apart into characters do so with names in Latin script as well.
    """
    if _UNSPACED.search("".join(words)) is None:
        return tuple(f" {word}" if place else word for place, word in enumerate(words))
    before = ("", *words[:-1])
    return tuple(f" {word}" if _apart(last, word) else word for last, word in zip(before, words, strict=True))


def _apart(last: str, word: str) -> bool:
    if min(len(last), len(word)) < 2 or not (last[-1].isalnum() and word[0].isalnum()):
        return False
    return _UNSPACED.match(last[-1]) is None and _UNSPACED.match(word[0]) is None
