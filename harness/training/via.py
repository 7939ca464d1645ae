"""The expressions of ``--via``: ``mnli``, ``mnli[es]``, ``mnli+squad[ar,es]``, and tasks narrowed to languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from harness.core.errors import UsageError
from harness.data.translations import translated
from harness.types.examples import Example
from harness.types.sources import FileData, Reader, Row, Source, Split, whole
from harness.types.tasks import IntermediateTask

if TYPE_CHECKING:
    from harness.registry.registry import Registry

SYNTAX = (
    "a task, tasks joined by '+', languages in brackets, an objective behind '@': mnli  mnli+squad  'mnli[es]'"
    "  'squad[ar,es]+nli[zh]'  mnli@shuffled"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True)
class ViaPart:
    """One task of a stage; ``languages`` is empty where none are named: the task's own data.

    ``objectives`` are the names behind ``@``; without any it is trained plainly.
    """

    name: str
    languages: tuple[str, ...] = ()
    objectives: tuple[str, ...] = ()

    def __str__(self) -> str:
        codes = f"[{','.join(self.languages)}]" if self.languages else ""
        return self.name + codes + "".join(f"@{name}" for name in self.objectives)


def parse_via(text: str, option: str = "--via") -> tuple[ViaPart, ...]:
    """The tasks of one stage: ``"mnli+squad[ar,es]"``. UsageError naming the position of what cannot be read.

    ``option`` is the one that the text was given to, for messages.
    """
    given = f"{option} {text!r}"
    parts: list[ViaPart] = []
    at = 0
    while True:
        at = _blank(text, at)
        name = _NAME.match(text, at)
        if name is None:
            raise _unreadable(given, text, at, "the name of a task")
        at = _blank(text, name.end())
        codes: tuple[str, ...] = ()
        if text[at : at + 1] == "[":
            codes, at = _codes(given, text, at + 1)
        objectives: list[str] = []
        while text[at : at + 1] == "@":
            objective = _NAME.match(text, _blank(text, at + 1))
            if objective is None:
                raise _unreadable(given, text, _blank(text, at + 1), "the name of an objective")
            if objective[0] in objectives:
                raise UsageError(f"{given}: the objective {objective[0]!r} occurs twice", hint=SYNTAX)
            objectives.append(objective[0])
            at = _blank(text, objective.end())
        part = ViaPart(name[0], codes, tuple(objectives))
        if part.name in {earlier.name for earlier in parts}:
            raise UsageError(f"{given}: the task {part.name!r} occurs twice", hint=SYNTAX)
        parts.append(part)
        if at == len(text):
            return tuple(parts)
        if text[at] != "+":
            raise _unreadable(given, text, at, "'+' or the end" if codes or objectives else "'[', '+' or the end")
        at += 1


def _codes(given: str, text: str, at: int) -> tuple[tuple[str, ...], int]:
    """The languages up to the closing bracket, and the position after it and the blanks that follow."""
    codes: list[str] = []
    while True:
        at = _blank(text, at)
        code = _CODE.match(text, at)
        if code is None:
            raise _unreadable(given, text, at, "a language such as 'sw'")
        if code[0] in codes:
            raise UsageError(f"{given}: the language {code[0]!r} occurs twice", hint=SYNTAX)
        codes.append(code[0])
        at = _blank(text, code.end())
        if text[at : at + 1] == "]":
            return tuple(codes), _blank(text, at + 1)
        if text[at : at + 1] != ",":
            raise _unreadable(given, text, at, "',' or ']'")
        at += 1


def _blank(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at


def _unreadable(given: str, text: str, at: int, expected: str) -> UsageError:
    found = repr(text[at]) if at < len(text) else "the end"
    hint = SYNTAX
    if text[at : at + 1] in (",", ">", ";") and "]" not in text[at:]:
        hint = f"stages that follow each other are given apart: --via {text[:at].strip()} --via ...; {SYNTAX}"
    return UsageError(f"{given}, character {at + 1}: expected {expected}, found {found}", hint=hint)


def via_tasks(expression: str, registry: Registry) -> list[IntermediateTask]:
    """The tasks of one stage, in the languages that it names: ``mnli+squad[ar,es]``."""
    return [in_languages(registry.intermediate(part.name), part.languages) for part in parse_via(expression)]


def in_languages(task: IntermediateTask, languages: Sequence[str]) -> IntermediateTask:
    """The task on its training data in these languages, one after the other; English is the task's own.

    Its name becomes ``squad[ar,es]``. It is still selected on English dev; only a task without its own English data
    (one whose ``languages`` list English among others, such as plain text) is selected on the chosen languages' dev, and
    a note says so. Ids of other languages than English begin with the language. Besides the sources that the task
    names, a language is read from the translation in the data folder
    (:func:`~harness.data.translations.translated`), which goes first. Where the task has English data, they are the
    ``original`` of each of the other splits.
    """
    if not languages:
        return task
    own = "en" not in task.languages
    chosen = {code: _splits(task, code) for code in languages}
    for code, table in chosen.items():
        if "train" not in table:
            raise UsageError(f"the task {task.name!r} has no training data in {code!r}")
    dev = task.dev
    if not own:
        note = f"selected on dev data in {', '.join(languages)}"
        devs = [part for table in chosen.values() if "dev" in table for part in _parts(table["dev"])]
        dev = Split(
            parts=tuple(_changed(part, lambda source: replace(source, note=_joined(source, note))) for part in devs)
        )
    original = whole(task.train) if own else None
    train = tuple(
        part if own and code == "en" else _changed(part, partial(_marked, code=code, read=task.example), code, original)
        for code, table in chosen.items()
        for part in _parts(table["train"])
    )
    return replace(task, name=str(ViaPart(task.name, tuple(languages))), train=Split(parts=train), dev=dev)


def selected_on_translations(task: IntermediateTask, languages: Sequence[str]) -> IntermediateTask:
    """The task with machine translations of its English dev data in these languages for its dev data.

    They are read from :func:`~harness.data.translations.translated`; for "en" they are the English data themselves, the
    ``original`` of each of the others.
    """
    own = whole(task.dev)
    named = replace(task, name=task.name.partition("[")[0])
    parts: list[Split] = []
    for code in languages:
        if code == "en":
            parts += [_changed(part, lambda source: source, "en") for part in _parts(task.dev)]
            continue
        source = _marked(translated(named, code, "dev"), code=code, read=task.example)
        parts.append(Split(source, language=code, original=own))
    return replace(task, dev=Split(parts=tuple(parts)))


def _splits(task: IntermediateTask, code: str) -> Mapping[str, Split]:
    """The splits of one language, with the translation first."""
    if code == "en" and "en" not in task.languages:
        return {"train": task.train, "dev": task.dev}
    if code not in task.languages and task.any_language is not None:
        return task.any_language(code)
    listed = task.languages.get(code, {})
    found = dict(listed)
    for name in ("train", "dev"):
        split = listed.get(name)
        if split is None or not (split.parts or _on_disk(split)):
            declared = split.sources if split is not None else ()
            found[name] = Split(translated(task, code, name), *declared, rows=split.rows if split else None)
    return found


def _on_disk(split: Split) -> bool:
    return any(isinstance(source, FileData) and source.stays_on_disk for source in split.sources)


def _parts(split: Split) -> tuple[Split, ...]:
    return split.parts or (split,)


def _changed(part: Split, change: Callable[[Source], Source], code: str = "", original: Split | None = None) -> Split:
    sources = (change(source) for source in part.sources)
    return Split(*sources, rows=part.rows, language=part.language or code, kept=part.kept, original=original)


def _joined(source: Source, note: str) -> str:
    return f"{source.note}; {note}" if source.note else note


def _marked(source: Source, *, code: str, read: Reader) -> Source:
    """The source with the language in front of its ids: translations keep the ids of what they translate."""
    if isinstance(source, FileData) and source.stays_on_disk:
        return source
    return replace(source, example=_Marking(code, source.example or read))


@dataclass(frozen=True)
class _Marking:
    """Reads rows with the language in front of their ids; a value, so that one split made twice is the same split."""

    code: str
    read: Reader

    def __call__(self, row: Row) -> Example | None:
        """The example of a row, or None where it has none."""
        example = self.read(row)
        if example is None:
            return None
        return replace(example, id=f"{self.code}:{example.id}")  # type: ignore[type-var,attr-defined]
