"""A study whose runs are made of labels and predictions alone, with known effects, for tests that train nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from run_folders import labels_text, write_run

from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.studies.grid import cells
from harness.types.studies import Arm, Contrast, Study

ANSWERS = ("contradiction", "entailment", "neutral")
LANGUAGES = ("en", "de", "sw", "zh", "ar")
ITEMS = 60
COMMAND = ["harness", "study", "run", "made-up", "--data-dir", "my data"]
ARMS = (
    Arm("none", factors={"intermediate": ""}),
    Arm("mnli", via=("mnli",), factors={"intermediate": "nli", "language": "en"}, summary="English NLI first"),
    Arm("mnli-shuffled", via=("mnli@shuffled",), control_of="mnli", factors={"control": "shuffled"}),
)
RIGHT = {"none": 0.55, "mnli": 0.75, "mnli-shuffled": 0.5}
"""The share of right answers of each arm."""


def study(**changes: Any) -> Study:
    """A study of three arms on one task in five languages; ``changes`` replace its fields."""
    values: dict[str, Any] = {
        "models": ("org/small",),
        "tasks": (f"xnli[{','.join(LANGUAGES)}]",),
        "arms": ARMS,
        "contrasts": (Contrast("gain of mnli", "mnli", hypothesis="H1"),),
        "seeds": (1, 2, 3),
        "question": "Does NLI help NLI?",
        "summary": "a study that was made up",
        "provider": "tests",
        **changes,
    }
    made = Study("made-up", 1, **values)
    made.check()
    return made


def registry_of(made: Study) -> Registry:
    """The registry with the study in it."""
    registry = Registry()
    known = {**registry.studies(), made.name: made}
    registry.studies = lambda: known  # type: ignore[method-assign]
    return registry


def unit(arm: str, language: str, seed: int, answers: tuple[str, ...] = ANSWERS) -> tuple[str, str]:
    """Labels and predictions: of each arm its own share is right, a little more or less with each seed."""
    place = ITEMS * LANGUAGES.index(language)
    gold = np.random.default_rng(place).integers(0, len(answers), ITEMS)
    noise = np.random.default_rng([place, seed]).random(ITEMS)
    wrong = (noise >= RIGHT.get(arm, 0.5)) * np.random.default_rng([place, seed, 1]).integers(1, len(answers), ITEMS)
    return tuple(labels_text(answers[i] for i in those) for those in (gold, (gold + wrong) % len(answers)))  # type: ignore[return-value]


def write_study(
    made: Study,
    folder: Path,
    wanted: Callable[[str, int], bool] = lambda arm, seed: True,
    *,
    task: str = "xnli",
    **changes: Any,
) -> Path:
    """Writes the runs of a study that are ``wanted`` into ``folder``, over a task of classes.

    ``changes`` are those of their records.
    """
    known = get_registry().task(task)
    codes = [code for code in LANGUAGES if code in known.languages]
    answers = ANSWERS if task == "xnli" else known.labels
    for cell in (cell for cell in cells(made, folder) if not cell.tried):
        for seed, path in zip(cell.seeds, cell.runs, strict=True):
            if wanted(cell.arm, seed):
                write_run(
                    path,
                    {task: {code: unit(cell.arm, code, seed, answers) for code in codes}},
                    seed=seed,
                    model=cell.model,
                    options={"via": list(cell.via)},
                    unit={"checkpoint": f"stage-{seed}", "seconds": 1.5},
                    stages=[_stage(seed, cell.model)],
                    sessions=[{"command": COMMAND, "harness": {"version": "0"}, "environment": {}}],
                    **changes,
                )
    return folder


def _stage(seed: int, model: str) -> dict[str, Any]:
    data = {"train": {"fingerprint": "t", "rows": 1, "expected": 1, "source": "a table"}}
    return {
        "key": f"stage-{seed}",
        "name": "xnli",
        "parent": {"model": model, "fingerprint": "f" * 64},
        "tasks": [{"task": "mnli", "version": 1, "provider": "test", "data": data}],
        "options": {"seed": seed, "lr": 1e-5, "batch": 8},
        "fingerprint": f"weights-{seed}",
        "dev_score": 36.0 if seed == 3 else 60.0,
        "dev_loss": 0.75,
        "seconds": 30.0,
        "tokens": 8_000,
        "steps": 10,
    }
