"""Context of an attribute: the information available besides the examples of a unit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from harness.types.examples import Example
from harness.types.languages import languages

log = logging.getLogger(__name__)


@dataclass
class TaskContext:
    """Context that the units of a task share, read once, on first use."""

    task: str
    read_train: Callable[[], Sequence[Example]]
    read_tokenizer: Callable[[], Any]

    @cached_property
    def train(self) -> Sequence[Example]:
        """The English examples that the task is fine-tuned on; none where the data are not available."""
        return self._read(self.read_train, "training data") or ()

    @cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer; None where it is not available."""
        return self._read(self.read_tokenizer, "tokenizer")

    def _read(self, read: Callable[[], Any], what: str) -> Any:
        try:
            return read()
        except Exception as error:
            log.debug("%s: no %s: %s", self.task, what, error)
            return None


@dataclass(frozen=True)
class UnitContext:
    """The unit that examples are of: its task's context and its language.

    ``gold`` and ``predicted`` are the labels of its items, one each; None for an item without a single label, as a
    question or a tagged sentence.
    """

    shared: TaskContext
    language: str
    gold: Sequence[str | None] = ()
    predicted: Sequence[str | None] = ()

    @property
    def task(self) -> str:
        """The name of the task."""
        return self.shared.task

    @property
    def script(self) -> str:
        """ISO 15924 code of the language's script; "unknown" where it is not known."""
        known = languages().get(self.language)
        return known.script if known else "unknown"

    @property
    def train(self) -> Sequence[Example]:
        """See :class:`TaskContext`."""
        return self.shared.train

    @property
    def tokenizer(self) -> Any:
        """See :class:`TaskContext`."""
        return self.shared.tokenizer
