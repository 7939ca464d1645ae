"""One piece of work ahead: the next piece is made in a thread while the caller uses this one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def prefetched(make: Callable[[Given], Made], given: Iterable[Given], *, threaded: bool) -> Iterator[Made]:
    """``make`` of everything given, in order; with ``threaded``, one result is always in the making.

    An error of ``make`` is raised where its result is due. Without ``threaded`` nothing is made before it is asked for:
    on a processor the thread would take the cores that the caller computes with.
    """
    if not threaded:
        yield from map(make, given)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as pool:
        waiting = None
        for piece in given:
            following = pool.submit(make, piece)
            if waiting is not None:
                yield waiting.result()
            waiting = following
        if waiting is not None:
            yield waiting.result()
