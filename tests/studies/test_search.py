"""The search for an option: on English dev data alone, with the best value in the reported runs and all of it on record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import UsageError
from harness.core.sealed import read_sealed
from harness.registry.registry import Registry
from harness.results.systems import load_run
from harness.studies.grid import cells, evaluations, run_cells
from harness.studies.job import Choice, Job
from harness.studies.search import searched_tasks
from harness.studies.search_report import FILE
from harness.studies.stage_plan import with_shared_stages
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.studies import Arm, Search, Study

VALUES = (2e-3, 1e-8)


@pytest.fixture(scope="module")
def registry() -> Registry:
    found = Registry()
    found.check()
    return found


def study(model: Path, **more: Any) -> Study:
    values: dict[str, Any] = {
        "models": (str(model),),
        "tasks": ("panx[en,sw]", "xquad[en,ru]"),
        "arms": (Arm("none"), Arm("squad", via=("squad",))),
        "seeds": (1,),
        "recipe": "tiny",
        "search": Search("lr", VALUES),
    }
    found = Study("mine", 1, **{**values, **more})
    found.check()
    return found


def options(corpus: Path) -> EvalOptions:
    overrides = {"max_steps": 4, "batch": 8}
    return EvalOptions(data_dir=str(corpus), offline=True, device="cpu", limit=20, overrides=overrides)


@pytest.fixture(scope="module")
def done(small_model: Path, corpus: Path, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The searches and runs of two arms."""
    out = tmp_path_factory.mktemp("search")
    asked = study(small_model, tasks=("panx[en,sw]", "mlqa[en,hi]", "xquad[en,ru]"))
    grid = list(cells(asked, out, options(corpus)))
    found = run_cells(grid, out, registry=registry, reporter=ProgressListener())
    assert not found.failed and len(found.summaries) == 4 and len(found.searches) == 2
    return out


def lrs(run: Path) -> dict[str, float]:
    """The rate of the last stage of each task of a run."""
    view = load_run(run)
    of_key = {stage["key"]: stage["options"]["lr"] for stage in view.stages}
    return {key.split("/")[0]: of_key[unit["checkpoint"]] for key, unit in view.record["units"].items()}


def test_the_best_value_on_english_dev_is_used_and_the_recipe_s_stands_beside(done: Path, small_model: Path) -> None:
    [model] = [path for path in done.iterdir() if path.name.startswith(small_model.name)]
    saved = read_sealed(done / FILE)["searches"]
    assert [(each["arm"], each["option"], each["seed"]) for each in saved] == [("none", "lr", 0), ("squad", "lr", 0)]
    recipe = {"panx": 1e-3, "mlqa": 1e-3, "xquad": 1e-3}
    for each in saved:
        assert set(each["dev"]) == {"panx", "mlqa"}  # XQuAD has no English dev data
        assert all(set(scores) == {"recipe", "0.002", "1e-08"} for scores in each["dev"].values())
        assert each["chosen"]["xquad"] == each["chosen"]["mlqa"]
        for task, value in each["chosen"].items():
            scores = each["dev"]["mlqa" if task == "xquad" else task]
            assert scores[value] == max(scores.values())
        wanted = {task: recipe[task] if value == "recipe" else float(value) for task, value in each["chosen"].items()}
        assert lrs(model / each["arm"] / "seed-1") == wanted
        assert lrs(model / f"{each['arm']}@recipe" / "seed-1") == recipe
        assert each["cost"]["runs"] == 3 and each["cost"]["seconds"] > 0 and each["cost"]["tokens"] > 0


def test_the_value_is_that_of_the_target_s_stage_and_not_of_the_stage_before(done: Path) -> None:
    """SQuAD is both the intermediate task and what the targets train on."""
    [run] = done.glob("search/*/squad/lr=1e-08")
    trained = [(stage["lineage"], stage["options"]["lr"]) for stage in load_run(run).stages]
    assert (["squad"], 1e-3) in trained and (["squad", "squad"], 1e-8) in trained


