"""The check of example stores names what a broken store does, and passes sound ones."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from time import sleep
from typing import Any

import pytest

from harness.data.corpus import text
from harness.data.store import ExampleList, ExampleStore
from harness.testing.example_stores import store_problem
from harness.types.examples import Text

COUNT = 700


class Store(ExampleStore):
    """A sound store: examples are made of their numbers."""

    def __init__(self, numbers: range = range(COUNT)) -> None:
        self.numbers = numbers

    @property
    def fingerprint(self) -> str:
        return f"numbers {self.numbers}"

    def limited(self, limit: int) -> ExampleStore:
        step = max(-(-len(self) // limit), 1)
        return type(self)(self.numbers[::step])

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        found = self.numbers[index]
        return [self.made(number) for number in found] if isinstance(found, range) else self.made(found)

    def made(self, number: int) -> Text:
        return Text(str(number), f"text number {number} " * 10)


class Short(Store):
    def __iter__(self) -> Iterator[Text]:
        return (self[index] for index in range(len(self) - 1))


class Endless(Store):
    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(index if isinstance(index, slice) else index % len(self))

    def __iter__(self) -> Iterator[Text]:
        return (self[index] for index in range(len(self)))


class Skewed(Store):
    def __getitem__(self, index: Any) -> Any:
        return super().__getitem__(slice(index.start, index.stop) if isinstance(index, slice) else index)


class Elsewhere(Store):
    def __iter__(self) -> Iterator[Text]:
        return iter(self[::-1])


class Random(Store):
    def made(self, number: int) -> Text:
        return Text(str(number), f"{random.random()}" if number == COUNT - 1 else "x")


class Sequential(Store):
    """Is wrong when it is read backwards in steps."""

    at = 0

    def made(self, number: int) -> Text:
        back, self.at = number == self.at - 10, number
        return Text(str(number - back), "x")


class Shared(Store):
    """Has one place in one file for all threads."""

    place = 0

    def made(self, number: int) -> Text:
        self.place = number
        sleep(1e-5)
        return Text(str(self.place), "x")


class Renamed(Store):
    def __init__(self, numbers: range = range(COUNT)) -> None:
        super().__init__(numbers)
        self.name = f"opened {random.random()}"

    fingerprint = property(lambda self: self.name)  # type: ignore[assignment]


class Greedy(Store):
    def limited(self, limit: int) -> ExampleStore:
        return self


class Alike(Store):
    fingerprint = property(lambda self: "always the same")  # type: ignore[assignment]


class Plain(Store):
    def limited(self, limit: int) -> Any:
        return [self[index] for index in range(limit)]


class Loaded(Store):
    """Reads everything as it is opened."""

    def __init__(self, numbers: range = range(COUNT)) -> None:
        super().__init__(numbers)
        self.all = [super(Loaded, self).made(number) for number in numbers]

    def made(self, number: int) -> Text:
        return self.all[self.numbers.index(number)]


class Remembering(Store):
    """Never forgets what it has read."""

    def __init__(self, numbers: range = range(COUNT)) -> None:
        super().__init__(numbers)
        self.known: dict[int, Text] = {}

    def made(self, number: int) -> Text:
        return self.known.setdefault(number, super().made(number))


class Wasteful(Store):
    def limited(self, limit: int) -> ExampleStore:
        everything = ExampleList(list(self))
        return everything.limited(limit)


BROKEN = {
    Short: f"len: {COUNT} where iteration gives {COUNT - 1}",
    Endless: f"len: {COUNT}, and yet there is an example {COUNT} (an IndexError was expected)",
    Skewed: "slicing: store[0:64:3] is not the examples that indexing gives",
    Elsewhere: "iteration: example 0 is not store[0]",
    Random: "slicing: store[-5:] is not the examples that indexing gives",
    Sequential: "readings: in another order the examples are others",
    Shared: "threads: two that read at the same time get other examples",
    Renamed: "fingerprint: opened again, the store has another one",
    Greedy: f"limited: {COUNT} examples where at most 1 are asked for",
    Alike: f"limited: 1 examples have the fingerprint of {COUNT}",
    Plain: "limited: an ExampleStore expected, not list",
    Loaded: "memory: opening keeps ",
    Remembering: f"memory: after {COUNT} examples ",
    Wasteful: "memory: 5 examples of limited(5) take ",
}


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_a_broken_store_is_refused_by_name(kind: type[Store]) -> None:
    assert store_problem(kind(), kind).startswith(BROKEN[kind])


def test_a_store_that_raises_is_refused_with_what_it_raised() -> None:
    class Failing(Store):
        def made(self, number: int) -> Text:
            raise OSError("the disk is gone")

    assert store_problem(Failing(), Failing) == "length: OSError: the disk is gone"


@pytest.mark.parametrize("count", [0, 1, 3, COUNT, 10**9])
def test_a_sound_store_passes_whatever_its_size(count: int) -> None:
    class Sized(Store):
        def __init__(self, numbers: range = range(count)) -> None:
            super().__init__(numbers)

    assert store_problem(Sized(), Sized) == ""


def test_running_text_passes(tmp_path: Path) -> None:
    file = tmp_path / "sw.txt"
    file.write_text("".join(f"mstari wa {i} na maneno machache\n" for i in range(3_000)), encoding="utf-8")
    assert store_problem(text(file), lambda: text(file)) == ""
