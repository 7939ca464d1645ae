"""What is measured of a study's models after its runs: tokens by language, MultiCheckList, and distances of the user's."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from study_runs import registry_of, study, write_study

from harness.core.errors import DataError, PluginError
from harness.data.access import DataAccess
from harness.inference.token_counts import token_counts
from harness.models.tiny import tiny_tokenizer
from harness.registry.default import get_registry
from harness.studies.analyse import analyse_folders
from harness.studies.collect import collect
from harness.studies.distances import read_distances, with_distances
from harness.studies.grid import StudyFolders, cells, run_cells
from harness.studies.measured import checklist_file, tokens_file
from harness.studies.measuring import measure_checklists, measure_tokens
from harness.studies.plan import freeze, is_exploratory, plan_content
from harness.studies.study_power import StudyPower
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.studies import Arm, Study
from harness.types.units import CHECKLIST

Cli = Callable[..., tuple[int, str, str]]
POWER = StudyPower(1.0, 1.0, 0, (), ())


def test_tokens_of_the_test_sets_become_factors_of_each_language(corpus: Path, tmp_path: Path) -> None:
    made = study(models=("tiny",), tasks=("xnli[de,en,zh]",), seeds=(1,), arms=(Arm("none"),), contrasts=())
    registry = registry_of(made)
    options = EvalOptions(data_dir=str(corpus), offline=True)
    [path] = measure_tokens(made, tmp_path, registry, options)
    languages = json.loads(path.read_text())["languages"]
    task = registry.task("xnli")
    examples = DataAccess(corpus, offline=True).load(task, task.languages["de"]["test"]).examples[:200]
    expected = token_counts(tiny_tokenizer("tiny"), "de", [text for each in examples for text in each.texts().values()])
    assert languages["de"]["tokens"] == expected.tokens and languages["de"]["words"] == expected.words
    assert languages["zh"]["words"] is None
    write_study(made, tmp_path)
    seen = {unit.language: unit.observation for unit in collect(made, tmp_path, registry).units if unit.observation}
    assert seen["de"].factors["tokens_per_word"] == expected.per_word
    assert "tokens_per_word" not in seen["zh"].factors and seen["zh"].factors["lost_tokens"] >= 0
    before = path.stat().st_mtime_ns
    assert measure_tokens(made, tmp_path, registry, options) == [path] and path.stat().st_mtime_ns == before
    path.write_text(path.read_text().replace('"words"', '"letters"', 1))
    with pytest.raises(DataError, match="sha256 differs"):
        collect(made, tmp_path, registry)


@pytest.fixture(scope="module")
def answered(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, Path]:
    """A study of two arms with a model that answers questions, and of one that does not."""
    out = tmp_path_factory.mktemp("checklist-study")
    made = Study(
        "checked",
        1,
        models=(str(small_model),),
        tasks=("xquad[de,en]", "panx[de]"),
        arms=(Arm("none"), Arm("names", tasks=("panx[de]",))),
        seeds=(1,),
        recipe="tiny",
        limit=4,
        train_limit=8,
        options={"max_steps": 1},
        checklist=True,
    )
    made.check()
    options = EvalOptions(data_dir=str(corpus), offline=True, device="cpu")
    done = run_cells(
        list(cells(made, out, options)), out, registry=get_registry(), reporter=ProgressListener(), loaded=None
    )
    assert not done.failed and not done.failed_units
    return made, out


def test_multichecklist_is_an_outcome_of_the_runs_that_answer_questions(answered: tuple[Study, Path]) -> None:
    made, out = answered
    registry = registry_of(made)
    [asked] = [unit for unit in collect(made, out, registry).units if unit.perturbation == CHECKLIST]
    assert asked.state == "missing" and "study measure --part checklist" in asked.reason
    options = EvalOptions(offline=True, device="cpu")
    [path] = measure_checklists(made, out, registry, options, cases=1)
    [run] = [run for run in collect(made, out, registry).runs if run.arm == "none"]
    assert path == checklist_file(out, run.folder)
    units = [unit for unit in collect(made, out, registry).units if unit.perturbation == CHECKLIST]
    assert [(unit.run.arm, unit.task, unit.language) for unit in units] == [
        ("none", "xquad", "en"),
        ("none", "xquad", "de"),
    ]
    content = json.loads(path.read_text())["languages"]
    for unit in units:
        tests = content[unit.language]["tests"]
        assert len(tests) == 6 and unit.observation is not None and unit.observation.n == 6
        assert unit.score == pytest.approx(100 - 100 * sum(failed for failed, _ in tests.values()) / 6)
    kept = path.stat().st_mtime_ns
    measure_checklists(made, out, registry, options, cases=1)
    assert path.stat().st_mtime_ns == kept
    measure_checklists(made, out, registry, options, cases=2)
    assert path.stat().st_mtime_ns != kept


def test_a_study_without_answers_to_questions_has_no_checklist(tmp_path: Path) -> None:
    made = study(checklist=True)
    registry = registry_of(made)
    assert not [unit for unit in collect(made, tmp_path, registry).units if unit.perturbation == CHECKLIST]
    with pytest.raises(DataError, match="no run has a model that answers questions"):
        measure_checklists(made, tmp_path, registry, EvalOptions(), cases=1)
    with pytest.raises(PluginError, match="checklist must be True or False"):
        study(checklist="yes")


@pytest.mark.parametrize("asked", [False, True])
def test_a_plan_has_checklist_and_distances_only_where_they_are_asked_for(asked: bool, tmp_path: Path) -> None:
    made = study(checklist=asked, distances={"sw": {"es": 0.5}} if asked else {})
    content = plan_content(made, None, list(cells(made, tmp_path)), registry_of(made))
    assert {"checklist", "distances"} <= set(content["fields"]) or not asked
    assert asked or not {"checklist", "distances"} & set(content["fields"])
    plan = freeze(content, tmp_path, POWER)
    where = {"model": "org/small", "arm": "none", "seed": 1, "task": "xquad", "language": "yo"}
    assert is_exploratory(plan, made, **where, perturbation=CHECKLIST) is not asked


def test_frozen_distances_are_those_of_the_analysis_and_others_are_a_deviation(tmp_path: Path) -> None:
    made = study(seeds=(1,))
    registry = registry_of(made)
    folders = StudyFolders.of(made, out=tmp_path)
    planned = replace(made, distances={"de": {"en": 0.25}})
    freeze(plan_content(planned, None, list(cells(made, tmp_path)), registry), tmp_path, POWER)
    write_study(made, tmp_path)
    found = analyse_folders(made, folders, registry)
    assert found.report.study.distances == {"de": {"en": 0.25}}
    assert not any("distances" in change for change in found.report.plan.changes)
    other = analyse_folders(replace(made, distances={"de": {"en": 0.5}}), folders, registry)
    assert any(change.startswith("distances is") for change in other.report.plan.changes)


def test_distances_are_read_from_lines_of_two_languages_and_a_number(tmp_path: Path) -> None:
    file = tmp_path / "uriel.tsv"
    file.write_text("language\tother\tdistance\nsw\tes\t0.61\n\nsw\tar\t0.5\nsw\tes\t0.61\n")
    assert read_distances(file) == {"sw": {"es": 0.61, "ar": 0.5}}
    made = study()
    assert with_distances(made, None) is made
    with_distances(made, file).check()
    for text, message in (
        ("sw\tes\n", "uriel.tsv:1: 'sw"),
        ("sw\tes\t0.6\nes\tsw\t0.7\n", "uriel.tsv:2: es and sw have another distance above"),
        ("sw\tes\t0.6\nsw\tklingonish\t0.7\n", "uriel.tsv:2: no language 'klingonish'"),
        ("sw\tes\t-1\n", "uriel.tsv:1"),
        ("", "no distance in it"),
    ):
        file.write_text(text)
        with pytest.raises(DataError, match=message):
            read_distances(file)


def test_the_measurements_are_made_by_one_command(corpus: Path, cli: Cli) -> None:
    code, _, error = cli("study", "measure", "captioning", "--size", "smoke", "--part", "tokens", "--data-dir", corpus)
    assert code == 0 and "written to" in error
    assert tokens_file(Path("runs/captioning/smoke"), "tiny/none/seed-1").is_file()
    code, _, error = cli("study", "measure", "captioning", "--size", "smoke", "--part", "checklist")
    assert code != 0 and "no run has a model that answers questions" in error
