"""Ctrl-C between two steps and not within one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def interrupt_between_steps() -> Iterator[Callable[[], bool]]:
    """Holds back the first Ctrl-C, so that the caller can finish its step and save; a second one is not held back.

    Yields a function that says whether Ctrl-C was pressed. Signals reach the main thread only; elsewhere it says False.
    """
    caught = False

    def note(number: int, frame: Any) -> None:
        nonlocal caught
        if caught:
            raise KeyboardInterrupt
        caught = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: caught
    finally:
        signal.signal(signal.SIGINT, previous)
