"""Arms that are trained on data of each language itself, or scored on translated test text."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from study_runs import registry_of

from harness.core.errors import PluginError
from harness.data.access import DataAccess
from harness.leaderboard.export import export_row
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.studies.collect import Collected, collect
from harness.studies.grid import cells, run_cells
from harness.studies.plan import deviations, freeze, is_exploratory, plan_content
from harness.studies.plan_tables import arms_table
from harness.studies.study_cost import study_cost
from harness.studies.study_power import study_power
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.studies import Arm, Contrast, Study

CEILING = Arm("ceiling", train_on=("own",), tasks=("panx[en,de]",), factors={"ceiling": True})
TRANSLATED = Arm("translated", test_on="translated", tasks=("pawsx[en,de]",))


def study(*models: str) -> Study:
    made = Study(
        "data",
        1,
        models=models,
        tasks=("pawsx[en,de]", "panx[en,de]"),
        arms=(Arm("none"), CEILING, TRANSLATED),
        contrasts=(Contrast("translated - none", "translated"),),
        seeds=(1,),
        recipe="tiny",
        limit=6,
        train_limit=12,
        options={"max_steps": 1},
    )
    made.check()
    return made


@pytest.fixture(scope="module")
def collected(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Collected, Path]:
    out, made = tmp_path_factory.mktemp("data-study"), study(str(small_model))
    options = EvalOptions(data_dir=str(corpus), offline=True, device="cpu")
    done = run_cells(
        list(cells(made, out, options)), out, registry=get_registry(), reporter=ProgressListener(), loaded=None
    )
    assert not done.failed and not done.failed_units
    return collect(made, out, registry_of(made)), out


def test_each_arm_has_the_setting_of_its_data(collected: tuple[Collected, Path]) -> None:
    found, out = collected
    settings, stages = {}, {}
    for run in found.runs:
        row = export_row(out / run.folder, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
        settings[run.arm] = row["setting"]
        stages[run.arm] = {stage["name"] for stage in found.views[run.folder].stages}
    assert settings == {"none": "zero_shot_en", "ceiling": "labels:de,en", "translated": "translate_test"}
    assert stages == {"none": {"pawsx", "panx"}, "ceiling": {"panx", "panx[de]"}, "translated": {"pawsx"}}


def test_an_arm_has_the_units_of_its_own_tasks_and_english_is_trained_once(collected: tuple[Collected, Path]) -> None:
    found, out = collected
    units: dict[str, list[str]] = {}
    for unit in found.units:
        assert unit.state == "scored", unit
        units.setdefault(unit.run.arm, []).append(f"{unit.task}/{unit.language}")
    assert units == {
        "none": ["pawsx/de", "pawsx/en", "panx/en", "panx/de"],
        "ceiling": ["panx/en", "panx/de"],
        "translated": ["pawsx/de", "pawsx/en"],
    }
    of = {(each.run.arm, each.task, each.language): each.checkpoint for each in found.units}
    assert of["ceiling", "panx", "en"] == of["none", "panx", "de"] != of["ceiling", "panx", "de"]
    assert len(list((out / "stages").glob("*/stage.json"))) == 3  # pawsx, panx and panx[de]


def test_frozen_plans_hold_the_data_of_arms_and_plans_from_before_stay_as_they_are(tmp_path: Path) -> None:
    made = study("tiny")
    registry = registry_of(made)
    plain = replace(made, arms=(Arm("none"),), contrasts=())
    [before] = plan_content(plain, None, list(cells(plain, tmp_path)), registry)["arms"]
    assert set(before) == {"name", "via", "options", "control_of", "factors", "models", "summary"}
    grid = list(cells(made, tmp_path))
    content = plan_content(made, None, grid, registry)
    by_arm = {cell["arm"]: cell for cell in content["cells"]}
    assert by_arm["ceiling"]["train_on"] == ["own"] and by_arm["translated"]["test_on"] == "translated"
    assert "train_on" not in by_arm["none"] and "test_on" not in by_arm["none"]
    plan = freeze(content, tmp_path, study_power(made, registry, DataAccess(offline=True)))
    other = replace(made, arms=(Arm("none"), replace(CEILING, train_on=("panx[de]",)), TRANSLATED))
    changed = deviations(plan, other, list(cells(other, tmp_path)), registry)
    assert any("ceiling: train_on is" in said and 'planned ["own"]' in said for said in changed)
    for arm, exploratory in (("ceiling", True), ("translated", False), ("none", False)):
        assert is_exploratory(plan, other, model="tiny", arm=arm, seed=1) is exploratory
    assert not is_exploratory(plan, made, model="tiny", arm="ceiling", seed=1)


def test_arms_on_other_data_are_scored_on_the_test_sets_as_they_are(tmp_path: Path) -> None:
    made = replace(study("tiny"), perturb=("drop",), mixed_pairs=True)
    assert {cell.arm: (cell.options.perturb, cell.options.mixed_pairs) for cell in cells(made, tmp_path)} == {
        "none": (("drop",), True),
        "ceiling": ((), False),
        "translated": ((), False),
    }
    found = {(unit.run.arm, unit.perturbation) for unit in collect(made, tmp_path, registry_of(made)).units}
    assert found == {("none", ""), ("none", "drop"), ("none", "mixed-pairs"), ("ceiling", ""), ("translated", "")}


def test_an_arm_takes_no_options_of_tasks_that_it_does_not_score(tmp_path: Path) -> None:
    options = {"panx.train_size": 300, "pawsx.train_size": 200, "lr": 1e-3}
    made = replace(study("tiny"), options=options, options_of={"tiny": {"panx.epochs": 2}})
    found = {cell.arm: dict(cell.options.overrides) for cell in cells(made, tmp_path)}
    assert found["none"] == options | {"panx.epochs": 2}
    assert found["ceiling"] == {"panx.train_size": 300, "panx.epochs": 2, "lr": 1e-3}
    assert found["translated"] == {"pawsx.train_size": 200, "lr": 1e-3}


def test_the_cost_counts_a_training_in_each_language(tmp_path: Path) -> None:
    made = replace(study("xlm-roberta-base"), limit=None, train_limit=None, options={"epochs": 1})
    [model] = study_cost(list(cells(made, tmp_path)), get_registry()).models
    work = {stage.lineage: (stage.runs, stage.work) for stage in model.stages}
    assert {name: runs for name, (runs, _) in work.items()} == {"pawsx": 2, "panx": 2, "panx[de]": 1}
    assert all(known is not None and known.trained > 0 for _, known in work.values())
    assert not model.unknown


def test_what_only_data_could_tell_is_said_and_translations_cost_as_much_as_english(tmp_path: Path) -> None:
    arms = (Arm("none"), Arm("all", train_on=("all",)), Arm("two", train_on=("xnli[de,fr]",)))
    made = replace(study("xlm-roberta-base"), arms=arms, tasks=("xnli",), contrasts=(), train_limit=None)
    [model] = study_cost(list(cells(replace(made, options={}), tmp_path)), get_registry()).models
    assert [said for said in model.unknown if "training of xnli: --train-on all: there is no translation" in said]
    work = {stage.lineage: stage.work for stage in model.stages}
    assert work["xnli[de,fr]"] == work["xnli"] is not None


def test_arms_are_shown_with_their_data_and_checked() -> None:
    rows = str(arms_table(study("tiny")).rows)
    assert "train_on=own, tasks=panx[en,de]" in rows and "test_on=translated" in rows
    with pytest.raises(PluginError, match="arm 'none': test_on must be original or translated"):
        replace(study("tiny"), arms=(Arm("none", test_on="english"),), contrasts=()).check()


def test_studies_of_the_harness_have_their_ceilings_and_translate_test(tmp_path: Path) -> None:
    registry = Registry()
    for size in ("smoke", "small", "full"):
        gains, scaling = registry.study("low-resource-gains").at(size), registry.study("intermediate-scaling").at(size)
        [ceiling] = [arm for arm in gains.arms if arm.train_on]
        assert ceiling.factors == {"ceiling": True} and not any(c.arm == ceiling.name for c in gains.contrasts)
        translated = [arm for arm in scaling.arms if arm.test_on == "translated"]
        assert translated and not any(c.primary for c in scaling.contrasts)
        assert {each for arm in translated for each in arm.models} == {
            model for model in scaling.models if not scaling.model_factors[model]["multilingual"]
        }
        main = {arm.name for arm in scaling.arms if arm.factors.get("series") == "epochs" and not arm.control_of}
        assert {arm.name for arm in translated} == {f"{name}-translated" for name in (*main, "none")}
