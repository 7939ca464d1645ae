"""Development data for tasks that have none: a fixed tenth of the training data, which is then not trained on."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from harness.core.errors import DataError
from harness.core.hashing import text_hash
from harness.data.store import ExampleStore, LookedUpExamples
from harness.data.subset import fingerprint
from harness.types.examples import Example
from harness.types.sources import Kept

SHARE = 10
"""One example of so many is held out."""
MOST = 2_000
"""Examples that are held out at most: more would slow down training and select no better."""


def held_out(examples: Sequence[Example], name: str) -> bytearray:
    """Tells for each example whether (1) or not (0) it is held out: about one in ten, and at most 2,000.

    Examples that share a text (:meth:`~harness.types.examples.Example.shared_text`) stay together, so that nothing that is
    trained on is repeated in the development data. A hash of that text decides: the same examples are held out on every
    machine, in whatever order they are stored. Memory: eight bytes an example.

    Raises DataError, beginning with ``name``, where all examples share one text.
    """
    hashes = array("Q", (_hashed(example, number) for number, example in enumerate(examples)))
    sizes: dict[int, int] = {}
    for value in hashes:
        sizes[value] = sizes.get(value, 0) + 1
    if len(sizes) < 2:
        found = "no example" if not sizes else "one example only" if len(hashes) == 1 else "one text in all examples"
        raise DataError(
            f"{name}: {found}, so that nothing can be held out for development",
            hint="give the task more training data, or a dev split",
        )
    wanted = min(max(len(hashes) // SHARE, 1), MOST)
    chosen: set[int] = set()
    count = 0
    for value in sorted(sizes)[:-1]:
        if chosen and count + sizes[value] > wanted:
            break
        chosen.add(value)
        count += sizes[value]
    return bytearray(value in chosen for value in hashes)


def _hashed(example: Example, number: int) -> int:
    text = example.shared_text() if isinstance(example, Example) else ""
    return text_hash(text or str(getattr(example, "id", number)))


def kept_examples(examples: Sequence[Example], kept: Kept, name: str) -> list[Example]:
    """The examples of a list that a split keeps."""
    if kept == "all":
        return list(examples)
    out = held_out(examples, name)
    return [example for example, is_out in zip(examples, out, strict=True) if is_out == (kept == "held out")]


class KeptExamples(LookedUpExamples):
    """The examples of a store that a split keeps; they stay where they are. Memory: eight bytes an example."""

    def __init__(self, store: ExampleStore, kept: Kept, name: str) -> None:
        out = held_out(store, name)
        self._store = store
        self._numbers = array("q", (i for i, is_out in enumerate(out) if is_out == (kept == "held out")))
        self._fingerprint = fingerprint(self)

    def __len__(self) -> int:
        return len(self._numbers)

    def _item(self, index: int) -> Example:
        return self._store[self._numbers[index]]
