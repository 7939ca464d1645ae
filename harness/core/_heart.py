"""Beats: one thread that touches the claims of this process, so that others see that their owner is there.

It reads nothing of what the process computes and draws no random numbers. It ends with the last claim, and ends no
later than the process. As any thread of Python it stands still while a library computes without letting go of the
interpreter: such a call must be shorter than the patience of a claim (a minute), or the claim may be taken over.
"""

from __future__ import annotations

import os
import threading
from typing import Protocol


class Beating(Protocol):
    """A claim that is held."""

    @property
    def beat(self) -> float:
        """Seconds between beats."""

    def touch(self) -> None:
        """Shows that its owner is there. Raises nothing."""

    def release(self) -> None:
        """Lets it go."""

    def confirm(self) -> None:
        """Raises :class:`~harness.core.errors.ClaimLost` where another process has it."""

    @property
    def lost(self) -> bool:
        """True once it is known that another process has it."""


class Heart:
    """The claims that this process holds, and the thread that touches them as long as there are any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: list[Beating] = []
        self._thread: threading.Thread | None = None

    @property
    def held(self) -> list[Beating]:
        """The claims, the oldest first."""
        with self._changed:
            return list(self._held)

    def add(self, claim: Beating) -> None:
        """Begins to touch a claim."""
        with self._changed:
            self._held.append(claim)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="claims", daemon=True)
                try:
                    self._thread.start()
                except BaseException:  # no more threads: without beats it is no claim
                    self._held.remove(claim)
                    self._thread = None
                    raise

    def remove(self, claim: Beating) -> None:
        """Touches the claim no more; the thread ends with the last one."""
        with self._changed:
            if claim in self._held:
                self._held.remove(claim)
            if not self._held:
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._held:
                    self._changed.wait(min(claim.beat for claim in self._held))
                if not self._held:
                    self._thread = None
                    return
                held = list(self._held)
            for claim in held:
                claim.touch()


HEART = Heart()


def _after_fork() -> None:
    """The claims stay with the parent, as does the thread."""
    HEART.__init__()  # type: ignore[misc]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
