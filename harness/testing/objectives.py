"""Checks of objectives: the promises that every training of the harness keeps, with the objective in it."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
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
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener
from harness.types.tasks import IntermediateTask, Objective

Result = tuple[str, Status, str]

STEPS = 24
"""More than between two looks at the loss (20), so that a training can be killed at the first one and goes on."""


def killed(subject: Subject) -> Iterator[Result]:
    """A training that was killed goes on to the very weights of one that was not."""

    def check(objective: Objective, task: str, options: dict[str, Any]) -> str:
        straight = _train(subject, objective, task, "straight", options)
        again = _train(subject, objective, task, "killed", options, kill=True)
        return _difference(straight.folder, again.folder)

    yield from _checked(subject, check, "killed at step 20 and gone on with")


def cut(subject: Subject) -> Iterator[Result]:
    """The loss of a step does not depend on how the step is cut into micro-batches."""

    def check(objective: Objective, task: str, options: dict[str, Any]) -> str:
        # Dropout is drawn anew for every micro-batch; Adam's step is as large for a gradient that is all rounding.
        options = {**options, "adam_epsilon": 1e-3, "lr": 1e-4}
        losses = [
            _train(subject, objective, task, f"cut-{tokens}", {**options, "batch_tokens": tokens}, dropout=False)
            for tokens in (512, 32)
        ]
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


def _checked(subject: Subject, check: Callable[[Objective, str, dict[str, Any]], str], detail: str) -> Iterator[Result]:
    for objective in subject.registry.objectives().values():
        if objective.provider != subject.provider:
            continue
        what = f"objective {objective.name}"
        task = _task(subject, objective)
        if "translations" in objective.needs:
            yield what, "skipped", "it needs translations"
        elif task is None:
            yield what, "skipped", f"no task of the families {', '.join(objective.families)} with data"
        else:
            try:
                options = {"teacher": str(_teacher(subject, task))} if "teacher" in objective.needs else {}
                different = check(objective, task.name, options)
            except HarnessError as error:
                different = f"{error}; {error.hint}" if error.hint else str(error)
            yield what, "failed" if different else "passed", different or f"{task.name}: {detail}"


def _task(subject: Subject, objective: Objective) -> IntermediateTask | None:
    """An intermediate task that the objective can train: of the plugin itself, or one that the sample corpus has."""
    known = subject.registry.intermediate_tasks().values()
    for task in sorted(known, key=lambda task: task.provider != subject.provider):
        family = subject.registry.family(task.family)
        suits = (
            task.family in objective.families if objective.families else load_part(family, "implementation").trainable
        )
        fresh = getattr(load_part(family, "implementation"), "fresh_head", False)
        if suits and fresh and split_status(task.train, _data(subject), True).state != "missing":
            return task
    return None


def _data(subject: Subject) -> str:
    """The data folder of the check, or one with the sample corpus where there is none."""
    if subject.data_dir:
        return str(subject.data_dir)
    folder = subject.scratch / "corpus"
    if not folder.exists():
        write_sample_corpus(folder, size="tiny")
    return str(folder)


def _teacher(subject: Subject, task: IntermediateTask) -> Path:
    return _train(subject, None, task.name, "teacher", {}).folder


class _Killed(KeyboardInterrupt):
    """Ends a training at a place where nothing is saved, as SIGKILL would."""


class _Killing(ProgressListener):
    def training(self, task: str) -> Callable[[int, int, float], None]:
        """Ends the training at the first look at its loss."""

        def told(step: int, total: int, loss: float) -> None:
            if step < total:
                raise _Killed

        return told


def _train(
    subject: Subject,
    objective: Objective | None,
    task: str,
    name: str,
    overrides: dict[str, Any],
    *,
    kill: bool = False,
    dropout: bool = True,
) -> TrainedStage:
    suffix = f"@{objective.name}" if objective else ""
    options = EvalOptions(
        recipe="tiny",
        overrides={"max_steps": STEPS, "batch": 8, "save_every": 7, **overrides},
        train_limit=4 * STEPS,
        device="cpu",
        data_dir=_data(subject),
        offline=True,
    )
    out = subject.scratch / f"{task}{suffix}-{name}"
    model = str(_model(subject, dropout=dropout))
    if kill:
        try:
            train(model, task + suffix, out=out, options=options, registry=subject.registry, reporter=_Killing())
        except _Killed:
            assert not out.exists()
    return train(model, task + suffix, out=out, options=options, registry=subject.registry)


def _model(subject: Subject, *, dropout: bool) -> Path:
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
    """The first weight that differs, in words; "" where none does."""
    import torch
    from safetensors.torch import load_file

    first, second = (load_file(folder / "model.safetensors") for folder in (one, other))
    if first.keys() != second.keys():
        return f"after a kill there are other weights: {sorted(first.keys() ^ second.keys())[0]}"
    wrong = [name for name in first if not torch.equal(first[name], second[name])]
    return f"after a kill, {len(wrong)} of {len(first)} weights differ ({wrong[0]})" if wrong else ""
