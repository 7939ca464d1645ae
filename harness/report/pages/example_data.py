"""The example browser of a page: an index, and the examples of each task as compressed JSON that is read on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analysis.answers import Answer, TaskAnswers
from harness.report.names import task_name
from harness.report.pages.shell import packed
from harness.results.run_view import RunView, language_of, sort_codes
from harness.scoring.scale import shown


@dataclass(frozen=True)
class ExampleBrowser:
    """``index`` describes tasks, languages and counts; ``parts`` are the compressed examples, a task each."""

    index: dict[str, Any]
    parts: tuple[str, ...]
    note: str


def example_browser(runs: Sequence[RunView], found: Sequence[TaskAnswers]) -> ExampleBrowser | None:
    """The browser of runs' answers; None where there are none."""
    found = [task for task in found if task.items]
    if not found:
        return None
    index = {
        "runs": [run.name for run in runs],
        "languages": {code: language_of(code).name for task in found for code in _codes(task)},
        "tasks": [_task(task) for task in found],
    }
    shown = sum(len(task.items) for task in found)
    asked = sum(max(unit.total for unit in task.units if unit.code == code) for task in found for code in _codes(task))
    note = f"All {asked:,} items are here."
    if shown < asked:
        note = (
            f"{shown:,} of {asked:,} items are here: a sample of each language, in which items that were answered wrong "
            "are over-represented. The run folder has all answers."
        )
    return ExampleBrowser(index, tuple(packed(_items(task)) for task in found), note)


def _codes(task: TaskAnswers) -> list[str]:
    return sort_codes({unit.code for unit in task.units})


def _task(task: TaskAnswers) -> dict[str, Any]:
    units = [
        {
            "run": unit.run,
            "code": unit.code,
            "score": shown(unit.score.value, unit.score.scale),
            "wrong": unit.wrong,
            "total": unit.total,
            "confusions": unit.confusions,
        }
        for unit in task.units
    ]
    return {
        "name": task.task,
        "title": task_name(task.task),
        "parallel": task.parallel,
        "codes": _codes(task),
        "units": units,
    }


def _items(task: TaskAnswers) -> list[Any]:
    """Items as [id, language, texts, answers], an answer as [right, value, texts] or null."""
    return [[item.id, item.code, item.parts, [_answer(each) for each in item.answers]] for item in task.items]


def _answer(answer: Answer | None) -> list[Any] | None:
    return None if answer is None else [int(answer.right), float(f"{answer.value:.4g}"), answer.parts]
