"""Sequences whose items are looked up one by one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TypeVar, overload

T_co = TypeVar("T_co", covariant=True)


class LookedUp(Sequence[T_co]):
    """A sequence that makes or reads an item when it is asked for; a slice is a list of items."""

    @abstractmethod
    def _item(self, index: int) -> T_co:
        """The item at an index from 0 to the length, which is checked before."""

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> list[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | list[T_co]:
        if isinstance(index, slice):
            return [self._item(i) for i in range(*index.indices(len(self)))]
        return self._item(range(len(self))[index])
