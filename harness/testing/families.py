"""Checks of families, on the data of the plugin's tasks: batches, odd text, and a whole short run."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from harness.api import evaluate, train
from harness.core.errors import DataError, HarnessError
from harness.data.sources import label_set
from harness.data.subset import limited
from harness.families.base import Predictor
from harness.models.resolve import Access
from harness.registry.registry import load_part
from harness.scoring.scale import shown, shown_dev
from harness.scoring.scores import UnitScore
from harness.testing.contract import Status
from harness.testing.model import small_model
from harness.testing.odd import odd_examples
from harness.testing.subject import Part, Subject
from harness.training.sources import training_tasks
from harness.types.options import EvalOptions, build
from harness.types.record import UnitScoreRecord
from harness.types.tasks import IntermediateTask, TargetTask, Task
from harness.types.units import UnitExamples

Result = tuple[str, Status, str]

MANY = 24
"""Examples that are predicted one by one and together."""
STEPS = 5


def batches(subject: Subject) -> Iterator[Result]:
    """The padding that a batch brings must not change a decision (in fp32)."""
    for task, part, reason in scored(subject):
        what = f"task {task.name}"
        if part is None:
            yield what, "skipped", reason
            continue
        family, unit = unit_of(subject, part)
        alone = _predict(subject, family, [unit], budget=1)
        together = _predict(subject, family, [unit], budget=16_384)
        different = [i for i, pair in enumerate(zip(*alone, *together, strict=True)) if not _same(*pair)]
        if different:
            other = different[0]
            yield what, "failed", f"alone and in a batch, prediction {other} of {part.language} {part.name} differs"
        else:
            yield what, "passed", f"{len(unit.examples)} examples"


def odd_text(subject: Subject) -> Iterator[Result]:
    """Every kind of odd text gives predictions that can be written, or is refused with a clear message (a DataError)."""
    for task, part, reason in scored(subject):
        what = f"task {task.name}"
        if part is None:
            yield what, "skipped", reason
            continue
        family, unit = unit_of(subject, part, count=2)
        columns = zip(*(odd_examples(example) for example in unit.examples), strict=True)
        for kinds in columns:
            kind, examples = kinds[0][0], [example for _, example in kinds]
            try:
                predictions = _predict(subject, family, [replace(unit, examples=examples)], budget=16_384)[0]
                _write(subject, task, examples, predictions)
            except DataError as refusal:
                yield f"{what}, {kind}", "passed", f"refused in words: {refusal}"
            except Exception as error:
                yield f"{what}, {kind}", "failed", f"{type(error).__name__}: {error}"
            else:
                yield f"{what}, {kind}", "passed", ""


def training(subject: Subject) -> Iterator[Result]:
    """Five steps on the training data, where there are any, then predictions, files and scores."""
    for task, part, reason in scored(subject):
        what = f"task {task.name}"
        missing = reason if part is None else _missing_training(subject, task)
        if missing or part is None:
            yield what, "skipped", missing
            continue
        try:
            yield what, *_run(subject, task, part)
        except HarnessError as error:
            yield what, "failed", f"{error}; {error.hint}" if error.hint else str(error)


def _run(subject: Subject, task: Task, part: Part) -> tuple[Status, str]:
    kind = load_part(subject.registry.family(task.family), "implementation")
    model = str(small_model(subject.scratch / "model", writes=kind.writes))
    options = EvalOptions(
        recipe="tiny",
        split=part.name if part.name in ("test", "dev") else "test",
        overrides={"max_steps": STEPS, "batch": 8},
        limit=MANY,
        train_limit=8 * STEPS,
        device="cpu",
        data_dir=str(subject.data_dir) if subject.data_dir else None,
        offline=True,
        stages_dir=str(subject.scratch / "stages"),
    )
    out = subject.scratch / f"run-{task.name}"
    if isinstance(task, IntermediateTask):
        trained = train(model, task.name, out=out, options=options, registry=subject.registry)
        score = trained.summary["dev_score"]
        return "passed", f"{trained.summary['steps']} steps" + ("" if score is None else f", dev {shown_dev(score)}")
    run = evaluate(model, [f"{task.name}[{part.language}]"], out=out, options=options, registry=subject.registry)
    if run.failed:
        return "failed", next(iter(run.failed.values()))
    entry = next(iter(run.record["units"].values()))
    if entry["score"] is None:
        return "passed", "predicted; the split has no labels"
    return "passed", f"{part.language} {part.name}: {', '.join(_numbers(entry['score']))}"


def _numbers(score: UnitScoreRecord) -> Iterator[str]:
    """Every number of a unit, with what chance gives where that has a meaning: "accuracy 41.0 (chance 33.3)"."""
    for name, found in UnitScore.from_dict(score).metrics.items():
        level = found.chance.level if found.chance else None
        chance = "" if level is None else f" (chance {shown(level, found.scale)})"
        yield f"{name} {shown(found.value, found.scale)}{chance}"


def scored(subject: Subject) -> Iterator[tuple[Task, Part | None, str]]:
    """The plugin's tasks, or of each of its families one of anybody's, with a split to predict or why there is none."""
    tasks = list(subject.tasks)
    for family in subject.families:
        if not any(task.family == family.name for task in tasks):
            everyone: list[Task] = [*subject.registry.tasks().values(), *subject.registry.intermediate_tasks().values()]
            tasks += [task for task in everyone if task.family == family.name][:1]
    for task in tasks:
        order = ("test", "dev") if isinstance(task, TargetTask) else ("dev",)
        parts = [part for part in subject.parts_of(task) if part.name in order]
        parts.sort(key=lambda part: (order.index(part.name), part.language == "en"))
        found = next((part for part in parts if part.present and _has_dev(subject, part)), None)
        yield task, found, "" if found else f"no data: {parts[0].status.reason if parts else 'no split'}"


def _has_dev(subject: Subject, part: Part) -> bool:
    """Tells whether the family gets the dev split that it learns from."""
    kind = load_part(subject.registry.family(part.task.family), "implementation")
    return not kind.needs_dev or any(other.present for other in _dev(subject, part))


def _dev(subject: Subject, part: Part) -> list[Part]:
    return [p for p in subject.parts_of(part.task) if p.language == part.language and p.name == "dev"]


def _missing_training(subject: Subject, task: Task) -> str:
    """Reason why the training data of a task are not there, or ""."""
    for source in training_tasks(task, subject.registry) if isinstance(task, TargetTask) else (task,):
        for part in subject.parts_of(source):
            if part.language == "en" and part.name == "train" and not part.present:
                return f"no training data: {part.status.reason}"
    return ""


def unit_of(subject: Subject, part: Part, count: int = MANY) -> tuple[Predictor, UnitExamples]:
    """The family of a split's task, and at most ``count`` of its examples with what predicting them needs."""
    task = part.task
    loaded = subject.read(part)
    kind = load_part(subject.registry.family(task.family), "implementation")
    labels = label_set(task, loaded)
    family: Predictor = kind(labels, build(kind.Options, dict(task.options)))
    dev: Sequence[Any] = ()
    if family.needs_dev:
        dev = limited(list(subject.read(_dev(subject, part)[0]).examples), MANY)
    pool: Sequence[Any] = ()
    if isinstance(task, TargetTask) and task.pool is not None:
        pool = subject.read(next(part for part in subject.parts_of(task) if part.name == "pool")).examples
    unit = UnitExamples(task.name, part.language, part.name, limited(list(loaded.examples), count), dev, pool)
    return family, family.join([unit])[0]


def _same(one: Any, other: Any) -> bool:
    """Tells whether two predictions are the same decision; numbers may differ in the last digits of fp32."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-3, abs_tol=1e-4)
    if is_dataclass(one) and is_dataclass(other):
        values = ([getattr(side, field.name) for field in fields(side)] for side in (one, other))
        return type(one) is type(other) and _same(*values)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)


def _predict(subject: Subject, family: Predictor, units: Sequence[UnitExamples], budget: int) -> list[Sequence[Any]]:
    from harness.inference.session import Compute, open_model

    folder = small_model(subject.scratch / "model", writes=family.writes)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    session = open_model(folder, Access(offline=True), Compute(budget=budget)).with_tokenizer(
        family.tokenizer_settings()
    )
    forward = session.forward(session.network(family.load))
    return [list(prediction.predictions) for prediction in family.predict(forward, units)]


def _write(subject: Subject, task: Task, examples: Sequence[Any], predictions: Sequence[Any]) -> None:
    """The format must be able to write what the family predicts."""
    format_ = load_part(subject.registry.family(task.family), "format")()
    format_.write_predictions(subject.scratch / f"odd.{format_.extension}", examples, predictions)
