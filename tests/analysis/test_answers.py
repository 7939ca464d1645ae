"""Answers item by item: what is drawn, which items are the same in several languages, and where runs differ."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from run_folders import write_run

from harness.analysis.answers import Answer, answers
from harness.registry.default import get_registry
from harness.results.systems import load_runs

GOLD = ["entailment", "neutral", "contradiction"] * 200


def lines(values: list[str]) -> str:
    return "".join(f"{value}\n" for value in values)


def guessed(wrong: set[int]) -> str:
    return lines(["neutral" if i in wrong and g != "neutral" else g for i, g in enumerate(GOLD)])


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two runs: items 0, 3, ... of English are wrong in one, items 1, 4, ... (which are neutral) right in both."""
    folder = tmp_path_factory.mktemp("runs")
    tags = {"en": ("A\nO\n\nO\n\n", "A\nO\n\nA\n\n"), "de": ("O\n\nO\n\n", "O\n\nO\n\n")}
    first = {"en": (lines(GOLD), guessed(set(range(0, 600, 3)))), "sw": (lines(GOLD), guessed(set()))}
    second = {"en": (lines(GOLD), guessed(set())), "sw": (lines(GOLD), guessed({2}))}
    tags = {code: tuple(side.replace("A", "B-PER") for side in sides) for code, sides in tags.items()}
    return [
        write_run(folder / "one", {"xnli": first, "panx": tags}),
        write_run(folder / "two", {"xnli": second, "panx": tags}, seed=2),
    ]


def test_every_unit_has_its_counts_and_every_item_the_answers_of_both_runs(runs: list[Path]) -> None:
    (xnli,) = answers(load_runs(runs), get_registry(), tasks=["xnli"])
    assert {(unit.run, unit.code): (unit.wrong, unit.total) for unit in xnli.units} == {
        (0, "en"): (200, 600), (0, "sw"): (0, 600), (1, "en"): (0, 600), (1, "sw"): (1, 600)
    }  # fmt: skip
    assert len(xnli.items) == 1200
    first = xnli.items[0]
    assert (first.id, first.code, first.parts) == ("1", "en", (("right", "entailment"),))
    assert first.answers == (
        Answer(False, 0.0, (("predicted", "neutral"),)),
        Answer(True, 100.0, (("predicted", "entailment"),)),
    )


def test_a_sample_has_the_same_items_in_all_languages_and_two_thirds_of_them_were_missed(runs: list[Path]) -> None:
    (xnli,) = answers(load_runs(runs), get_registry(), tasks=["xnli"], most=180)
    drawn = {code: [item.id for item in xnli.items if item.code == code] for code in ("en", "sw")}
    assert drawn["en"] == drawn["sw"] == sorted(drawn["en"], key=int) and len(drawn["en"]) == 90
    missed = [id for id in drawn["en"] if (int(id) - 1) % 3 == 0 or id == "3"]
    assert 60 <= len(missed) <= 62
    (again,) = answers(load_runs(runs), get_registry(), tasks=["xnli"], most=180)
    assert again == xnli


def test_where_few_items_were_missed_the_others_fill_the_sample(runs: list[Path]) -> None:
    (xnli,) = answers(load_runs(runs[1:]), get_registry(), tasks=["xnli"], most=1)
    drawn = [item.id for item in xnli.items if item.code == "en"]
    assert len(drawn) == 40 and "3" in drawn


def test_line_numbers_are_one_item_only_where_the_gold_answers_agree(runs: list[Path]) -> None:
    found = {task.task: task.parallel for task in answers(load_runs(runs), get_registry())}
    assert found == {"xnli": True, "panx": False}


def test_units_whose_files_changed_are_left_out(runs: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(runs[0], folder)
    (folder / "predictions/xnli/test-sw.tsv").write_text("neutral\n", encoding="utf-8")
    (xnli,) = answers(load_runs([folder]), get_registry(), tasks=["xnli"])
    assert {unit.code for unit in xnli.units} == {item.code for item in xnli.items} == {"en"}
