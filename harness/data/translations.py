"""Translations that users bring along: of a task's training data, and of its test text into English.

Files are ``translated/<task>/<language>/{train,dev}.jsonl`` and, into English, ``{test,dev}-en.jsonl``: a JSON object a
line, with the columns that the task reads and, as ``source``, the id of the row that it translates.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import DataError, did_you_mean
from harness.data.columns import Column
from harness.data.locate import data_folders
from harness.data.readers import json_lines
from harness.types.languages import languages as known_languages
from harness.types.sources import FileData, Row, Split
from harness.types.tasks import IntermediateTask, TargetTask

ABOUT = "about.toml"
"""Says who translated the data in a folder."""

SOURCE = "_source"
"""The key of a row with the id of the row that it translates: ``source`` in the files."""


def translated(task: IntermediateTask, code: str, split: str) -> FileData:
    """A translation of a task's data: ``translated/<task>/<language>/train.jsonl``, a JSON object a line.

    Its keys are the columns that the task reads from its own first source; a class may be its name or its index. It
    counts as a machine translation, unless ``about.toml`` in the folder of the language, of the task or in ``translated``
    says otherwise; the nearest counts.
    """
    names = ", ".join(["en", *(other for other in task.languages if other != "en")])
    near = did_you_mean(code, known_languages()) if code not in known_languages() else ""
    hint = f"{task.name} has sources in {names}" + (f" ({near})" if near.startswith("did") else "")
    return _file(task, code, split, task.train if split == "train" else task.dev, hint)


def translated_languages(task: IntermediateTask, data_dir: str | Path | None) -> list[str]:
    """The languages that have a folder with training data in ``translated/<task>``, in the order of their names."""
    folders = (folder / "translated" / task.name for folder in data_folders(data_dir))
    return sorted({path.parent.name for folder in folders for path in folder.glob("*/train.jsonl")})


def into_english(task: TargetTask, code: str, split: str) -> Split:
    """The English of a language's test text: ``translated/<task>/<language>/test-en.jsonl``, before sources of the task.

    A task lists its own as the split "test-en" of the language. Labels, which the text in the language has, may be left
    out of the file. The split's ``original`` is the one that it translates.
    """
    original, name = task.languages[code][split], f"{split}-en"
    file = _file(
        task, code, name, original, f"'source' is the id of the row in {code} that it translates", optional=True
    )
    declared = task.languages[code].get(name)
    return Split(file, *(declared.sources if declared else ()), language="en", original=original)


def _file(
    task: IntermediateTask | TargetTask, code: str, name: str, own: Split, hint: str, *, optional: bool = False
) -> FileData:
    """The file of a translation; ``own`` is a split with the columns that the task reads."""
    file = f"translated/{task.name}/{code}/{name}.jsonl"
    known = [source for source in own.sources if not isinstance(source, FileData)]
    first = [source for source in known if source.example in (None, task.example)][:1]
    columns = [Column.parse(text) for source in first for text in source.columns]
    # Tags of words are not those of the words of a translation.
    left_out = [column for column in columns if (optional and _is_label(column)) or column.kind == "labels"]
    needed = [column.name for column in columns if column not in left_out]
    wanted = f" with {', '.join([*needed, *(['source'] if optional else [])])}" if columns else ""
    if tags := [column.name for column in left_out if not optional]:
        wanted += f" (and {', '.join(tags)} where they are known)"
    return FileData(
        (file,),
        _TranslatedRows(
            tuple((column.name, column.names) for column in columns if column.names and column.kind != "struct"),
            tuple((column.name, column.names if column.kind == "struct" else None) for column in left_out),
        ),
        f"write a translation to DATA_DIR/{file}, a JSON object a line{wanted}; {hint}",
        example=task.example,
        origin="machine_translation",
        about=ABOUT,
    )


def _is_label(column: Column) -> bool:
    return column.kind in ("label", "labels", "struct") or column.name.endswith("label")


@dataclass(frozen=True)
class _TranslatedRows:
    """Reads the files; ``classes`` are the names of columns with classes, ``left_out`` the values of columns without one.

    A value, so that one split read twice is the same split.
    """

    classes: tuple[tuple[str, tuple[str, ...]], ...]
    left_out: tuple[tuple[str, tuple[str, ...] | None], ...]

    def __call__(self, *paths: Path) -> Iterator[Row]:
        """The rows of the files; DataError for a class or a source that cannot be."""
        empty: dict[str, Any] = {name: fields and {field: [] for field in fields} for name, fields in self.left_out}
        for row in json_lines(*paths):
            values: dict[str, Any] = {**empty, **row}
            for name, names in self.classes:
                value = values.get(name)
                if isinstance(value, int) and not isinstance(value, bool):
                    if value >= len(names):
                        raise DataError(
                            f"{paths[0]}: {name} {value} in {str(row)[:80]}", hint=f"classes: {', '.join(names)}"
                        )
                    values[name] = names[value] if value >= 0 else None
            if "source" in row:
                source = row["source"]
                if not isinstance(source, str | int) or isinstance(source, bool) or source == "":
                    raise DataError(
                        f"{paths[0]}: source {source!r} in {str(row)[:80]}", hint="the id of a row, as text"
                    )
                values[SOURCE] = str(source)
            yield values
