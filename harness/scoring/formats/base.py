"""Base class of the file formats of predictions and labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.types.examples import Described, Example


@dataclass(frozen=True, slots=True)
class Aligned:
    """Gold and prediction item by item, in the order of the gold file.

    A prediction is None where the file has none for the item: that scores 0 for any gold.
    ``ids`` name the items (line numbers where the format has none); ``clusters`` says which items belong together
    (questions of one passage), for the bootstrap. ``warnings`` are for the user ("3 questions have no prediction").
    """

    ids: list[str]
    gold: list[Any]
    predicted: list[Any]
    clusters: list[int] | None = None
    warnings: tuple[str, ...] = ()


class Format(ABC):
    """Reads and writes one kind of official file. Everything malformed is a DataError naming file and line.

    A prediction is what the family decodes for one item; the subclasses define its type. Files are UTF-8; a
    byte-order mark and CRLF are read correctly; writing is atomic and ends lines with a single newline.
    """

    extension: str
    """The ending of the file name, without the dot."""

    def path(self, folder: Path, task: str, language: str, split: str = "test") -> Path:
        """Path of a unit's file in a tree of predictions or labels: ``folder/xnli/test-sw.tsv``."""
        return folder / task / f"{split}-{language}.{self.extension}"

    @abstractmethod
    def write_predictions(self, path: Path, examples: Sequence[Example], predictions: Sequence[Any]) -> None:
        """Writes one prediction an example, in the order of the examples."""

    @abstractmethod
    def write_labels(self, path: Path, examples: Sequence[Example]) -> bool:
        """Writes the gold labels; False, writing nothing, where the examples carry none."""

    @abstractmethod
    def align(self, predictions: Path, labels: Path, label_set: tuple[str, ...]) -> Aligned:
        """Reads both files and pairs their items; ``label_set`` is empty where the task has no closed set."""

    def described(self, examples: Sequence[Any], aligned: Aligned) -> Callable[[int], Described]:
        """A function from the position of an item to its labelled texts, for a list of mistakes; () where it has none.

        By default an item is an example, which describes itself (:meth:`~harness.types.examples.Example.describe`).
        """
        if len(examples) != len(aligned.ids) or len({type(example) for example in examples}) != 1:
            return lambda item: ()
        return lambda item: examples[item].describe(aligned.gold[item], aligned.predicted[item])
