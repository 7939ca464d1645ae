"""Check of example stores: sequences whose examples are read when they are asked for, always the same ones."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from itertools import count as counted
from itertools import islice
from typing import Any

from harness.core.border import PASSING, in_words
from harness.data.store import ExampleList, ExampleStore
from harness.testing.contract import Status
from harness.testing.subject import Subject
from harness.testing.threads import at_once

Result = tuple[str, Status, str]

FEW = 5
"""Examples of a subset."""
TRIED = 64
"""Examples, spread over the store, that are read one by one and in several ways."""
WEIGHED = 5_000
"""Examples that are read to see how much memory stays in use."""
ENOUGH = 64 << 10
"""Bytes of examples from which on memory says something: an index and buffers are small beside them."""


def stores(subject: Subject) -> Iterator[Result]:
    """Every split of the plugin's tasks whose reader returns a store."""
    for part in subject.parts:
        if part.present:
            opened = subject.read_again(part).examples
            if isinstance(opened, ExampleStore) and not isinstance(opened, ExampleList):
                problem = store_problem(opened, lambda part=part: subject.read_again(part).examples)  # type: ignore[misc]
                yield part.where, "failed" if problem else "passed", problem or f"{len(opened)} examples"


def store_problem(store: ExampleStore, opened: Callable[[], Sequence[Any]]) -> str:
    """Describes the first promise that a store breaks; "" for a sound one. ``opened`` opens the same store again."""
    for find in (_length, _slices, _readings, _threads, _fingerprints, _subsets, _memory):
        try:
            if problem := find(store, opened):
                return problem
        except PASSING:
            raise
        except BaseException as error:
            return f"{find.__name__.strip('_')}: {in_words(error)}"
    return ""


def _length(store: ExampleStore, opened: Callable[[], Sequence[Any]]) -> str:
    size = len(store)
    if size <= TRIED * TRIED:  # else the end is looked at alone
        found = sum(1 for _ in islice(store, size + 1))
        if found != size:
            return f"len: {size} where iteration gives {'more' if found > size else found}"
    for index in (size, -size - 1):
        try:
            store[index]
        except IndexError:
            continue
        return f"len: {size}, and yet there is an example {index} (an IndexError was expected)"
    return ""


def _slices(store: ExampleStore, opened: Callable[[], Sequence[Any]]) -> str:
    size = len(store)
    middle = size // 2
    cuts = (slice(0, FEW), slice(middle, middle + FEW), slice(-FEW, None), slice(0, TRIED, 3), slice(FEW, None, -1))
    for cut in (*cuts, slice(middle, middle)):
        alone = [store[index] for index in range(*cut.indices(size))]
        if list(store[cut]) != alone:
            return f"slicing: store[{_written(cut)}] is not the examples that indexing gives"
    if size and store[-1] != store[size - 1]:
        return f"slicing: store[-1] is not store[{size - 1}]"
    for index, example in enumerate(islice(store, TRIED)):
        if example != store[index]:
            return f"iteration: example {index} is not store[{index}]"
    return ""


def _written(cut: slice) -> str:
    ends = ["" if end is None else str(end) for end in (cut.start, cut.stop)]
    return ":".join([*ends, *([str(cut.step)] if cut.step is not None else [])])


def _readings(store: ExampleStore, opened: Callable[[], Sequence[Any]]) -> str:
    chosen = _spread(len(store))
    first = [store[index] for index in chosen]
    if [store[index] for index in chosen] != first:
        return "readings: an example that is read twice is another one the second time"
    if [store[index] for index in reversed(chosen)][::-1] != first:
        return "readings: in another order the examples are others"
    again = opened()
    if len(again) != len(store) or [again[index] for index in chosen] != first:
        return "readings: opened again, the store has other examples"
    return ""


def _threads(store: ExampleStore, opened: Callable[[], Sequence[Any]]) -> str:
    chosen = _spread(len(store))
    alone = [store[index] for index in chosen]
    for _ in range(FEW):
        calls = at_once(lambda: [store[i] for i in chosen], lambda: [store[i] for i in reversed(chosen)])
        forward, backward = (call.result() for call in calls)
        if forward != alone or backward[::-1] != alone:
            return "threads: two that read at the same time get other examples"
    return ""


def _fingerprints(store: ExampleStore, opened: Callable[[], Sequence[Any]]) -> str:
    found = store.fingerprint
    if not isinstance(found, str) or not found:
        return f"fingerprint: a string expected, not {found!r}"
    again = opened()
    assert isinstance(again, ExampleStore)
    return "" if again.fingerprint == found else "fingerprint: opened again, the store has another one"


def _subsets(store: ExampleStore, opened: Callable[[], Sequence[Any]]) -> str:
    size = len(store)
    again = opened()
    assert isinstance(again, ExampleStore)
    known = {store.fingerprint: size}
    for limit in sorted({1, FEW, *([size] if 0 < size <= TRIED * TRIED else [])}):
        part, same = store.limited(limit), again.limited(limit)
        if not isinstance(part, ExampleStore):
            return f"limited: an ExampleStore expected, not {type(part).__name__}"
        if len(part) > limit or (size and not len(part)):
            return f"limited: {len(part)} examples where at most {limit} are asked for"
        if list(part) != list(same) or part.fingerprint != same.fingerprint:
            return f"limited: the {limit} examples are others when the store is opened again"
        if known.setdefault(part.fingerprint, len(part)) != len(part):
            return f"limited: {len(part)} examples have the fingerprint of {known[part.fingerprint]}"
    return ""


def _memory(store: ExampleStore, opened: Callable[[], Sequence[Any]]) -> str:
    """Neither opening nor reading may keep the examples."""
    running = tracemalloc.is_tracing()
    if not running:
        tracemalloc.start()
    try:
        size = sum(len(repr(example)) for example in islice(store, WEIGHED))
        everything = size * len(store) // max(min(len(store), WEIGHED), 1)
        if everything < ENOUGH:
            return ""
        before = _in_use()
        fresh = opened()
        assert isinstance(fresh, ExampleStore)
        if (kept := _in_use() - before) > everything // 2:
            return f"memory: opening keeps {kept:,} bytes, the examples have {everything:,}"
        for _ in islice(fresh, WEIGHED):
            pass
        if (kept := _in_use() - before) > everything // 2 + size // 2:
            return f"memory: after {min(WEIGHED, len(store)):,} examples {kept:,} bytes are kept, they have {size:,}"
        tracemalloc.reset_peak()
        before = _in_use()
        few = fresh.limited(FEW)
        peak = tracemalloc.get_traced_memory()[1] - before
        if len(few) < len(store) and peak > everything // 2:
            return f"memory: {FEW} examples of limited({FEW}) take {peak:,} bytes, all have {everything:,}"
    finally:
        if not running:
            tracemalloc.stop()
    return ""


def _in_use() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _spread(size: int) -> list[int]:
    """Numbers of examples, evenly spread, the last one among them."""
    step = max(size // TRIED, 1)
    return sorted({*islice(counted(0, step), min(TRIED, size)), *([size - 1] if size else [])})
