"""Coverage of means: over how many of the languages that count they were taken."""

from __future__ import annotations

from collections.abc import Iterable

SOME = "means over some of the languages"


def coverage(tasks: Iterable[tuple[str, int, int]]) -> str:
    """One line on the tasks with languages left out, from (task, languages scored, languages that count).

    "means over some of the languages: xnli 2 of 15, tatoeba 3 of 36"; "" where none is left out. A task of which nothing
    was scored has no mean, and is not named.
    """
    some = [f"{name} {of_all(scored, total)}" for name, scored, total in tasks if 0 < scored < total]
    return f"{SOME}: {', '.join(some)}" if some else ""


def of_all(scored: int, total: int) -> str:
    """``2 of 15``."""
    return f"{scored} of {total}"
