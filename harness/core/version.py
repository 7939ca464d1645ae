"""The version, and the name of the distribution."""

from __future__ import annotations

FIRST_PARTY = "xtreme-harness"
