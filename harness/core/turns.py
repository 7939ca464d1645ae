"""Taking turns: waits for a claim that another process holds, without a time limit."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.core.claims import Claims, is_free

log = logging.getLogger(__name__)

POLL = 0.2
"""Seconds between looks at a claim that another process holds."""


@contextmanager
def in_turn(claims: Claims, name: str, work: str) -> Iterator[None]:
    """Holds a claim, once no other process does; one log line names the ``work`` that is waited for."""
    waiting = Waiting()
    while not claims.take(name):
        path = claims.path(name)
        waiting.tell(work, path)
        while not is_free(path):
            time.sleep(POLL)
    try:
        yield
    finally:
        claims.release(name)


class Waiting:
    """Says once for each claim what is waited for."""

    def __init__(self) -> None:
        self._told: set[Path] = set()

    def tell(self, work: str, claim: Path) -> None:
        """One log line: the work, and who is at it."""
        if claim not in self._told:
            log.warning("%s: waiting for %s", work, _owner(claim))
            self._told.add(claim)


def _owner(claim: Path) -> str:
    """Names the holder of a claim, for people: an owner writes it a moment after it has the lock."""
    try:
        found = json.loads(claim.read_text(encoding="utf-8"))
        return f"process {found['pid']} on {found['host']}, which is at it"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process, which is at it"
