"""The studies of the harness itself: each can be used at each of its sizes, and says what it compares."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.access import DataAccess
from harness.evaluation.plan import make_plan
from harness.registry.registry import Registry
from harness.studies.grid import cells
from harness.studies.stage_plan import check_job
from harness.types.studies import NO_STAGES, Study

NAMES = (
    "captioning",
    "intermediate-scaling",
    "low-resource-gains",
    "non-english-intermediate",
    "size-robustness",
)


@pytest.fixture(scope="module")
def studies() -> dict[str, Study]:
    registry = Registry()
    registry.check()
    return dict(registry.studies())


def sized() -> list[tuple[str, str]]:
    return [(name, size) for name, study in Registry().studies().items() if name in NAMES for size in study.sizes]


@pytest.mark.parametrize(("name", "size"), sized())
def test_every_size_is_a_whole_study(studies: dict[str, Study], name: str, size: str, tmp_path: Path) -> None:
    study = studies[name].at(size)
    study.check()
    assert study.question.endswith("?") and study.margins == (1.0, 0.5)
    assert study.arms[0].name == NO_STAGES and not study.arms[0].via
    assert study.contrasts and study.analysis
    for model in study.models:
        names = {arm.name for arm in study.arms_of(model)}
        assert NO_STAGES in names
        controls = [arm for arm in study.arms_of(model) if arm.control_of]
        assert all(arm.control_of in names and arm.factors["control"] for arm in controls)
    found = list(cells(study, tmp_path))
    runs = [run for cell in found for run in cell.runs]
    assert len(set(runs)) == len(runs) >= 6


@pytest.mark.parametrize(("name", "size"), [(name, size) for name, size in sized() if size.startswith("smoke")])
def test_no_run_is_refused_for_its_options(studies: dict[str, Study], name: str, size: str, tmp_path: Path) -> None:
    made = Registry()
    found = {(cell.arm, str(cell.tried)): cell for cell in cells(studies[name].at(size), tmp_path)}
    for cell in found.values():  # options of an arm are refused, or not, whatever the model
        check_job(cell.jobs(made)[0], made)


def test_the_questions_are_all_there_in_several_sizes(studies: dict[str, Study]) -> None:
    assert set(NAMES) <= set(studies)
    assert all({"smoke", "small", "full"} <= set(studies[name].sizes) for name in NAMES)


def test_sizes_of_the_designs(studies: dict[str, Study]) -> None:
    languages = studies["non-english-intermediate"].at("full")
    native = ("nli-zh-native", "nli-zh-50k")
    assert len([arm for arm in languages.arms_of("xlm-roberta-large") if arm.name not in native]) == 33
    assert len({arm.factors["size"] for arm in languages.arms if arm.name in native}) == 1
    primary = [contrast for contrast in languages.contrasts if contrast.primary]
    assert len(primary) == 6 and {each.hypothesis for each in primary} == {"H1", "H2", "H3"}
    assert len(studies["size-robustness"].arms) == 9
    scaling = studies["intermediate-scaling"].at("full")
    beside = ("steps", "translate-test")
    assert len([arm for arm in scaling.arms if arm.factors.get("series") not in beside]) == 19
    pairs = {factors["pair"] for factors in scaling.model_factors.values()}
    assert len(pairs) == 8 and all(
        sorted(f["multilingual"] for f in scaling.model_factors.values() if f["pair"] == pair) == [False, True]
        for pair in pairs
    )


def test_low_resource_gains_are_asked_of_the_very_runs_of_size_robustness(
    studies: dict[str, Study], tmp_path: Path
) -> None:
    for size in studies["size-robustness"].sizes:
        ours, theirs = studies["low-resource-gains"].at(size), studies["size-robustness"].at(size)
        shared = [cell for cell in cells(ours, tmp_path) if cell.arm.partition("@")[0] != "ceiling"]
        assert shared == list(cells(theirs, tmp_path))
        ceilings = {(cell.options.train_on, cell.options.perturb) for cell in cells(ours, tmp_path)} - {
            (cell.options.train_on, cell.options.perturb) for cell in shared
        }
        assert ceilings == (set() if size == "smoke-e5" else {(("own",), ())})


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_corpus_has_all_that_a_smoke_run_scores(name: str, corpus: Path) -> None:
    registry = Registry()
    study = registry.study(name).at("smoke")
    data = DataAccess(corpus, offline=True)
    planned = make_plan(registry, data, split="test", tasks=study.tasks, languages=study.languages)
    assert len(planned) > 10 and [entry.unit.key for entry in planned if not entry.present] == []
