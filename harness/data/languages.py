"""The language of each example of a split, by the part of the split that it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import overload


class LanguageOfEach(Sequence[str]):
    """A code for each of ``length`` examples, looked up when it is asked for: the examples may stay on disk.

    ``codes`` has the language of each part, "" where it is not known, and ``part_of`` gives the part of an example.
    """

    def __init__(self, codes: Sequence[str], part_of: Callable[[int], int], length: int) -> None:
        self._codes = tuple(codes)
        self._part_of = part_of
        self._length = length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._codes[self._part_of(range(len(self))[index])]


def distinct(languages: Sequence[str]) -> set[str]:
    """The languages that occur, each once."""
    return set(languages._codes if isinstance(languages, LanguageOfEach) else languages)
