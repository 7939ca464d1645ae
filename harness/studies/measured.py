"""Measurements of a study's runs after they were made: how finely languages are cut, and answers to MultiCheckList.

``harness study measure`` writes it, a file a model and a file a run, and the analysis takes it along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.analysis.checklist.families import answering_families
from harness.core.damage import Damaged
from harness.core.errors import DataError
from harness.core.files import write_atomic
from harness.core.sealed import read_sealed, sealed

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.results.run_view import RunView

TOKENS = "tokens"
"""The folder of the counts of tokens, in that of the runs: a file a model."""
CHECKLISTS = "checklists"
"""The folder of the answers to MultiCheckList: a file a run."""


def tokens_file(folder: Path, run: str) -> Path:
    """The file of the model of a run, whose folder within the study's begins with the model's name."""
    return folder / TOKENS / f"{Path(run).parts[0]}.json"


def checklist_file(folder: Path, run: str) -> Path:
    """The file of a run."""
    return folder / CHECKLISTS / f"{run}.json"


def write_measured(path: Path, content: Mapping[str, Any]) -> None:
    """Writes such a file, with a checksum."""
    write_atomic(path, json.dumps(sealed(content), indent=1) + "\n")


def read_measured(path: Path) -> dict[str, Any]:
    """The content of such a file; {} where there is none. DataError for one that is damaged."""
    if not path.is_file():
        return {}
    try:
        return dict(read_sealed(path))
    except Damaged as damage:
        raise DataError(f"{damage}", hint="remove it, and give 'harness study measure' again") from None


def token_factors(content: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    """Factors of observations by language: tokens a word where words are spaced, and the percentage of lost tokens."""
    found: dict[str, dict[str, float]] = {}
    for code, each in content.get("languages", {}).items():
        words = {"tokens_per_word": each["tokens"] / each["words"]} if each["words"] else {}
        found[code] = {**words, "lost_tokens": 100 * (each["unknown"] + each["parts"]) / max(each["tokens"], 1)}
    return found


def question_tasks(tasks: Sequence[str], registry: Registry) -> list[str]:
    """Those of some tasks whose models answer questions with a part of a text."""
    able = answering_families(registry)
    return [name for name in dict.fromkeys(tasks) if registry.task(name).family in able]


def checkpoint_of(view: RunView, task: str) -> Path | None:
    """The folder of the model that a run scored a task with; None where it did not."""
    keys = {unit.get("checkpoint") for key, unit in view.record["units"].items() if key.partition("/")[0] == task}
    folders = [Path(stage["folder"]) for stage in view.stages if stage["key"] in keys and stage.get("folder")]
    return folders[0] if folders else None
