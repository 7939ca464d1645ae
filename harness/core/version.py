"""The version, and the name of the distribution."""

from __future__ import annotations

__version__ = "0.1.0"
FIRST_PARTY = "xtreme-harness"
"""The distribution whose plugins come with the harness."""
