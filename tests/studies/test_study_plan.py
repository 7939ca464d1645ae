"""Plans of studies: what they cost and can find without anything being run, and what a frozen one holds fast."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import DataError, UsageError
from harness.data.access import DataAccess
from harness.registry.registry import Registry
from harness.studies.cost import forward_operations
from harness.studies.grid import cells, evaluations
from harness.studies.lacking import lacking
from harness.studies.model_shapes import shape_of
from harness.studies.plan import (
    FILE,
    Plan,
    deviations,
    exploratory_contrasts,
    freeze,
    frozen_plan,
    is_exploratory,
    plan_content,
)
from harness.studies.stage_plan import with_shared_stages
from harness.studies.study_cost import StageCost, study_cost
from harness.studies.study_power import study_power
from harness.types.options import EvalOptions
from harness.types.studies import Arm, Contrast, Search, Study

ARMS = (
    Arm("none"),
    Arm("mnli", via=("mnli",)),
    Arm("mnli-squad", via=("mnli", "squad")),
    Arm("mnli-shuffled", via=("mnli@shuffled",), control_of="mnli"),
)
CONTRASTS = (Contrast("mnli helps", "mnli", hypothesis="H1"), Contrast("more helps", "mnli-squad", primary=False))


@pytest.fixture(scope="module")
def registry() -> Registry:
    found = Registry()
    found.check()
    return found


def study(**more: Any) -> Study:
    values: dict[str, Any] = {
        "models": ("xlm-roberta-base",),
        "tasks": ("xnli", "panx[en,sw,de]", "xquad[en,ru]"),
        "arms": ARMS,
        "contrasts": CONTRASTS,
        "seeds": (1, 2),
        "same_source": (("mnli", "xnli"),),
    }
    found = Study("mine", 1, **{**values, **more})
    found.check()
    return found


def frozen(asked: Study, folder: Path, registry: Registry) -> Plan:
    power = study_power(asked, registry, DataAccess(offline=True))
    return freeze(plan_content(asked, None, list(cells(asked, folder)), registry), folder, power)


def test_every_study_can_be_planned_at_every_size_without_a_network(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*words: Any, **more: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    planned = 0
    for written in registry.studies().values():
        for size in written.sizes:
            asked = written.at(size)
            grid = list(cells(asked, tmp_path))
            cost = study_cost(grid, registry)
            power = study_power(asked, registry, DataAccess(offline=True))
            assert cost.training_operations > 0 and cost.scoring_operations > 0 and cost.seconds > 0
            assert all(model.parameters and model.memory for model in cost.models)
            assert bool(cost.unknown) == bool(lacking([cell.via for cell in grid], registry))
            assert len(power.contrasts) == len(asked.contrasts)
            assert power.primary == asked.primary_tests > 0
            planned += 1
    assert planned >= 17


def stages_of(asked: Study, registry: Registry, **more: Any) -> list[StageCost]:
    [model] = study_cost(list(cells(asked, Path("nowhere"))), registry, **more).models
    return list(model.stages)


def test_a_stage_that_several_runs_need_is_counted_once(registry: Registry) -> None:
    found = stages_of(study(), registry)
    of_seed = {stage.lineage: stage.runs for stage in found if stage.seed == 1}
    assert of_seed == {
        "xnli": 1,
        "panx": 1,
        "squad": 1,
        "mnli": 2,  # by the arms mnli and mnli-squad
        "mnli > xnli": 1,
        "mnli > panx": 1,
        "mnli > squad": 2,  # what XQuAD is trained on after mnli is what mnli-squad goes through
        "mnli > squad > xnli": 1,
        "mnli > squad > panx": 1,
        "mnli > squad > squad": 1,
        "mnli@shuffled": 1,
        "mnli@shuffled > xnli": 1,
        "mnli@shuffled > panx": 1,
        "mnli@shuffled > squad": 1,
    }
    assert len(found) == 2 * len(of_seed)


def test_costs_are_those_of_the_published_sizes(registry: Registry) -> None:
    """The table of the cost model: three epochs of MNLI are 51M tokens, and 2.6e16, 9.3e16, 8.6e17 and 2.9e18 operations."""
    wanted = {
        "xlm-roberta-base": 2.6e16,
        "xlm-roberta-large": 9.3e16,
        "facebook/xlm-roberta-xl": 8.6e17,
        "facebook/xlm-roberta-xxl": 2.9e18,
    }
    for model, operations in wanted.items():
        asked = study(
            models=(model,), arms=ARMS[:2], contrasts=(), options={"mnli.epochs": 3, "mnli.evaluate_every": 0}
        )
        asked = replace(asked, arms=(replace(ARMS[1], options=asked.options),), options={})
        mnli = next(stage for stage in stages_of(asked, registry) if stage.lineage == "mnli")
        assert mnli.work is not None and mnli.work.trained == pytest.approx(51e6, rel=0.01)
        assert mnli.operations == pytest.approx(operations, rel=0.03)


def test_options_decide_what_is_shared_and_what_it_costs(registry: Registry) -> None:
    sized = tuple(Arm(f"mnli-{n}", via=("mnli",), options={"mnli.train_size": n}) for n in (1_000, 4_000))
    found = stages_of(study(arms=(Arm("none"), *sized), contrasts=(), seeds=(1,)), registry)
    small, large = (stage for stage in found if stage.lineage == "mnli")
    assert small.work and large.work and large.work.trained == pytest.approx(4 * small.work.trained, rel=0.01)
    fixed = study(arms=ARMS[:2], contrasts=(), options={"seed": 3})
    assert {stage.seed for stage in stages_of(fixed, registry)} == {1, 2}
    lora = study(arms=ARMS[:1], contrasts=(), options={"peft": "lora"})
    assert (stages_of(lora, registry)[0].memory or 0) < (stages_of(study(), registry)[0].memory or 0) / 2


def test_a_search_is_part_of_the_cost(registry: Registry) -> None:
    asked = study(arms=ARMS[:2], contrasts=(), search=Search("lr", (1e-5, 5e-5)))
    [model] = study_cost(list(cells(asked, Path("nowhere"))), registry).models
    assert (model.runs, model.search_runs) == (8, 6)
    tried = [stage for stage in model.stages if stage.seed == 0]
    # Each value trains the targets anew, on one stage of mnli; XQuAD has no English dev data.
    assert sum(stage.lineage == "mnli" for stage in tried) == 1
    assert sum(stage.lineage == "mnli > xnli" for stage in tried) == 3
    assert not any(stage.lineage.endswith("squad") for stage in tried)


def test_a_measured_plan_has_the_stages_that_are_trained(
    registry: Registry, corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    asked = study(models=(str(small_model),), recipe="tiny", arms=ARMS[:3])
    options = EvalOptions(data_dir=str(corpus), offline=True, device="cpu")
    grid = list(cells(asked, tmp_path, options))
    measured, assumed = (study_cost(grid, registry, measure=measure).models[0] for measure in (True, False))
    assert sorted((s.lineage, s.seed, s.runs) for s in measured.stages) == sorted(
        (s.lineage, s.seed, s.runs) for s in assumed.stages
    )
    shared = [job.key for job in with_shared_stages([job for _, job in evaluations(grid, registry).values()], registry)]
    assert sum(stage.runs > 1 for stage in measured.stages) == len(shared) - 6
    work = next(stage.work for stage in measured.stages if stage.lineage == "mnli")
    assert work and not work.assumed and work.trained > 0
    assert not measured.unknown and not list(tmp_path.iterdir())


def test_a_stage_that_teaches_itself_is_counted_before_what_it_teaches(
    registry: Registry, corpus: Path, small_model: Path, tmp_path: Path
) -> None:
    arms = (
        Arm("none"),
        Arm("taught", options={"objective": "teaching", "teacher": "self"}),
        Arm("via", via=("mnli@teaching",), options={"teacher": "self", "alpha": 1.0}),
    )
    asked = study(models=(str(small_model),), recipe="tiny", arms=arms, contrasts=(), seeds=(1,), tasks=("xnli",))
    grid = list(cells(asked, tmp_path, EvalOptions(data_dir=str(corpus), offline=True, device="cpu")))
    for measure in (True, False):
        [cost] = study_cost(grid, registry, measure=measure).models
        assert not cost.unknown
        assert {stage.lineage: stage.runs for stage in cost.stages} == {
            "xnli": 2,
            "xnli@teaching": 1,
            "mnli": 1,
            "mnli@teaching": 1,
            "mnli@teaching > xnli": 1,
        }
    jobs = with_shared_stages([job for _, job in evaluations(grid, registry).values()], registry)
    assert [job.name for job in jobs if job.kind == "stage"] == [f"stage xnli of {small_model}, seed 1"]


def test_objectives_cost_their_copies_their_passes_and_their_teacher(registry: Registry) -> None:
    """A token that is trained on costs three forward passes of the model; one that a teacher reads, one of the teacher."""
    options: dict[str, dict[str, Any]] = {
        "plain": {},
        "synonyms": {"objective": "synonyms", "copies": 5},
        "adversarial": {"objective": "adversarial"},
        "free": {"objective": "adversarial", "method": "free"},
        "off": {"objective": "adversarial", "weight": 0.0},
        "both": {"objective": "synonyms@noise", "weight": 0.5},
        "taught": {"objective": "teaching", "teacher": "self"},
        "stored": {"objective": "teaching", "teacher": "xlm-roberta-base", "signals": "stored"},
        "small": {"objective": "teaching", "teacher": "xlm-roberta-large"},
        "unknown": {"objective": "teaching", "teacher": "org/unheard-of"},
    }
    found, unknown = {}, {}
    for name, own in options.items():
        asked = study(arms=(Arm("none", options={"epochs": 2, **own}),), contrasts=(), tasks=("xnli",), seeds=(1,))
        [model] = study_cost(list(cells(asked, Path("nowhere"))), registry).models
        [stage] = [each for each in model.stages if "teaching" in each.lineage or name != "taught"]
        assert stage.work is not None and stage.operations is not None and stage.memory is not None
        found[name], unknown[name] = stage, model.unknown
    work = {name: stage.work for name, stage in found.items() if stage.work}
    plain = work["plain"].trained
    assert {name: round(each.trained / plain, 3) for name, each in work.items()} == {
        "plain": 1, "synonyms": 5, "adversarial": 3, "free": 2, "off": 1, "both": 6,
        "taught": 1, "stored": 1, "small": 1, "unknown": 1,
    }  # fmt: skip
    assert {name: each.taught / plain for name, each in work.items() if each.taught} == {
        "taught": 1, "small": 1, "unknown": 1, "stored": 0.5
    }  # fmt: skip
    base, large = (forward_operations(shape_of(f"xlm-roberta-{name}"), 43) for name in ("base", "large"))
    for name, teacher in (("taught", base), ("stored", base / 2), ("small", large), ("unknown", 0)):
        more = (found[name].operations or 0) - (found["plain"].operations or 0)
        assert more == pytest.approx(plain * teacher), name
    assert (found["small"].memory or 0) - (found["plain"].memory or 0) == 4 * shape_of("xlm-roberta-large").total
    assert ["org/unheard-of: its size is not known" in " ".join(said) for said in unknown.values()] == [False] * 9 + [
        True
    ]


def test_power_is_that_of_the_design(registry: Registry) -> None:
    asked = study(tasks=("xnli", "panx[en,sw,de]"), seeds=(1, 2, 3, 4, 5))
    power = study_power(asked, registry, DataAccess(offline=True))
    helps, more = power.contrasts
    assert helps.tasks == ("panx",) and helps.languages == 2 and helps.seeds == 5  # XNLI shares its source with MNLI
    # sqrt(1 / 2 + 2 * 0.4^2 / 5) = 0.751; 2.80 of it are found with 80% power
    assert helps.error == pytest.approx(0.751, abs=1e-3) and helps.detectable == pytest.approx(2.10, abs=0.01)
    assert helps.corrected == helps.detectable and power.primary == 1
    assert helps.equivalent == {"1.0": False, "0.5": False}
    assert not more.primary
    tighter = study_power(asked, registry, DataAccess(offline=True), language_sd=0.1, seed_sd=0.1)
    assert tighter.contrasts[0].equivalent == {"1.0": True, "0.5": True}
    xnli = next(each for each in power.tasks if each.task == "xnli")
    assert (xnli.languages, xnli.items) == (15, 5_010) and xnli.detectable == pytest.approx(1.25, abs=0.01)


def test_a_frozen_plan_is_sealed_and_stays(registry: Registry, tmp_path: Path) -> None:
    assert frozen_plan(tmp_path) is None
    plan = frozen(study(), tmp_path, registry)
    before = (tmp_path / FILE).read_bytes()
    assert json.loads(before)["sha256"] == plan.sha256 and plan.content["primary_tests"] == 1
    assert frozen(study(), tmp_path, registry) == plan and (tmp_path / FILE).read_bytes() == before
    with pytest.raises(UsageError, match=r"another plan was frozen here on .*margins is \[2.0\], planned") as error:
        frozen(study(margins=(2.0,)), tmp_path, registry)
    assert "--out" in str(error.value.hint) and (tmp_path / FILE).read_bytes() == before
    content = json.loads(before)
    content["fields"]["margins"] = [9.0]
    (tmp_path / FILE).write_text(json.dumps(content))
    with pytest.raises(DataError, match="sha256 differs"):
        frozen_plan(tmp_path)
    del content["sha256"]
    (tmp_path / FILE).write_text(json.dumps(content))
    with pytest.raises(DataError, match="no checksum"):
        frozen_plan(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"margins": (0.5,)}, ["margins is [0.5], planned [1.0, 0.5]"]),
        ({"seeds": (1, 2, 3)}, ["seeds of xlm-roberta-base is [1, 2, 3], planned [1, 2]"]),
        ({"models": ("xlm-roberta-base", "tiny")}, ["model tiny was added"]),
        ({"contrasts": CONTRASTS[:1]}, ["contrast 'more helps' was left out"]),
        ({"arms": (*ARMS, Arm("squad", via=("squad",)))}, ["arm 'squad' was added"]),
        ({"tasks": ("xnli", "panx[en,sw,de]", "xquad[en,ru]", "pawsx")}, ["tasks is [", "task 'pawsx' was added"]),
        ({"limit": 5}, ["limit is 5, planned null", "xlm-roberta-base, none: limit is 5, planned null"]),
        ({"question": "Why?"}, ["question is Why?, planned"]),
    ],
)
def test_whatever_differs_is_said(registry: Registry, tmp_path: Path, change: dict[str, Any], said: list[str]) -> None:
    plan = frozen(study(), tmp_path, registry)
    now = study(**change)
    found = deviations(plan, now, list(cells(now, tmp_path)), registry)
    assert all(any(each.startswith(begin) for each in found) for begin in said), found
    assert bool(found) == bool(said)


def test_options_of_the_command_that_the_plan_does_not_have_are_deviations(registry: Registry, tmp_path: Path) -> None:
    plan = frozen(study(), tmp_path, registry)
    found = deviations(plan, study(), list(cells(study(), tmp_path, EvalOptions(limit=9, device="cpu"))), registry)
    assert found == [f"xlm-roberta-base, {arm.name}: limit is 9, planned null" for arm in ARMS]
    assert deviations(plan, study(), [], registry) == []  # runs that are still to come are none


def test_what_is_not_in_the_plan_is_exploratory(registry: Registry, tmp_path: Path) -> None:
    plan = frozen(study(perturb=("drop",)), tmp_path, registry)
    changed = replace(ARMS[1], options={"mnli.epochs": 9})
    now = study(arms=(ARMS[0], changed, *ARMS[2:], Arm("new")), contrasts=(*CONTRASTS, Contrast("new", "new")))
    run = {"model": "xlm-roberta-base", "arm": "none", "seed": 1}

    def asked(**more: Any) -> bool:
        return is_exploratory(plan, now, **{**run, **more})

    assert not asked() and not asked(task="panx", language="sw") and not asked(arm="mnli-squad", perturbation="drop")
    assert asked(arm="new") and asked(arm="mnli") and asked(model="tiny") and asked(seed=3)
    assert asked(task="panx", language="fr") and asked(task="pawsx") and asked(perturbation="swap")
    assert not asked(arm="mnli-squad@recipe") and asked(arm="new@recipe")
    assert exploratory_contrasts(plan, now) == ["new"] and exploratory_contrasts(None, now) == []
    assert not is_exploratory(None, now, model="any", arm="other", seed=9)


def test_sequences_of_stages_are_frozen_as_arms_are(registry: Registry, tmp_path: Path) -> None:
    asked = study(arms=(), contrasts=(), via=((), ("mnli", "squad")))
    plan = frozen(asked, tmp_path, registry)
    assert [cell["arm"] for cell in plan.content["cells"]] == ["none", "mnli > squad"]
    for arm, beyond in (("none", False), ("mnli > squad", False), ("mnli", True)):
        assert is_exploratory(plan, asked, model="xlm-roberta-base", arm=arm, seed=1) is beyond
    now = study(arms=(), contrasts=(), via=((), ("mnli",)))
    [said] = deviations(plan, now, list(cells(now, tmp_path)), registry)
    assert said.startswith("via is")


def test_a_study_that_lacks_a_task_says_so_before_anything_is_run(
    cli: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("grid.py").write_text(
        "from harness import Arm, Study, hookimpl\n\n@hookimpl\ndef harness_studies():\n"
        "    arms = (Arm('none'), Arm('more', via=('telepathy@guessed',)))\n"
        "    yield Study('unheard-of', 1, models=('xlm-roberta-base',), tasks=('xnli[en,sw]',), arms=arms)\n"
    )
    code, _, said = cli("--plugin", "grid.py", "study", "run", "unheard-of")
    assert code == 2 and "no plugin provides the intermediate task 'telepathy'" in said and "'guessed'" in said
    code, printed, _ = cli("--plugin", "grid.py", "study", "plan", "unheard-of")
    assert code == 0 and "not counted: stage telepathy@guessed: unknown objective 'guessed'" in " ".join(
        printed.split()
    )


def test_the_command_plans_freezes_and_runs(
    cli: Callable[..., tuple[int, str, str]], corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "grid.py").write_text(
        "from harness import Arm, Contrast, Study, hookimpl\n\n@hookimpl\ndef harness_studies():\n"
        "    arms = (Arm('none'), Arm('again'))\n"
        "    yield Study('pair', 1, models=('baseline:random',), tasks=('xnli[en,sw]',), arms=arms, seeds=(1, 2),\n"
        "        contrasts=(Contrast('again - none', 'again'),), sizes={'smoke': {'limit': 20}, 'full': {}})\n"
    )
    pair = ("--plugin", "grid.py", "study")
    assert cli(*pair, "plan", "pair")[0] == 2
    code, printed, _ = cli(*pair, "plan", "pair", "--size", "smoke", "--freeze", "--data-dir", corpus)
    assert code == 0 and "frozen on" in printed and Path("runs/pair/smoke/plan.json").is_file()
    code, printed, _ = cli(*pair, "plan", "pair", "--size", "smoke", "--json", "--data-dir", corpus)
    found = json.loads(printed)
    assert [cell["arm"] for cell in found["cells"]] == ["none", "again"] and found["frozen"] is None
    code, _, said = cli(*pair, "run", "pair", "--size", "smoke", "--data-dir", corpus)
    assert code == 0 and "frozen" not in said
    assert sorted(path.parent.name for path in Path("runs/pair/smoke").glob("*/*/seed-1")) == ["again", "none"]
    code, _, said = cli(*pair, "run", "pair", "--size", "smoke", "--data-dir", corpus, "--limit", "18")
    assert code == 0 and said.count("not as it was frozen on") == 1 and "limit is 18, planned 20" in said
    code, printed, _ = cli(*pair, "show", "pair", "--size", "smoke")
    assert code == 0 and "again - none" in printed
