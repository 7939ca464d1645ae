"""Checks of objectives: the promises that every training of the harness keeps, with the objective in it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
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
from harness.training.stage import TrainedStage
from harness.types.extensions import Objective
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.tasks import IntermediateTask

Result = tuple[str, Status, str]

STEPS = 24
"""More than between two reports of the loss (20), so that a training can be killed at the first one and resumed."""


def killed(subject: Subject) -> Iterator[Result]:
    """A killed training resumes to bit-identical weights."""

    def check(trial: _Trial) -> str:
        return _difference(trial.train("straight").folder, trial.train("killed", kill=True).folder)

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


def _checked(subject: Subject, check: Callable[[_Trial], str], detail: str) -> Iterator[Result]:
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
            yield what, "failed" if different else "passed", different or f"{trial.task.name}: {detail}"


@dataclass(frozen=True)
class _Trial:
    """Material to try an objective on: a task, the folder of its data, and the model that is trained."""

    subject: Subject
    task: IntermediateTask
    data: Path
    suffix: str
    overrides: Mapping[str, Any]

    def train(self, name: str, *, kill: bool = False, dropout: bool = True, **overrides: Any) -> TrainedStage:
        """The trained stage, in a folder of this name; ``kill``: in two starts."""
        options = EvalOptions(
            recipe="tiny",
            overrides={"max_steps": STEPS, "batch": 8, "save_every": 7, **self.overrides, **overrides},
            train_limit=4 * STEPS,
            device="cpu",
            data_dir=str(self.data),
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


def _trial(subject: Subject, objective: Objective) -> _Trial | None:
    """On an intermediate task that the objective can train: of the plugin itself, or one that the sample corpus has."""
    corpus = subject.scratch / "corpus"
    if not corpus.exists():
        write_sample_corpus(corpus, size="tiny")
    known = subject.registry.intermediate_tasks().values()
    for task in sorted(known, key=lambda task: task.provider != subject.provider):
        kind = load_part(subject.registry.family(task.family), "implementation")
        if not getattr(kind, "fresh_head", False) or (objective.families and task.family not in objective.families):
            continue
        for data in (subject.data_dir, corpus):
            if data and split_status(task.train, data, True).state != "missing":
                plain = _Trial(subject, task, Path(data), "", {})
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
    """Describes the first weight that differs; "" where none does."""
    import torch
    from safetensors.torch import load_file

    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    if first.keys() != second.keys():
        return f"after a kill there are other weights: {sorted(first.keys() ^ second.keys())[0]}"
    wrong = [name for name in first if not torch.equal(first[name], second[name])]
    return f"after a kill, {len(wrong)} of {len(first)} weights differ ({wrong[0]})" if wrong else ""
