"""Recipes on boards: named, told apart, and chosen by."""

from __future__ import annotations

from typing import Any

import pytest

from harness.cli.main import main
from harness.leaderboard.board import build_board
from harness.leaderboard.recipes import differ, of_recipe, recipe_of, shown_recipe
from harness.leaderboard.rows import published_rows
from harness.registry.default import get_registry
from harness.report.leaderboard import RECIPES_DIFFER, legend, tables


def run_row(**options: Any) -> dict[str, Any]:
    return {"kind": "run", "run": {"options": options}}


def test_a_run_is_of_the_recipe_of_its_record_changed_by_options_but_not_by_its_seed() -> None:
    recipe = {"name": "nlu-evals", "version": 1, "provider": "xtreme-harness:recipes"}
    assert shown_recipe(run_row(recipe=recipe)) == shown_recipe(run_row(recipe=recipe, overrides={"seed": 2}))
    assert shown_recipe(run_row(recipe=recipe, overrides={"seed": 2})) == "nlu-evals"
    changed = run_row(recipe=recipe, overrides={"lr": 1e-4})
    assert (recipe_of(changed), shown_recipe(changed)) == ("nlu-evals", "nlu-evals, changed")
    assert recipe_of(run_row()) is None and shown_recipe({"kind": "published"}) == "?"


def test_the_tables_of_mgte_and_mmbert_name_their_recipe_and_no_other_row_claims_one() -> None:
    named = {row["source"]["id"]: recipe_of(row) for row in published_rows(get_registry())}
    assert {name: recipe for name, recipe in named.items() if recipe} == {
        "zhang2024_mgte": "nlu-evals", "marone2025_mmbert": "nlu-evals"
    }  # fmt: skip
    assert get_registry().recipe("nlu-evals").source.startswith("izhx/nlu-evals")


def test_a_board_of_several_recipes_says_so_and_one_of_a_single_recipe_does_not() -> None:
    registry = get_registry()
    rows = published_rows(registry)
    mixed = build_board(rows, "xtreme-r", registry)
    table = next(iter(tables(mixed)))
    assert [column.name for column in table.columns][:3] == ["system", "source", "recipe"]
    assert RECIPES_DIFFER in legend(mixed.sections)
    alone = of_recipe(rows, "nlu-evals")
    assert {row["source"]["id"] for row in alone} == {"zhang2024_mgte", "marone2025_mmbert"}
    assert not differ(alone)
    assert RECIPES_DIFFER not in legend(build_board(alone, "xtreme-r", registry).sections)


def test_show_takes_the_rows_of_a_recipe_and_refuses_one_that_no_row_has(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "show", "--recipe", "nlu-evals"]) == 0
    shown = capsys.readouterr().out
    assert "mmBERT base" in shown and "hu2020_xtreme" not in shown
    assert main(["leaderboard", "show", "--recipe", "nlu-eval"]) == 2
    assert "nlu-evals" in capsys.readouterr().err
