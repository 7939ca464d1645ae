"""Grids: models, arms and seeds as folders and options, sizes, and the choice of an option on English dev data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import PluginError, UsageError
from harness.registry.registry import Registry
from harness.studies.grid import Cell, StudyFolders, cells, evaluations
from harness.studies.launch import plan_jobs
from harness.studies.search import Tried, best_value
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.studies import Arm, Contrast, Search, Study

ARMS = (
    Arm("none"),
    Arm("mnli", via=("mnli",), options={"mnli.train_size": 100}),
    Arm("mnli-shuffled", via=("mnli@shuffled",), control_of="mnli", models=("org/large",)),
)


def study(**more: Any) -> Study:
    values: dict[str, Any] = {"models": ("tiny", "org/large"), "tasks": ("xnli",), "arms": ARMS, "seeds": (1, 2)}
    found = Study("mine", 1, **{**values, **more})
    found.check()
    return found


def folders(found: list[Cell], out: Path) -> list[str]:
    return [str(run.relative_to(out)) for cell in found for run in cell.runs]


def test_a_cell_for_every_model_and_arm_and_a_run_for_every_seed(tmp_path: Path) -> None:
    found = list(cells(study(seeds_of={"org/large": (7,)}), tmp_path))
    assert folders(found, tmp_path) == [
        "tiny/none/seed-1",
        "tiny/none/seed-2",
        "tiny/mnli/seed-1",
        "tiny/mnli/seed-2",
        "org--large/none/seed-7",
        "org--large/mnli/seed-7",
        "org--large/mnli-shuffled/seed-7",
    ]
    assert [cell.via for cell in found] == [(), ("mnli",), (), ("mnli",), ("mnli@shuffled",)]
    assert {cell.options.stages_dir for cell in found} == {str(tmp_path / "stages")}


def test_a_stopped_study_has_all_arms_of_a_seed_before_the_next(
    registry: Registry, corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    arms = (*ARMS[:1], Arm("mnli", via=("mnli",)), Arm("again", via=("mnli",), options={"xnli.epochs": 9.0}))
    asked = study(models=(str(small_model),), arms=arms, recipe="tiny")
    grid = cells(asked, tmp_path, EvalOptions(data_dir=str(corpus), offline=True, device="cpu"))
    jobs = plan_jobs([job for _, job in evaluations(list(grid), registry).values()], registry, ProgressListener())
    assert [job.name.replace(str(small_model), "model") for job in jobs] == [
        "model, none, seed 1",
        "stage mnli of model, seed 1",
        "model, mnli, seed 1",
        "model, again, seed 1",
        "model, none, seed 2",
        "stage mnli of model, seed 2",
        "model, mnli, seed 2",
        "model, again, seed 2",
    ]


def test_options_of_the_command_count_more_than_the_arm_s_and_these_more_than_the_study_s(tmp_path: Path) -> None:
    asked = study(
        options={"batch": 8, "epochs": 1.0},
        options_of={"org/large": {"peft": "lora", "batch": 4}},
        limit=50,
        train_limit=300,
        perturb=("drop",),
    )
    found = list(cells(asked, tmp_path, EvalOptions(limit=5, overrides={"epochs": 2.0})))
    by_name = {cell.name: cell.options for cell in found}
    assert by_name["tiny, mnli"].overrides == {"batch": 8, "epochs": 2.0, "mnli.train_size": 100}
    assert by_name["org/large, none"].overrides == {"batch": 4, "epochs": 2.0, "peft": "lora"}
    assert {(each.limit, each.train_limit, each.perturb) for each in by_name.values()} == {(5, 300, ("drop",))}


def test_a_baseline_without_chance_has_one_seed(tmp_path: Path) -> None:
    found = list(cells(study(models=("baseline:majority", "baseline:random"), arms=ARMS[:1]), tmp_path))
    assert [cell.seeds for cell in found] == [(1,), (1, 2)]


def test_a_size_replaces_fields_and_one_must_be_named() -> None:
    sized = study(sizes={"smoke": {"seeds": (5,), "limit": 3}, "full": {}})
    assert sized.at("smoke").seeds == (5,) and sized.at("full").seeds == (1, 2) and sized.at("smoke").sizes == {}
    with pytest.raises(UsageError, match="'mine' has several sizes") as error:
        sized.at(None)
    assert "smoke, full" in str(error.value.hint)
    with pytest.raises(UsageError, match="no size 'huge'"):
        sized.at("huge")
    with pytest.raises(UsageError, match="no size 'smoke'"):
        study().at("smoke")
    with pytest.raises(PluginError, match="'seed'"):
        study(sizes={"smoke": {"seed": 5}})


def test_the_runs_of_another_study_are_in_its_folder() -> None:
    own, sharing = study(), study(runs_of="other")
    assert StudyFolders.of(own, "smoke") == StudyFolders(Path("runs/mine/smoke"), Path("runs/mine/smoke"))
    assert StudyFolders.of(sharing, "smoke") == StudyFolders(Path("runs/other/smoke/mine"), Path("runs/other/smoke"))
    assert StudyFolders.of(sharing, None, "here") == StudyFolders(Path("here/mine"), Path("here"))


def test_a_search_comes_before_what_it_decides(tmp_path: Path) -> None:
    searched = study(search=Search("lr", (3e-5, 1e-5), models=("tiny",)))
    found = list(cells(searched, tmp_path, EvalOptions(perturb=("drop",))))
    assert folders(found, tmp_path)[:7] == [
        "search/tiny/none/lr=recipe",
        "search/tiny/none/lr=3e-05",
        "search/tiny/none/lr=1e-05",
        "tiny/none/seed-1",
        "tiny/none/seed-2",
        "tiny/none@recipe/seed-1",
        "tiny/none@recipe/seed-2",
    ]
    tried, chosen, beside = found[:3], found[3], found[4]
    assert [cell.tried for cell in tried] == [Tried("lr", None), Tried("lr", 3e-5), Tried("lr", 1e-5)]
    assert {(c.seeds, c.options.split, c.languages, c.options.perturb) for c in tried} == {((0,), "dev", ("en",), ())}
    assert chosen.choice is not None and [Path(run) for run in chosen.choice.runs.values()] == [
        cell.folder for cell in tried
    ]
    assert beside.choice is None and beside.beside
    assert all(cell.choice is None and cell.tried is None for cell in found if cell.model == "org/large")


def test_of_equal_scores_the_recipe_s_value_then_the_smallest_is_best() -> None:
    assert best_value({"": 50.0, "1e-05": 50.0, "3e-05": 40.0}) == ""
    assert best_value({"": 50.0, "3e-05": 60.0, "1e-05": 60.0}) == "1e-05"
    assert best_value({"": 50.0, "3e-05": 61.0, "1e-05": 60.0}) == "3e-05"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"search": Search("lr", (1e-5, 2e-5), seed=2)}, "seed 2 is one of the reported"),
        ({"search": Search("lr", (1e-5, 2e-5), models=("other",))}, "search: models: 'other'"),
        ({"options_of": {"other": {}}}, "options_of"),
        ({"contrasts": (Contrast("a", "mnli", "nothing"),)}, "'nothing' is not known"),
        ({"arms": (*ARMS, Arm("none"))}, "arm 'none' occurs more than once"),
    ],
)
def test_what_contradicts_itself_is_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(PluginError, match=message):
        study(**wrong)
