"""Pairs of mixed languages as an outcome of a study: a loss for each language of first texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from study_runs import registry_of, study

from harness import evaluate
from harness.analysis.effects.size_charts import loss_values
from harness.core.errors import PluginError
from harness.report.study.content import StudyUnit
from harness.studies.collect import collect
from harness.studies.grid import cells
from harness.studies.plan import freeze, is_exploratory, plan_content
from harness.studies.study_power import StudyPower
from harness.types.studies import Arm
from harness.types.units import MIXED_PAIRS

CODES = ("de", "en", "sw", "zh")


def test_the_loss_of_mixed_pairs_is_that_of_the_runs(corpus: Path, tmp_path: Path) -> None:
    made = study(
        models=("baseline:random",),
        arms=(Arm("none"),),
        contrasts=(),
        seeds=(1,),
        tasks=(f"xnli[{','.join(CODES)},bg]",),  # there are no data in Bulgarian
        mixed_pairs=True,
        limit=20,
    )
    registry = registry_of(made)
    (cell,) = cells(made, tmp_path)
    options = replace(cell.options, data_dir=str(corpus), offline=True)
    run = evaluate("baseline:random", made.tasks, out=cell.runs[0], options=options, registry=registry)
    found = collect(made, tmp_path, registry).units
    plain = {unit.language: unit for unit in found if not unit.perturbation and unit.state == "scored"}
    mixed = {unit.language: unit for unit in found if unit.perturbation == MIXED_PAIRS}
    assert set(plain) == set(mixed) == set(CODES)
    means = run.record["mixed_pairs"]["xnli"]["means"]  # type: ignore[index]

    def mean(units: dict[str, StudyUnit]) -> float:
        return fmean(unit.score for unit in units.values() if unit.score is not None)

    assert mean(mixed) == pytest.approx(means["off_diagonal"]["score"])
    assert mean(plain) - mean(mixed) == pytest.approx(means["loss"]["score"])
    losses = loss_values([unit.observation for unit in found if unit.observation is not None])
    assert list(losses) == [("none", MIXED_PAIRS)] and len(losses["none", MIXED_PAIRS].numbers) == 3  # without English
    # a study that does not ask for them shows them as exploratory, and none is a language of the task
    without = replace(made, mixed_pairs=False)
    assert {unit.language for unit in collect(without, tmp_path, registry).units} == {*CODES, "bg"}


def test_a_plan_has_mixed_pairs_only_where_they_are_asked_for(tmp_path: Path) -> None:
    power = StudyPower(1.0, 1.0, 0, (), ())
    for asked in (False, True):
        made = study(mixed_pairs=asked)
        registry = registry_of(made)
        content = plan_content(made, None, list(cells(made, tmp_path)), registry)
        assert ("mixed_pairs" in content["fields"]) is asked
        plan = freeze(content, tmp_path / str(asked), power)
        where = {"model": "org/small", "arm": "none", "seed": 1, "task": "xnli", "language": "de"}
        assert is_exploratory(plan, made, **where, perturbation=MIXED_PAIRS) is not asked
    with pytest.raises(PluginError, match="mixed_pairs"):
        study(mixed_pairs="yes")
