"""Threads that take turns so often that what they share without a lock shows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier
from typing import TypeVar

T = TypeVar("T")


def at_once(*calls: Callable[[], T]) -> list[Future[T]]:
    """Futures of calls that began at the same moment, each in a thread of its own; all of them are over."""
    ready = Barrier(len(calls))

    def begun(call: Callable[[], T]) -> T:
        ready.wait()
        return call()

    with _switching_often(), ThreadPoolExecutor(len(calls)) as pool:
        return [pool.submit(begun, call) for call in calls]


@contextmanager
def _switching_often() -> Iterator[None]:
    """Lets the interpreter switch between threads after every hundredth of a millisecond."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        yield
    finally:
        sys.setswitchinterval(before)
