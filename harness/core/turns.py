"""Taking turns: waits for a claim that another process holds, without a time limit."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.core.claims import Claims, owner_in_words

log = logging.getLogger(__name__)

POLL = 0.2
"""Seconds between looks at a claim that another process holds."""
MOMENT = 5.0
"""Seconds that a lock is waited for before a line says so."""


@contextmanager
def in_turn(claims: Claims, name: str, work: str) -> Iterator[None]:
    """Holds a claim, once no other process does; one log line names the ``work`` that is waited for."""
    waiting = Waiting()
    while not claims.take(name):
        waiting.tell(work, claims.path(name))
        time.sleep(POLL)
    with claims.releasing(name):
        yield


@contextmanager
def locked(claims: Claims, name: str, work: str) -> Iterator[None]:
    """The same for what is held for moments: it is waited for by shorter looks, and told when it takes long."""
    waiting, since, pause = Waiting(), time.monotonic(), 0.001
    while not claims.take(name):
        if time.monotonic() - since > MOMENT:
            waiting.tell(work, claims.path(name))
        time.sleep(pause)
        pause = min(1.5 * pause, 0.05)
    with claims.releasing(name):
        yield


class Waiting:
    """Says once for each claim what is waited for."""

    def __init__(self) -> None:
        self._told: set[Path] = set()

    def tell(self, work: str, claim: Path) -> None:
        """One log line: the work, and who is at it."""
        if claim not in self._told:
            log.warning("%s: waiting for %s, which is at it", work, owner_in_words(claim))
            self._told.add(claim)
