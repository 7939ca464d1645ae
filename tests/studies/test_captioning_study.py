"""The study of captions runs from made scenes to its page, with its controls, prefixes and latencies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.data.scenes.write import write_scenes
from harness.efficiency.protocol import Protocol
from harness.efficiency.study_runs import measure_runs, measured_costs
from harness.registry.default import get_registry
from harness.studies import analyse as analysis
from harness.studies.analyse import StudyAnalysis, analyse_folders
from harness.studies.grid import StudyFolders, cells, run_cells
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.studies import Study

ARMS = ("none", "captions", "captions-masked", "captions-null")
FEW = {"scenes.max_steps": 1, "scenes.eval_limit": 8, "scenes.head": "tied", "scenes.max_length": 48}


def small(model: Path) -> Study:
    """The smoke size of the study with one step a stage, and all arms on scenes."""
    study = get_registry().study("captioning")
    on_scenes = {arm.name: arm for arm in study.at("smoke").arms}
    arms = []
    for arm in study.arms:
        via = tuple(stage.replace("captions", "scenes") for stage in arm.via)
        options = {
            name: value for name, value in FEW.items() if via and not (name == "scenes.head" and "masked" in via[0])
        }
        arms.append(replace(on_scenes.get(arm.name, arm), via=via, options=options))
    return replace(
        study.at("smoke"),
        models=(str(model),),
        tasks=("pawsx[de,en]",),
        arms=tuple(arm for arm in arms if arm.name in ARMS),
        options={"max_steps": 1},
        train_limit=16,
        limit=20,
    )


@pytest.fixture(scope="module")
def analysed(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyAnalysis:
    folder = tmp_path_factory.mktemp("captioning")
    data = folder / "data"
    data.mkdir()
    for path in corpus.iterdir():
        (data / path.name).symlink_to(path)
    write_scenes(data, 20)
    study, registry = small(small_model), get_registry()
    folders = StudyFolders.of(study, None, folder / "runs")
    options = EvalOptions(data_dir=str(data), device="cpu", offline=True)
    done = run_cells(
        list(cells(study, folders.runs, options)), folders.runs, registry=registry, reporter=ProgressListener()
    )
    assert not done.failed
    protocol = Protocol(calls=4, seconds=0, sessions=4, batch_sizes=(), lengths=(), block=1)
    measure_runs(study, folders.runs, registry, options, protocol, task="pawsx[en]", memory=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(analysis, "find_spec", lambda name: None)  # no figures
        return analyse_folders(study, folders, registry, "", measured_costs(study, folders.runs, registry))


def rows(found: StudyAnalysis) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (found.path / "results.jsonl").read_text(encoding="utf-8").splitlines()]


def test_every_arm_is_scored_with_every_seed(analysed: StudyAnalysis) -> None:
    assert analysed.complete
    assert {(row["arm"], row["seed"]) for row in rows(analysed)} == {(arm, seed) for arm in ARMS for seed in (1, 2)}


def test_accuracy_and_latency_are_tested_together(analysed: StudyAnalysis) -> None:
    effects = {effect.name: effect for effect in analysed.effects}
    [joint] = [effect for name, effect in effects.items() if name.startswith("captions - the better of none and")]
    assert joint.hypothesis == "H1"
    ratios = {name: effect.hypothesis for name, effect in effects.items() if name.startswith("latency of")}
    assert sorted(ratios.values()) == ["H2", "H3"]
    assert all(effects[name].counts == {"seeds": 2} and effects[name].estimate > 0 for name in ratios)
    assert any(said.startswith("H2, latency of captions to none") for said in analysed.conclusions)


def test_the_page_draws_accuracy_against_latency(analysed: StudyAnalysis) -> None:
    charts = {chart.name: chart for chart in analysed.report.findings.charts}
    assert {point["label"] for point in charts["score-and-latency"].points} == set(ARMS)
    assert (analysed.path / "tables" / "score-and-cost.csv").is_file()
    assert "Score against latency" in analysed.page.read_text(encoding="utf-8")


def test_only_stages_that_saw_pictures_say_so(analysed: StudyAnalysis) -> None:
    seen = {}
    for record in Path(analysed.report.folder).glob("*/*/seed-1/record.json"):
        resources = [stage["resources"]["images"] for stage in json.loads(record.read_text(encoding="utf-8"))["stages"]]
        seen[record.parts[-3]] = any(resources)
    assert seen == {arm: arm not in ("none", "captions-masked") for arm in ARMS}
