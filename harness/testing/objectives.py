"""Checks of objectives: the promises that every training of the harness keeps, with the objective in it."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.api import train
from harness.core.errors import HarnessError
from harness.data.sample import write_sample_corpus
from harness.data.sources import split_status
from harness.registry.registry import load_part
from harness.testing.contract import Status
from harness.testing.model import small_model
from harness.testing.subject import Subject
from harness.training.objectives.base import StageObjective
from harness.training.stage import TrainedStage
from harness.types.extensions import Objective
from harness.types.options import EvalOptions, as_plain, build
from harness.types.progress import ProgressListener
from harness.types.roles import MEASURES, key_part, role_of
from harness.types.tasks import IntermediateTask

Result = tuple[str, Status, str]

STEPS = 24
"""More than between two reports of the loss (20), so that a training can be killed at the first one and resumed."""


def killed(subject: Subject) -> Iterator[Result]:
    """A killed training resumes to bit-identical weights."""

    def check(trial: _Trial) -> str:
        different = _difference(trial.train("straight").folder, trial.train("killed", kill=True).folder)
        return f"after a kill, {different}" if different else ""

    yield from _checked(subject, check, "killed at step 20 and gone on with")


def cut(subject: Subject) -> Iterator[Result]:
    """The loss of a step does not depend on how the step is cut into micro-batches."""

    def check(trial: _Trial) -> str:
        # Dropout is drawn again for every micro-batch; Adam's step is as large for a gradient that is all rounding.
        steady: dict[str, Any] = {"adam_epsilon": 1e-3, "lr": 1e-4}
        losses = [trial.train(f"cut-{size}", dropout=False, batch_tokens=size, **steady) for size in (512, 32)]
        pairs = zip(*(trained.summary["loss"] for trained in losses), strict=True)
        return next(
            (
                f"at step {step}, the mean loss is {one:.6f} in large micro-batches, {other:.6f} in small ones"
                for (step, one), (_, other) in pairs
                if not math.isclose(one, other, rel_tol=1e-4)
            ),
            "",
        )

    yield from _checked(subject, check, "micro-batches of 512 and of 32 tokens")


def off(subject: Subject) -> Iterator[Result]:
    """The options that turn an objective off, which it names, give the bits of plain training."""

    def check(trial: _Trial) -> str:
        if not trial.kind.off:
            return ""
        few: dict[str, Any] = {"max_steps": 5}
        plain, without = trial.plain.train("plain", **few), trial.train("off", **few, **trial.kind.off)
        different = _difference(plain.folder, without.folder)
        return f"with {_named(trial)} it is not plain training: {different}" if different else ""

    def detail(trial: _Trial) -> str:
        return f"with {_named(trial)}, the bits of plain training" if trial.kind.off else "no options turn it off"

    yield from _checked(subject, check, detail)


def _named(trial: _Trial) -> str:
    return ", ".join(f"{name}={value}" for name, value in trial.kind.off.items())


def recorded(subject: Subject) -> Iterator[Result]:
    """The objective is in the key and in the record, and so is each of its options that measures."""

    def check(trial: _Trial) -> str:
        few: dict[str, Any] = {"max_steps": 1}
        plain, trained = trial.plain.train("plain-1", **few), trial.train("recorded", **few)
        if plain.summary["key"] == trained.summary["key"]:
            return "its stage has the key of plain training"
        said = trained.summary["tasks"][0]["objective"][-1]
        options = trial.kind.Options()
        expected = {"name": trial.objective.name, "version": trial.objective.version, "options": as_plain(options)}
        if wrong := [name for name, value in expected.items() if said[name] != value]:
            return f"the record says {wrong[0]} {said[wrong[0]]!r}, not {expected[wrong[0]]!r}"
        if list(said.get("needs", ())) != list(trial.objective.needs):
            return f"the record says that it needs {said.get('needs')!r}, not {list(trial.objective.needs)!r}"
        lost = [name for name, other in _changed(options) if key_part(other) == key_part(options)]
        return f"option {lost[0]}: it measures, and is not in the key" if lost else ""

    yield from _checked(subject, check, "in the key and in the record, with its options")


def _changed(options: Any) -> Iterator[tuple[str, Any]]:
    """The options with one number or truth value changed, each that measures once, if another value is allowed."""
    for each in fields(options):
        value = getattr(options, each.name)
        if role_of(each) != MEASURES or not isinstance(value, bool | int | float):
            continue
        others = [not value] if isinstance(value, bool) else [value + 1, value / 2, value - 1, 0.5]
        for other in others:
            with suppress(HarnessError):
                yield each.name, build(type(options), {**as_plain(options), each.name: other})
                break


def _checked(
    subject: Subject, check: Callable[[_Trial], str], detail: str | Callable[[_Trial], str]
) -> Iterator[Result]:
    for objective in subject.registry.objectives().values():
        if objective.provider != subject.provider:
            continue
        what = f"objective {objective.name}"
        if "translations" in objective.needs:
            yield what, "skipped", "it needs translations"
            continue
        try:
            trial = _trial(subject, objective)
            different = check(trial) if trial else ""
        except HarnessError as error:
            yield what, "failed", f"{error}; {error.hint}" if error.hint else str(error)
            continue
        if trial is None:
            yield what, "skipped", f"no task of the families {', '.join(objective.families)} with data"
        else:
            said = detail if isinstance(detail, str) else detail(trial)
            yield what, "failed" if different else "passed", different or f"{trial.task.name}: {said}"


@dataclass(frozen=True)
class _Trial:
    """Material to try an objective on: a task, the folder of its data, and what the task is trained with."""

    subject: Subject
    objective: Objective
    kind: type[StageObjective]
    task: IntermediateTask
    data: Path
    suffix: str = ""
    overrides: Mapping[str, Any] = field(default_factory=dict)

    @property
    def plain(self) -> _Trial:
        """The task without the objective."""
        return replace(self, suffix="", overrides={})

    @property
    def _folders(self) -> list[Path]:
        """The folder of the data and, for other files that the objective reads, that of the sample corpus."""
        files = self.kind(self.kind.Options()).files() if self.suffix else {}
        return [self.data, *([_corpus(self.subject)] if files else [])]

    def train(self, name: str, *, kill: bool = False, dropout: bool = True, **overrides: Any) -> TrainedStage:
        """The trained stage, in a folder of this name; ``kill``: in two starts."""
        options = EvalOptions(
            recipe="tiny",
            overrides={"max_steps": STEPS, "batch": 8, "save_every": 7, **self.overrides, **overrides},
            train_limit=4 * STEPS,
            device="cpu",
            data_dir=os.pathsep.join(map(str, self._folders)),
            offline=True,
        )
        expression = self.task.name + self.suffix
        out = self.subject.scratch / f"{expression}-{name}"
        start = partial(
            train,
            str(_model(self.subject, dropout)),
            expression,
            out=out,
            options=options,
            registry=self.subject.registry,
        )
        if kill:
            with suppress(_Killed):
                start(reporter=_Killing())
        return start()


def _corpus(subject: Subject) -> Path:
    """The folder of the sample corpus, written once."""
    folder = subject.scratch / "corpus"
    if not folder.exists():
        write_sample_corpus(folder, size="tiny")
    return folder


def _trial(subject: Subject, objective: Objective) -> _Trial | None:
    """On an intermediate task that the objective can train: of the plugin itself, or one that the sample corpus has."""
    corpus = _corpus(subject)
    known = subject.registry.intermediate_tasks().values()
    for task in sorted(known, key=lambda task: task.provider != subject.provider):
        kind = load_part(subject.registry.family(task.family), "implementation")
        if not getattr(kind, "fresh_head", False) or (objective.families and task.family not in objective.families):
            continue
        for data in (subject.data_dir, corpus):
            if data and split_status(task.train, data, True).state != "missing":
                implementation = load_part(objective, "implementation")
                plain = _Trial(subject, objective, implementation, task, Path(data))
                teacher = {"teacher": str(plain.train("teacher").folder)} if "teacher" in objective.needs else {}
                return replace(plain, suffix=f"@{objective.name}", overrides=teacher)
    return None


class _Killed(KeyboardInterrupt):
    """Ends a training at a place where nothing is saved, as SIGKILL would."""


class _Killing(ProgressListener):
    def training(self, task: str) -> Callable[[int, int, float], None]:
        """Ends the training at the first look at its loss."""

        def told(step: int, total: int, loss: float) -> None:
            if step < total and not math.isnan(loss):
                raise _Killed

        return told


def _model(subject: Subject, dropout: bool) -> Path:
    folder = small_model(subject.scratch / "model")
    if dropout:
        return folder
    other = subject.scratch / "model-without-dropout"
    if not other.exists():
        shutil.copytree(folder, other)
        config = json.loads((other / "config.json").read_text(encoding="utf-8"))
        config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
        (other / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return other


def _difference(one: Path, other: Path) -> str:
    """Describes how many weights differ; "" where none does."""
    import torch
    from safetensors.torch import load_file

    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    if first.keys() != second.keys():
        return f"there are other weights: {sorted(first.keys() ^ second.keys())[0]}"
    wrong = [name for name in first if not torch.equal(first[name], second[name])]
    return f"{len(wrong)} of {len(first)} weights differ ({wrong[0]})" if wrong else ""
