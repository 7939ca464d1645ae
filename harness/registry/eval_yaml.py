"""A data set of the Hub as a task without code: its ``eval.yaml``, in which it says how it is evaluated.

The Hub's fields are read (``name``, ``description``, ``tasks`` with ``id``, ``config``, ``split`` and ``field_spec``), and a
table ``harness`` with what zero-shot evaluation needs besides. Solvers and scorers, which are for generative models, are
left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from harness.core.errors import PluginError, did_you_mean
from harness.registry.hookspecs import hookimpl
from harness.types.examples import Answer, Choice, Example, Pair, Question, Tagged, Translation
from harness.types.languages import languages
from harness.types.sources import HubData, Row, Split
from harness.types.tasks import TargetTask

EVAL_YAML = "eval.yaml"
OWN = ("family", "labels", "train", "dev", "second", "language", "licence", "version", "metric")
"""Keys of the table ``harness``."""
METRICS = {
    "classification": "accuracy",
    "multiple_choice": "accuracy",
    "tagging": "ner_f1",
    "span_qa": "squad",
    "bitext_retrieval": "accuracy",
}
"""The families that a file can name, each with its metric where the file names none."""


class EvalYaml:
    """The plugin that a file makes: one task, with a language for each of the file's tasks."""

    def __init__(self, task: TargetTask) -> None:
        self.task = task

    @hookimpl
    def harness_target_tasks(self) -> list[TargetTask]:
        """The task."""
        return [self.task]


def task_name(path: Path) -> str:
    """The name of the task: that of the folder of the data set."""
    return re.sub(r"[^a-z0-9._-]+", "-", path.absolute().parent.name.lower()).strip("-._") or "task"


def read_eval_yaml(path: Path) -> EvalYaml:
    """Reads ``DATA_DIR/<owner>/<name>/eval.yaml``; PluginError naming the field for what makes no task."""
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PluginError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    table = _mapping(path, "the file", content)
    own = _mapping(path, "harness", table.get("harness") or {})
    for key in own:
        if key not in OWN:
            raise PluginError(f"{path}: harness: unknown key {key!r}", hint=did_you_mean(key, OWN))
    listed = table.get("tasks")
    if not isinstance(listed, list) or not listed:
        raise PluginError(f"{path}: tasks must be a list of tasks, each with an id")
    items = [_mapping(path, f"tasks[{place}]", each) for place, each in enumerate(listed)]
    repo = "/".join(path.absolute().parent.parts[-2:])
    splits: dict[str, dict[str, Split]] = {}
    for place, item in enumerate(items):
        code = _language(path, place, item, own, alone=len(items) == 1)
        if code in splits:
            raise PluginError(f"{path}: tasks[{place}]: the language {code!r} is there twice")
        splits[code] = {"test": Split(HubData(repo, item.get("config"), str(item.get("split", "test"))))}
    train, dev = own.get("train"), own.get("dev")
    if isinstance(dev, dict):
        splits.setdefault("en", {})["dev"] = _split(path, "dev", repo, dev)
    spec = _mapping(path, "tasks[0].field_spec", items[0].get("field_spec"))
    if any(item.get("field_spec", spec) != spec for item in items):
        raise PluginError(f"{path}: field_spec must be the same in all tasks: it is one task in several languages")
    for field in ("input", "target"):
        if not isinstance(spec.get(field), str):
            raise PluginError(f"{path}: tasks[0].field_spec: {field} must name a column")
    labels = tuple(map(str, own.get("labels") or ()))
    family = _family(path, own, spec, labels)
    return EvalYaml(
        TargetTask(
            name=task_name(path),
            version=int(own.get("version", 1)),
            family=family,
            languages=splits,
            example=partial(_READERS[family], spec=spec, labels=labels, second=own.get("second", "")),
            metric=str(own.get("metric", METRICS[family])),
            train=_split(path, "train", repo, train) if isinstance(train, dict) else train,
            labels=labels if family in ("classification", "tagging") else (),
            summary=" ".join(str(table.get("description") or table.get("name") or "").split())[:200],
            licence=str(own.get("licence", "")),
        )
    )


