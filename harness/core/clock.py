"""The time as records give it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The time, in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