def test_a_search_touches_no_data_of_the_target_languages(done: Path, corpus: Path, small_model: Path) -> None:
    for folder in done.glob("search/*/*/*"):
        record = load_run(folder).record
        assert set(record["units"]) == {"panx/en/dev", "mlqa/en/dev"} and not record["failed"]
    assert {run.record["options"]["split"] for run in map(load_run, done.glob("search/*/*/*"))} == {"dev"}


def test_a_search_runs_where_there_are_english_data_alone(
    done: Path, corpus: Path, small_model: Path, registry: Registry, tmp_path: Path
) -> None:
    english = tmp_path / "english"
    for place in ("PAN-X.en", "MLQA.en.en", "SQuAD"):
        shutil.copytree(corpus / "google" / "xtreme" / place, english / "google" / "xtreme" / place)
        for path in (english / "google" / "xtreme" / place).glob("test-*"):
            path.unlink()
    asked = study(small_model, tasks=("panx[en,sw]", "mlqa[en,hi]", "xquad[en,ru]"), arms=(Arm("none"),))
    grid = [cell for cell in cells(asked, tmp_path / "out", options(english)) if cell.tried]
    found = run_cells(grid, tmp_path / "out", registry=registry, reporter=ProgressListener())
    assert not found.failed
    for run in (tmp_path / "out").glob("search/*/none/*"):
        other = load_run(done / run.relative_to(tmp_path / "out"))
        scores = {key: unit["score"] for key, unit in load_run(run).units.items()}
        assert scores and scores == {key: unit["score"] for key, unit in other.units.items()}


def test_the_same_command_again_finds_the_search_done(
    done: Path, corpus: Path, small_model: Path, registry: Registry
) -> None:
    before = (done / FILE).read_bytes()
    asked = study(small_model, tasks=("panx[en,sw]", "mlqa[en,hi]", "xquad[en,ru]"))
    grid = list(cells(asked, done, options(corpus)))
    found = run_cells(grid, done, registry=registry, reporter=ProgressListener())
    assert not found.failed and (done / FILE).read_bytes() == before


def test_which_targets_decide(registry: Registry) -> None:
    assert searched_tasks(registry, None, ("xnli", "panx[sw]", "tatoeba")) == {"panx": ("panx",), "xnli": ("xnli",)}
    assert searched_tasks(registry, "xtreme", ()) == {
        "pawsx": ("pawsx",),
        "xnli": ("xnli",),
        "panx": ("panx",),
        "udpos": ("udpos",),
        "mlqa": ("mlqa", "xquad"),
        "tydiqa": ("tydiqa",),
    }
    with pytest.raises(UsageError, match="nothing can be searched on xcopa"):
        searched_tasks(registry, None, ("xcopa",))


def test_a_job_keeps_its_choice_as_json() -> None:
    job = Job("one", "evaluation", "tiny", "run", tasks=("panx",), choice=Choice("lr", {"": "a", "1e-05": "b"}))
    assert Job.from_json(job.to_json()) == job
    assert json.loads(job.to_json())["choice"] == {"option": "lr", "runs": {"": "a", "1e-05": "b"}}


def test_runs_wait_for_the_search_that_decides_about_them(
    corpus: Path, small_model: Path, registry: Registry, tmp_path: Path
) -> None:
    of = evaluations(list(cells(study(small_model), tmp_path, options(corpus))), registry)
    planned = with_shared_stages([job for _, job in of.values()], registry)
    tried = {key for key, (cell, _) in of.items() if cell.tried}
    stages = {job.key for job in planned if job.stage}
    assert len(tried) == 6 and stages and all(job.choice is None for job in planned if job.stage)
    for job in planned:
        if job.choice:
            assert len(tried & set(job.needs)) == 3 and set(job.needs) <= tried | stages
        else:
            assert not tried & set(job.needs)
