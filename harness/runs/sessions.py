"""Sessions of a run: each command that worked on it, with the code and the machine, so that a unit says which made it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def session_number(record: dict[str, Any], session: dict[str, Any]) -> int:
    """The place of a session among those of a record; one that is not among them, whenever it started, is added."""
    known = record.setdefault("sessions", [])
    for number, other in enumerate(known):
        if all(other[name] == session[name] for name in ("command", "harness", "environment")):
            return number
    known.append(session)
    return len(known) - 1


def session_of(record: Mapping[str, Any], entry: Mapping[str, Any]) -> dict[str, Any]:
    """The session that made a unit; in records that do not say, the one that made the record."""
    if record.get("sessions") and "session" in entry:
        return dict(record["sessions"][entry["session"]])
    return {"started": record["created"], **{name: record[name] for name in ("command", "harness", "environment")}}


def sessions_of(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The sessions that made the units of a record, each once."""
    seen: list[dict[str, Any]] = []
    for entry in record["units"].values():
        session = session_of(record, entry)
        if session not in seen:
            seen.append(session)
            yield session
