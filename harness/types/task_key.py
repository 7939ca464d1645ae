"""Key of a task: the fields that decide a result, for the keys of results and stages."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from harness.core.version import FIRST_PARTY
from harness.types.tasks import IntermediateTask, TargetTask

BY_CONTENT = frozenset({"train", "dev", "languages", "any_language", "pool", "example"})
"""Fields that say where examples come from and how they are read: keys hold the fingerprints of the examples instead."""
HARMLESS = frozenset({"title", "summary", "licence", "citation", "provider", "average", "seeds"})
"""Fields that change no prediction and no unit's score (``average`` and ``seeds`` are about several of them)."""


def task_key(task: TargetTask | IntermediateTask) -> dict[str, Any]:
    """Every field that decides a result, as plain values; empty for a first-party task.

    Those that come with the harness get a new version when anything about them changes, so their name and version say
    it all. A task of a plugin is taken at its word only for what it declares today.
    """
    if task.provider.partition(":")[0] == FIRST_PARTY:
        return {}
    used = (field.name for field in fields(task) if field.name not in BY_CONTENT | HARMLESS)
    return {name: _plain(getattr(task, name)) for name in used}


def _plain(value: Any) -> Any:
    return dict(value) if hasattr(value, "keys") else list(value) if isinstance(value, tuple) else value