def _family(path: Path, own: Mapping[str, Any], spec: Mapping[str, Any], labels: tuple[str, ...]) -> str:
    """The family that the file names or, without, the one that its fields make."""
    family = own.get("family") or ("multiple_choice" if "choices" in spec else "span_qa" if "context" in spec else "")
    if family and family not in METRICS:
        hint = did_you_mean(str(family), METRICS)
        raise PluginError(f"{path}: harness: family {family!r}: one of {', '.join(METRICS)} expected", hint=hint)
    if not family and not labels:
        raise PluginError(
            f"{path}: neither choices nor context in field_spec, and no labels",
            hint="harness: {labels: [no, yes]} makes it a classification; free answers cannot be scored",
        )
    for name, field in (("multiple_choice", "choices"), ("span_qa", "context")):
        if family == name and field not in spec:
            raise PluginError(f"{path}: tasks[0].field_spec: {field} is missing, which {name} needs")
    if family in ("classification", "tagging") and not labels:
        raise PluginError(
            f"{path}: harness: labels are missing, which {family} needs", hint="labels: [O, B-PER, I-PER]"
        )
    return family or "classification"


def _mapping(path: Path, where: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise PluginError(f"{path}: {where} must be a table of keys and values, not {type(value).__name__}")
    return value


def _split(path: Path, where: str, repo: str, value: Mapping[str, Any]) -> Split:
    if not isinstance(value.get("split"), str):
        raise PluginError(f"{path}: harness: {where} must have a split, such as {{config: en, split: train}}")
    return Split(HubData(repo, value.get("config"), value["split"]))


def _language(path: Path, place: int, item: Mapping[str, Any], own: Mapping[str, Any], *, alone: bool) -> str:
    """The language of one task: what it says, else its configuration, the end of its id or, of one alone, the file's."""
    known = languages()
    name = str(item.get("id", ""))
    said = item.get("language") or (own.get("language") if alone else None)
    guesses = [said] if said else [item.get("config"), re.split(r"[_./]", name)[-1], name.rpartition("-")[2]]
    found = next((code for code in guesses if isinstance(code, str) and code in known), None)
    if found is None:
        raise PluginError(
            f"{path}: tasks[{place}]: no language in {said or item.get('config') or name!r}",
            hint="add language: sw, a BCP 47 code, to the task",
        )
    return found


def _label(value: Any, labels: tuple[str, ...]) -> str:
    """A label as it is named: a number is its place among the labels."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(labels):
        return labels[value]
    return str(value)


def _key(row: Row) -> str:
    return str(row.get("id", row["_row"]))


def _pair(row: Row, *, spec: Mapping[str, str], labels: tuple[str, ...], second: str) -> Example:
    label = row[spec["target"]]
    text, other = row[spec["input"]], row[second] if second else ""
    return Pair(_key(row), text, other, None if label is None else _label(label, labels))


def _tagged(row: Row, *, spec: Mapping[str, str], labels: tuple[str, ...], second: str) -> Example:
    words, tags = _listed(row[spec["input"]]), row[spec["target"]]
    return Tagged(_key(row), words, None if tags is None else tuple(_label(tag, labels) for tag in _listed(tags)))


def _listed(value: Any) -> tuple[Any, ...]:
    """The items of a list; of a text, its words."""
    return tuple(value.split() if isinstance(value, str) else value)


def _question(row: Row, *, spec: Mapping[str, str], labels: tuple[str, ...], second: str) -> Example:
    """A question whose answers are those of SQuAD (``text`` and ``answer_start``), or texts that the context has."""
    context, found = row[spec["context"]], row[spec["target"]]
    if isinstance(found, Mapping):
        answers = tuple(Answer(text, start) for text, start in zip(found["text"], found["answer_start"], strict=True))
    else:
        texts = [found] if isinstance(found, str) else found or ()
        answers = tuple(Answer(text, max(context.find(text), 0)) for text in texts)
    return Question(_key(row), row[spec["input"]], context, tuple(answer for answer in answers if answer.text))


def _translation(row: Row, *, spec: Mapping[str, str], labels: tuple[str, ...], second: str) -> Example:
    return Translation(_key(row), row[spec["input"]], row[spec["target"]])


def _choice(row: Row, *, spec: Mapping[str, Any], labels: tuple[str, ...], second: str) -> Example:
    choices = spec["choices"]
    options = tuple(row[choices]) if isinstance(choices, str) else tuple(row[each] for each in choices)
    answer = row[spec["target"]]
    if isinstance(answer, str):
        letter = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".find(answer) if len(answer) == 1 else -1
        answer = options.index(answer) if answer in options else int(answer) if answer.isdecimal() else letter
    return Choice(_key(row), row[spec["input"]], options, answer)


_READERS = {
    "classification": _pair,
    "multiple_choice": _choice,
    "tagging": _tagged,
    "span_qa": _question,
    "bitext_retrieval": _translation,
}
"""The function of each family that makes an example of a row."""
