"""Sessions of a run: each command that worked on it, with the code and the machine, so that a unit says which made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.types.record import RunRecord, SessionRecord, UnitRecord


def session_number(record: RunRecord, session: SessionRecord) -> int:
    """The place of a session among those of a record; one that is not among them, whenever it started, is added."""
    known = record.setdefault("sessions", [])
    for number, other in enumerate(known):
        if _made_by(other) == _made_by(session):
            return number
    known.append(session)
    return len(known) - 1


def session_of(record: RunRecord, unit: UnitRecord | None = None) -> SessionRecord:
    """The session that made a unit; without a unit, and in records that do not say, the one that made the record."""
    sessions = record.get("sessions")
    if sessions and unit is not None and "session" in unit:
        return sessions[int(unit["session"])]  # "1.0" is an integer to JSON Schema
    return {
        "started": record["created"],
        "command": record["command"],
        "harness": record["harness"],
        "environment": record["environment"],
    }


def sessions_of(record: RunRecord) -> Iterator[SessionRecord]:
    """The sessions that made the units of a record, each once."""
    seen: list[SessionRecord] = []
    for unit in record["units"].values():
        session = session_of(record, unit)
        if session not in seen:
            seen.append(session)
            yield session


def _made_by(session: SessionRecord) -> tuple[object, ...]:
    return session["command"], session["harness"], session["environment"]
