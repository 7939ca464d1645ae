"""Stores of examples: sequences, in memory or on disk, with a fingerprint and a reproducible subset."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence

from harness.core.lookup import LookedUp
from harness.data.subset import fingerprint, limited
from harness.types.examples import Example


class ExampleStore(Sequence[Example]):
    """A sequence of examples, which may be read only when they are asked for."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """A digest of the examples, in their order: it decides keys of stages and units."""

    @abstractmethod
    def limited(self, limit: int) -> ExampleStore:
        """Returns at most ``limit`` of the examples, always the same ones."""


class ExampleList(list[Example], ExampleStore):
    """Examples in memory."""

    @property
    def fingerprint(self) -> str:
        """See :func:`harness.data.subset.fingerprint`."""
        return fingerprint(self)

    def limited(self, limit: int) -> ExampleList:
        """See :func:`harness.data.subset.limited`."""
        return ExampleList(limited(self, limit))


class LookedUpExamples(LookedUp[Example], ExampleStore):
    """Examples that stay where they are; the class that holds them sets their fingerprint."""

    _fingerprint: str

    @property
    def fingerprint(self) -> str:
        """That of the same examples in memory."""
        return self._fingerprint

    def limited(self, limit: int) -> ExampleStore:
        """Returns the examples that a list would keep, in memory."""
        return self if limit >= len(self) else ExampleList(limited(self, limit))
