"""Names of the harness's own that no plugin can take."""

from __future__ import annotations

COMMANDS = (
    *("eval", "train", "adapters", "score", "compare", "breakdown", "checklist", "report", "leaderboard", "runs"),
    *("cache", "efficiency", "mine", "tasks", "data", "study", "new", "plugins", "doctor", "demo"),
)
"""The commands of :mod:`harness.cli.main`."""
