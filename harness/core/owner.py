"""The owner of a claim: who it is, for people, and whether its process has ended, where that can be seen from here."""

from __future__ import annotations

import json
import os
import platform
import re
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from harness.core.clock import now
from harness.core.environment import seconds
from harness.core.errors import UsageError

BEAT = 10.0
"""Seconds between the signs of life of an owner, if HARNESS_CLAIM_BEAT says nothing else."""
PATIENCE = 60.0
"""Seconds without a sign after which an owner counts as gone, if HARNESS_CLAIM_PATIENCE says nothing else."""

LONGEST = 86400.0
"""Seconds that a patience may last."""
_TOKEN = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class Owner:
    """One process, as its claim file describes it. ``token`` is that of this one claim: no other has it, ever.

    ``machine`` names a running kernel and a space of process numbers in it, ``started`` the process among those that had
    its number (in the kernel's ticks; 0 where it is not known). ``beat`` and ``patience``, in seconds, are what the owner
    promises to whoever waits. ``about`` is a word on the work.
    """

    token: str
    pid: int
    host: str
    since: str
    machine: str
    started: int
    beat: float
    patience: float
    about: str = ""

    @classmethod
    def here(cls, about: str = "") -> Owner:
        """This process, with a new token."""
        beat, patience = rhythm()
        pid = os.getpid()
        token, machine = secrets.token_hex(8), this_machine()
        return cls(token, pid, platform.node(), now(), machine, _started(pid), beat, patience, about)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Owner | None:
        """The owner that a claim file describes; None where it is none of this version, or not whole."""
        try:
            found = cls(
                token=str(content["token"]),
                pid=int(content["pid"]),
                host=str(content["host"]),
                since=str(content["since"]),
                machine=str(content["machine"]),
                started=int(content["started"]),
                beat=float(content["beat"]),
                patience=float(content["patience"]),
                about=str(content["about"]),
            )
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        sound = _TOKEN.fullmatch(found.token) and 0 < found.pid < 2**31 and 0 < found.beat < found.patience <= LONGEST
        return found if sound else None

    def to_json(self) -> str:
        """One line, first what people look for."""
        first = {"pid": self.pid, "host": self.host, "since": self.since}
        return json.dumps({**first, **vars(self)}) + "\n"

    @property
    def nearby(self) -> bool:
        """True where this process can see that one, or that it has ended."""
        return bool(self.machine) and (self.machine, self.host) == (this_machine(), platform.node())

    def ended(self) -> bool | None:
        """True where the process has ended; None where it cannot be seen from here."""
        if not self.nearby:
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except OSError:  # a process of another user: there is one of this number, and no more is known
            return False
        return _over(self.pid, self.started)


def rhythm() -> tuple[float, float]:
    """Seconds between beats, and without one until a claim is free; UsageError where these do not go together."""
    beat = seconds("HARNESS_CLAIM_BEAT", BEAT)
    patience = seconds("HARNESS_CLAIM_PATIENCE", max(PATIENCE, 3 * beat))
    if patience > LONGEST:
        raise UsageError(f"HARNESS_CLAIM_PATIENCE: {patience:g} s is more than a day", hint="such as 600")
    if patience < 3 * beat * (1 - 1e-9):
        raise UsageError(
            f"HARNESS_CLAIM_PATIENCE: {patience:g} s is too short for a beat every {beat:g} s",
            hint="let it be three beats (HARNESS_CLAIM_BEAT) at least",
        )
    return beat, patience


@cache
def this_machine() -> str:
    """Names the running kernel and the space of process numbers in it, which containers do not share; "" if unknown.

    A host name would not do: those of containers and of cloned machines are alike.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except (OSError, ValueError):  # no Linux
        return f"{uuid.getnode():x}" if platform.system() == "Darwin" else ""


def _started(pid: int) -> int:
    return _stat(pid)[1]


def _over(pid: int, started: int) -> bool:
    """True where the process of this number is another one than that of ``started``, or has ended and waits for its parent."""
    state, found = _stat(pid)
    return state in ("Z", "X") or bool(started and found and started != found)


def _stat(pid: int) -> tuple[str, int]:
    """State and start of a process, proc(5): fields 3 and 22; "" and 0 where they are not known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, ValueError, IndexError):
        return "", 0
