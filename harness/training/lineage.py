"""The resources of stages that were trained before: as recorded or, in older records, derived from the sources they name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import HarnessError
from harness.data.hub_datasets import without_commit
from harness.data.provenance import Provenance
from harness.data.resources import Resources, own_languages, translation, union
from harness.training.sources import training_tasks
from harness.training.via import in_languages, parse_via
from harness.types.sources import FileData, Source, Split, described

if TYPE_CHECKING:
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class Before:
    """Training that a model had when a run began: the names of the stages, in order, and what they used."""

    stages: Sequence[str]
    resources: Resources


def before(folder: Path, registry: Registry) -> Before:
    """The stages and resources of a model folder: known for a checkpoint that the harness trained, unknown for any other."""
    try:
        stage: Any = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
        names = [str(name) for name in stage.get("lineage") or [stage["name"]]]
        return Before(names, stage_resources(stage, registry))
    except Exception:  # no such file, or one of another program
        return Before((), union(()))


def ancestors(folder: Path) -> list[str]:
    """The fingerprints of the models that a checkpoint of the harness was trained from; none are known of any other."""
    stage = _summary(folder)
    parent = stage.get("parent") or {}
    return list(map(str, stage.get("ancestors") or [value for name, value in parent.items() if name == "fingerprint"]))


def trained_with_adapters(folder: Path) -> bool:
    """Tells whether a checkpoint of the harness was trained with language adapters in place."""
    return bool(_summary(folder).get("language_adapters"))


def _summary(folder: Path) -> Mapping[str, Any]:
    """The stage.json of a checkpoint of the harness; {} for any other model."""
    try:
        stage = json.loads((folder / "stage.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stage if isinstance(stage, dict) and isinstance(stage.get("parent", {}), dict) else {}


def stage_resources(stage: Mapping[str, Any], registry: Registry) -> Resources:
    """Resources that a stage used, by its entry in a record or by its ``stage.json``."""
    if isinstance(stage.get("resources"), Mapping):
        return union([stage["resources"]])
    parts = stage.get("tasks")
    return union(_of_part(part, registry) for part in (parts if isinstance(parts, list) else ()))


def _of_part(part: Any, registry: Registry) -> Resources:
    """English labels where nothing better is known: what runs were taken for when they did not say what they used."""
    name = str(part.get("task", "")) if isinstance(part, Mapping) else ""
    data = part.get("data") if isinstance(part, Mapping) else None
    train = data.get("train") if isinstance(data, Mapping) else None
    named = str(train.get("source", "")) if isinstance(train, Mapping) else ""
    known = dict(_sources(name, registry))
    read = [known[text] for text in (without_commit(each) for each in named.split(" + ")) if text in known]
    found = [(code, Provenance("", source.origin, source.system)) for codes, source in read for code in codes]
    text = any(isinstance(source, FileData) and source.stays_on_disk for _, source in read)
    codes = [code for code, _ in found] if read else _named_languages(name) or ("en",)
    translations = [translation(part, code) for code, part in found if part.translated]
    return union([{"text" if text else "labels": codes, "translations_train": translations}])


def _sources(name: str, registry: Registry) -> Iterator[tuple[str, tuple[tuple[str, ...], Source]]]:
    """Every source that a training task can be read from: in the words of a record, its languages and itself."""
    try:
        (part,) = parse_via(name)
        tasks = [registry.intermediate(part.name)] if part.name in registry.intermediate_tasks() else []
        if part.name in registry.tasks():  # of the same name, perhaps
            target = registry.task(part.name)
            tasks += training_tasks(target, registry) if isinstance(target.train, Split) else ()
        narrowed = [in_languages(task, part.languages) for task in tasks]
    except (HarnessError, ValueError):  # of a plugin that is not installed here
        return
    for task in narrowed:
        for piece in task.train.parts or (task.train,):
            for source in piece.sources:
                files = isinstance(source, FileData) and source.stays_on_disk  # of languages that the record lacks
                codes = (piece.language,) if piece.language else () if files else own_languages(task)
                yield described(source), (codes, source)


def _named_languages(name: str) -> tuple[str, ...]:
    try:
        return parse_via(name)[0].languages
    except HarnessError:
        return ()
