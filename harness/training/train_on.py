"""Languages whose data the tasks that are scored are trained on, in place of English: ``--train-on 'xnli[ar,de]'``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.core.errors import DataError, UsageError, did_you_mean
from harness.data.locate import Unavailable
from harness.data.provenance import provenance
from harness.data.translations import translated_languages
from harness.training.sources import training_tasks
from harness.training.via import ViaPart, in_languages, parse_via

if TYPE_CHECKING:
    from harness.data.access import DataAccess
    from harness.registry.registry import Registry
    from harness.types.tasks import IntermediateTask, TargetTask

OPTION = "--train-on"
ALL = "all"
"""Every language in which there is a translation of the training data, and English."""
OWN = "own"
"""The language that is scored: a training for each of them, on its own data."""


def parse_train_on(texts: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The languages by the name of the task; ``{"all": ()}`` for all, ``{"own": ()}`` for those that are scored, each alone.

    UsageError for what cannot be read.
    """
    for word in (ALL, OWN):
        if word in texts:
            if len(texts) > 1:
                raise UsageError(f"{OPTION} {word}: nothing else can be added to it")
            return {word: ()}
    found: dict[str, tuple[str, ...]] = {}
    for part in (part for text in texts for part in parse_via(text, OPTION)):
        if part.objectives:
            raise UsageError(f"{OPTION} {str(part)!r}: no place for an objective", hint="--set objective=NAME")
        if not part.languages:
            raise UsageError(f"{OPTION} {str(part)!r}: languages expected", hint=f"{OPTION} '{part.name}[de]'")
        if part.name in found:
            raise UsageError(f"{OPTION}: the task {part.name!r} occurs twice", hint=f"{OPTION} '{part.name}[ar,de]'")
        found[part.name] = part.languages
    return found


def check_train_on(texts: Sequence[str], tasks: Sequence[TargetTask], registry: Registry) -> None:
    """UsageError for a name that is neither a task that is scored nor one that such a task is trained on."""
    known = {name for task in tasks for name in (task.name, *(each.name for each in training_tasks(task, registry)))}
    for name in parse_train_on(texts):
        if name not in (ALL, OWN, *known):
            raise UsageError(f"{OPTION}: no task called {name!r} is trained here", hint=did_you_mean(name, known))


def trained_on(
    task: TargetTask, registry: Registry, texts: Sequence[str], data: DataAccess, language: str = "en"
) -> Iterator[IntermediateTask]:
    """The training tasks of a target task, in the languages that ``--train-on`` says for it or for one of them.

    Under the name of the target (``xquad[de]``), training data that it lists for a language come before those of the
    task that it is trained on. ``language`` is the one that is scored, which decides where each has its own.
    DataError where all languages are wanted and there is no translation.
    """
    chosen = parse_train_on(texts)
    for source in training_tasks(task, registry):
        own = source
        if not isinstance(task.train, tuple) and source.name != task.name:
            listed = {code: {"train": table["train"]} for code, table in task.languages.items() if "train" in table}
            own = replace(source, languages={**source.languages, **listed})
        if ALL in chosen:
            yield in_languages(own, ["en", *_existing(own, data)])
        elif OWN in chosen:
            yield source if language == "en" else in_languages(own, [language])
        elif task.name in chosen:
            yield in_languages(own, chosen[task.name])
        else:
            yield in_languages(source, chosen.get(source.name, ()))


def base_name(task: IntermediateTask) -> str:
    """The task's name without languages: ``xnli`` of ``xnli[ar,de]``."""
    return task.name.partition("[")[0]


def _existing(task: IntermediateTask, data: DataAccess) -> list[str]:
    """The languages in which there is a translation of the task's training data."""
    listed = [code for code, table in task.languages.items() if "train" in table and code != "en"]
    found = [
        code
        for code in dict.fromkeys([*listed, *translated_languages(task, data.data_dir)])
        if _is_translation(task, code, data)
    ]
    if not found:
        raise DataError(
            f"{OPTION} {ALL}: there is no translation of the training data of {task.name!r}",
            hint=f"write DATA_DIR/translated/{task.name}/<language>/train.jsonl, or name languages: "
            f"{OPTION} '{ViaPart(task.name, ('de',))}'",
        )
    return found


def _is_translation(task: IntermediateTask, code: str, data: DataAccess) -> bool:
    split = in_languages(task, (code,)).train
    try:
        read = data.located(split)
    except Unavailable:
        return False
    parts = split.parts or (split,)
    return any(provenance(part, *each).translated for part, each in zip(parts, read, strict=True))
