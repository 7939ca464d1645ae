"""The schema of a row."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


SCHEMA = "leaderboard-row/1"
