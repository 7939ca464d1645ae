"""Reads templates in the published format, one tab-separated table for all tests and languages.

The first row names the columns: a language code, or ``<code>-placeholders`` for the condition of the column to its left.
A language that needs several wordings has several such pairs. Blocks, parted by empty lines, hold ``Name``,
``Capability``, ``Context``, ``Question``, ``Answer`` (that of the questions above it) and arguments, one value a row; row n
of an argument means the same in every language. A condition lists English values: the wording is for these alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from harness.core.border import border
from harness.core.errors import DataError

FILE = "multichecklist/checklist_templates.tsv"
"""Place of the published file in a data folder."""

OBTAIN = f"copy multichecklist/checklist_templates.tsv of github.com/google-research/xtreme to DATA_DIR/{FILE}"

_MARKS = ("Context", "Question", "Answer")


@dataclass(frozen=True)
class Wording:
    """A text, and the English values that it is for; none: for all."""

    text: str
    only: tuple[str, ...] = ()


Row = tuple[Wording, ...]


@dataclass(frozen=True)
class Template:
    """One test in one language: rows of wordings. ``questions[i]`` is answered by ``answers[i]``."""

    name: str
    contexts: Sequence[Row]
    questions: Sequence[Row]
    answers: Sequence[Row]
    arguments: Mapping[str, Sequence[Row]]


Templates = Mapping[str, Mapping[str, Template]]
"""By language, then by test."""


def first_party() -> Templates:
    """The templates that come with the harness, for the languages of its sample corpus."""
    return read_templates(Path(str(files(__package__) / "templates.tsv")))


def read_templates(path: Path) -> Templates:
    """All templates of a file. DataError where it cannot be read or is something else."""
    with border(f"{path}: cannot be read", hint=OBTAIN):
        text = path.read_text(encoding="utf-8-sig")
        return _parsed(path, text)


def _parsed(path: Path, text: str) -> Templates:
    lines = text.split("\n")  # only a newline ends a row: texts may hold other separators, such as U+2028
    columns = [column.strip() for column in lines[0].split("\t")[1:]]
    if "en" not in columns:
        raise DataError(f"{path}:1: no column 'en' in the first row", hint=OBTAIN)
    found: dict[str, dict[str, Template]] = {}
    block: list[tuple[int, list[str]]] = []
    for number, line in enumerate([*lines[1:], ""], start=2):
        if line.strip():
            block.append((number, line.split("\t")))
        elif block:
            for code, template in _templates(path, columns, block).items():
                found.setdefault(code, {})[template.name] = template
            block = []
    if not found:
        raise DataError(f"{path}: holds no test", hint=OBTAIN)
    return found


def _templates(path: Path, columns: Sequence[str], block: Sequence[tuple[int, list[str]]]) -> dict[str, Template]:
    start = block[0][0]
    name = next((cells[1].strip() for _, cells in block if cells[0] == "Name" and len(cells) > 1), "")
    if not name:
        raise DataError(f"{path}:{start}: a block without a name", hint="its first row is Name, a tab, and the name")
    codes = list(dict.fromkeys(column for column in columns if not column.endswith("-placeholders")))
    made = {}
    for code in codes:
        rows: dict[str, list[Row]] = {}
        for _, cells in block:
            if cells[0] in ("Name", "Capability"):
                continue
            row = _row(columns, cells[1:], code)
            # several questions in a row share the answer below them
            unanswered = len(rows.get("Question", ())) - len(rows.get("Answer", ()))
            rows.setdefault(cells[0], []).extend([row] * max(unanswered, 1) if cells[0] == "Answer" else [row])
        contexts, questions, answers = (rows.pop(mark, []) for mark in _MARKS)
        if len(questions) != len(answers):
            raise DataError(f"{path}:{start}: {name!r} has {len(questions)} questions but {len(answers)} answers")
        if any(contexts) and any(questions):
            made[code] = Template(name, contexts, questions, answers, rows)
    return made


def _row(columns: Sequence[str], cells: Sequence[str], code: str) -> Row:
    wordings: list[Wording] = []
    for place, column in enumerate(columns):
        text = cells[place].strip() if place < len(cells) else ""
        if column != code or not text:
            continue
        following = place + 1
        only = ""
        if following < len(columns) and columns[following] == f"{code}-placeholders" and following < len(cells):
            only = cells[following]
        wordings.append(Wording(text, tuple(part.strip() for part in only.split(",") if part.strip())))
    return tuple(wordings)
