"""A part of a study's grid: the chosen models and arms are run, and the others are left for later or for another machine."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import pytest
from own_study import grid, outcome

from harness.cli.main import main
from harness.core.errors import UsageError
from harness.registry.registry import Registry
from harness.studies.grid import cells, selected
from harness.studies.job import Job
from harness.studies.shard import with_needs
from harness.studies.status import study_status
from harness.types.studies import Arm, Search, Study

pytestmark = pytest.mark.usefixtures("warm_python")

ARMS = (Arm("none"), Arm("nli", via=("mnli",)), Arm("spans", via=("squad",)))
PLUGIN = """
from harness import Arm, Study, hookimpl

@hookimpl
def harness_studies():
    yield Study(
        "guesses", 1, models=("baseline:majority", "baseline:random"), tasks=("xnli[sw]",), seeds=(1, 2),
        arms=(Arm("none"), Arm("lost", via=("nowhere",))),
    )
"""


def study(here: Path, *words: str) -> int:
    data = ["--data-dir", str(here / "data"), "--offline", "--device", "cpu"]
    return main(["--plugin", str(here / "plugin.py"), "study", *words, *data])


def test_models_and_arms_are_selected_with_their_searches(tmp_path: Path) -> None:
    asked = Study(
        "s",
        1,
        models=("tiny", "demo:e5-small"),
        tasks=("xnli",),
        arms=ARMS,
        search=Search("lr", (1e-5,), models=("tiny",)),
    )
    found = list(cells(asked, tmp_path))
    assert selected(found) == found
    assert {cell.model for cell in selected(found, ["tiny"])} == {"tiny"}
    one = selected(found, ["tiny"], ["nli"])
    assert {cell.arm for cell in one} == {"nli"} and sum(bool(cell.tried) for cell in one) == 2 and len(one) == 4
    assert {cell.arm for cell in selected(found, arms=["spans", "none"])} == {"none", "spans"}
    parts = [cell for model in asked.models for arm in ARMS for cell in selected(found, [model], [arm.name])]
    assert parts == found  # no cell is in two parts, and each is in one
    for option, names in (("--model", (["tyni"], ())), ("--arm", ((), ["nli", "mnli"]))):
        with pytest.raises(UsageError, match=f"option {option}: unknown value"):
            selected(found, *names)


def test_stages_are_the_names_of_a_study_without_arms(tmp_path: Path) -> None:
    found = list(cells(Study("s", 1, models=("tiny",), tasks=("xnli",), via=((), ("mnli", "squad"))), tmp_path))
    assert [[cell.via for cell in selected(found, arms=[name])] for name in ("none", "mnli > squad")] == [
        [()],
        [("mnli", "squad")],
    ]


def test_jobs_come_with_all_that_they_need() -> None:
    jobs = [Job("a", "evaluation", "tiny", "a", needs=("s",)), Job("b", "evaluation", "tiny", "b", needs=("t",))]
    jobs += [Job("t", "stage", "tiny", "t", stage="t", needs=("s",)), Job("s", "stage", "tiny", "s", stage="s")]
    assert [job.name for job in with_needs(jobs, {jobs[0].key})] == ["a", "s"]
    assert [job.name for job in with_needs(jobs, {jobs[1].key})] == ["b", "t", "s"]
    assert with_needs(jobs, {job.key for job in jobs}) == jobs and with_needs(jobs, ()) == []


def test_arms_that_are_run_one_after_the_other_end_with_the_outcome_of_all(
    registry: Registry, here: Path, alone: dict[str, Any], tmp_path: Path
) -> None:
    done, _ = grid(registry, here, tmp_path, arms=["before"], jobs=2)
    assert [cell.treatment for cell, _ in done.summaries] == ["before"] and not done.failed
    # The shared stage was a job of its own; the list of jobs has all of them, for those who do the others.
    assert study_status(tmp_path).counts == {"done": 2, "waiting": 2}
    done, _ = grid(registry, here, tmp_path, arms=["none"])
    assert [cell.treatment for cell, _ in done.summaries] == ["none"] and outcome(tmp_path) != alone
    done, _ = grid(registry, here, tmp_path, arms=["before > between"])
    assert [cell.treatment for cell, _ in done.summaries] == ["before > between"] and outcome(tmp_path) == alone


def test_what_another_arm_lacks_stops_no_one(tmp_path: Path, capsys: pytest.CaptureFixture[str], here: Path) -> None:
    (tmp_path / "guesses.py").write_text(PLUGIN, encoding="utf-8")
    out = tmp_path / "out"
    command = ["--plugin", str(tmp_path / "guesses.py"), "study", "run", "guesses", "--out", str(out)]
    assert main([*command, "--dry-run", "--model", "baseline:random"]) == 0
    assert [line.split(": ")[0] for line in capsys.readouterr().out.splitlines()] == [
        "baseline:random, none",
        "baseline:random, lost",
    ]
    assert main(command) == 2 and "no plugin provides the intermediate task 'nowhere'" in capsys.readouterr().err
    assert main([*command, "--arm", "nonne"]) == 2
    assert "option --arm: unknown value 'nonne'" in capsys.readouterr().err and not out.exists()


def test_submit_divides_the_chosen_arms_alone(
    registry: Registry, here: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["submit", "grid", "--out", str(out), "--train-limit", "4", "--launcher", "slurm"]
    assert study(here, *words, "--arm", "none") == 0
    assert "evaluations: 1 job\n" in capsys.readouterr().err
    assert study(here, *words, "--arm", "none", "--arm", "before > between") == 0
    assert "stages: 1 job, evaluations: 2 jobs" in capsys.readouterr().err
    script = (out / "jobs" / "slurm.sh").read_text(encoding="utf-8")
    assert "# The study grid-none-before > between:" in script
    [line] = [line for line in script.splitlines() if "-m harness.cli" in line]
    typed = shlex.split(line.removesuffix("\\"))[3:]
    for wave, parts in (("stages", 1), ("evaluations", 2)):
        for number in range(1, parts + 1):
            assert main([*typed, "--wave", wave, "--shard", f"{number}/{parts}"]) == 0
    assert study_status(out).counts == {"done": 3, "waiting": 1}
