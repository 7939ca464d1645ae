"""The recipe behind a row: how a system was trained and tested, as far as it is known."""

from __future__ import annotations

from collections.abc import Iterable

from harness.core.errors import UsageError, did_you_mean
from harness.leaderboard.schema import Row

UNKNOWN = "?"


def recipe_of(row: Row) -> str | None:
    """The name of the recipe of a run, or of the one that repeats a published system; None where it is not known."""
    if row["kind"] == "published":
        return row.get("recipe")
    recipe = row["run"]["options"].get("recipe")
    return str(recipe["name"]) if isinstance(recipe, dict) and recipe.get("name") else None


def shown_recipe(row: Row) -> str:
    """``xtreme``, ``xtreme, changed`` of a run with options of its own, "?" where it is not known."""
    name = recipe_of(row)
    if name is None:
        return UNKNOWN
    overrides = row["run"]["options"].get("overrides") or {} if row["kind"] == "run" else {}
    return f"{name}, changed" if set(overrides) - {"seed"} else name


def of_recipe(rows: Iterable[Row], name: str) -> list[Row]:
    """The rows of one recipe; :class:`UsageError` where there is none."""
    rows = list(rows)
    found = [row for row in rows if recipe_of(row) == name]
    if not found:
        known = {recipe for row in rows if (recipe := recipe_of(row))}
        raise UsageError(f"--recipe {name}: no row is known to be of this recipe", hint=did_you_mean(name, known))
    return found


def differ(rows: Iterable[Row]) -> bool:
    """Tells whether rows may be of several recipes: their names differ, or one is known and another is not."""
    return len({shown_recipe(row) for row in rows}) > 1
