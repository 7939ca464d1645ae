"""The language of each example of a split, by the part of the split that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.core.lookup import LookedUp


class LanguageOfEach(LookedUp[str]):
    """A code for each of ``length`` examples, looked up when it is asked for: the examples may stay on disk.

    ``codes`` has the language of each part, "" where it is not known, and ``part_of`` gives the part of an example.
    """

    def __init__(self, codes: Sequence[str], part_of: Callable[[int], int], length: int) -> None:
        self._codes = tuple(codes)
        self._part_of = part_of
        self._length = length

    def __len__(self) -> int:
        return self._length

    def _item(self, index: int) -> str:
        return self._codes[self._part_of(index)]


def distinct(languages: Sequence[str]) -> set[str]:
    """The languages that occur, each once."""
    return set(languages._codes if isinstance(languages, LanguageOfEach) else languages)
