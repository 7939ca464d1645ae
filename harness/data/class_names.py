"""Names of classes in the languages of a task: ``DATA_DIR/labels/<task>/<code>.json``.

A file maps each label to a name, or to several: ``{"sports": ["michezo", "mchezo"], "travel": "safari"}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.errors import DataError, did_you_mean
from harness.core.files import read_text
from harness.data.locate import data_folders

FOLDER = "labels"

ClassNames = Mapping[str, tuple[str, ...]]
"""One name or more for each label of a task, in one language."""


def class_names(data_dir: str | Path | None, task: str, labels: Sequence[str]) -> dict[str, ClassNames]:
    """By language code, the names of all ``labels``; {} where the data folder has none for the task.

    DataError, naming file and label, for a file that is no such table, or that lacks a label or has an unknown one.
    """
    files: dict[str, Path] = {}
    for folder in reversed(data_folders(data_dir)):  # of several folders the first one counts, as for data
        files |= {path.stem: path for path in (folder / FOLDER / task).glob("*.json")}
    return {code: _read(files[code], labels) for code in sorted(files)}


def _read(path: Path, labels: Sequence[str]) -> ClassNames:
    hint = f"a JSON object with a name, or a list of names, for each of: {', '.join(labels)}"
    text = read_text(path)
    with border(f"{path}: not a readable JSON file", DataError, hint=hint):
        table = json.loads(text)
    if not isinstance(table, dict):
        raise DataError(f"{path}: an object expected, not {type(table).__name__}", hint=hint)
    if unknown := [label for label in table if label not in labels]:
        raise DataError(f"{path}: unknown label {unknown[0]!r}", hint=did_you_mean(unknown[0], labels))
    if missing := [label for label in labels if label not in table]:
        raise DataError(f"{path}: no name for the label {missing[0]!r}", hint=hint)
    return {label: _names(path, label, table[label], hint) for label in labels}


def _names(path: Path, label: str, value: Any, hint: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise DataError(f"{path}: label {label!r}: a name or a list of names expected, not {value!r}", hint=hint)
    return tuple(name.strip() for name in names)
