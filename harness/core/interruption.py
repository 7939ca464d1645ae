"""Signals that end a command in good order: Ctrl-C, the end of a terminal, and what ``kill`` and schedulers send.

SIGUSR1 is what schedulers send some time before they end a job, if they are asked to: it says "save, and go on in the
next turn". Each of the signals arrives as a :class:`KeyboardInterrupt`, so that whatever keeps its work at Ctrl-C keeps
it at all of them.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1") if hasattr(signal, name))
"""Those that stop. SIGHUP is sent when a terminal is closed; Windows has none, and no SIGUSR1."""
NEXT_TURN = 75
"""Exit code of work that is to be started again, EX_TEMPFAIL of ``sysexits.h``: batch scripts requeue on it."""
GOES_ON = "the same command goes on"
"""The end of every message about stopped work."""


class Interrupted(KeyboardInterrupt):
    """A signal stopped the work; the message says what is kept. ``again``: a scheduler is asked to start it again."""

    def __init__(self, message: str = "", number: int = signal.SIGINT, *, again: bool = False) -> None:
        super().__init__(message)
        self.number = number
        self.again = again or number == getattr(signal, "SIGUSR1", None)

    @property
    def exit_code(self) -> int:
        """:data:`NEXT_TURN` if it is to be started again; else that of a process which the signal ended: 130, 143 or 129."""
        return NEXT_TURN if self.again else 128 + self.number


@contextmanager
def stopped_by_signals() -> Iterator[None]:
    """Raises :class:`Interrupted` where one of the signals arrives, except one that is ignored, as by ``nohup``."""

    def stop(number: int, frame: Any) -> None:
        raise Interrupted(number=number)

    with _handled(stop, lambda number: signal.getsignal(number) not in (signal.SIG_IGN, None)):
        yield


@contextmanager
def held_back() -> Iterator[Callable[[], int]]:
    """Holds the first signal back, so that the caller can finish its step and save; a second one is not held back.

    Yields a function that returns the signal's number, 0 before it. Signals reach the main thread only; elsewhere it stays 0.
    """
    caught = 0

    def note(number: int, frame: Any) -> None:
        nonlocal caught
        if caught:
            raise Interrupted(number=number)
        caught = number

    # The signals that end a process where nothing handles them: a library call leaves them as they are.
    with _handled(note, lambda number: callable(signal.getsignal(number))):
        yield lambda: caught


@contextmanager
def in_turns(seconds: float | None = None) -> Iterator[None]:
    """Work that a scheduler gives one turn after the other: whatever stops it, but Ctrl-C, ends it with :data:`NEXT_TURN`.

    After ``seconds`` it stops itself, as SIGUSR1 would.
    """
    timer = threading.Timer(seconds or 0, os.kill, (os.getpid(), getattr(signal, "SIGUSR1", signal.SIGTERM)))
    timer.daemon = True
    if seconds is not None:
        timer.start()
    try:
        yield
    except KeyboardInterrupt as stop:
        number = getattr(stop, "number", signal.SIGINT)
        if number == signal.SIGINT:
            raise
        raise Interrupted(str(stop), number, again=True) from stop
    finally:
        timer.cancel()


@contextmanager
def saying(kept: Callable[[], str]) -> Iterator[None]:
    """Adds to an interruption that has no words yet what is kept."""
    try:
        yield
    except KeyboardInterrupt as stop:
        if str(stop):
            raise
        raise Interrupted(kept(), getattr(stop, "number", signal.SIGINT)) from stop


@contextmanager
def _handled(handler: Callable[[int, Any], None], wanted: Callable[[int], bool]) -> Iterator[None]:
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in filter(wanted, SIGNALS):
                stack.callback(signal.signal, number, signal.signal(number, handler))
        yield
