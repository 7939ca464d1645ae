"""Every path: what each contestant runs, how its answers are read, and how far answers may differ."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.work import BATCH, RATE, TASKS

Answers = dict[str, list[Any]]
Seconds = dict[str, float]
PEERS = {
    "classification": ("sorted-classification", "trainer-classification", "pipeline-classification"),
    "tagging": ("trainer-tagging", "pipeline-tagging"),
    "qa": ("trainer-qa",),
    "retrieval": ("sentence-transformers", "mteb"),
    "training": ("trainer-training", "trainer-training-best"),
}
BY_LANGUAGE = ("retrieval", "qa")
"""XTREME's scripts for these start a process for every language."""
HALF = {"classification": ("sorted-classification-bf16",), "retrieval": ("sentence-transformers-bf16",)}
SAME = {"trainer-qa": 0.5, "pipeline-tagging": 0.7, "trainer-tagging": 0.7}
"""Share of answers that must agree with the harness in fp32, where the rules are not quite the same: the example of
transformers strides differently and takes spans from any window, and its taggers lose what is over 128 tokens."""
STRICT, ROUNDED = 0.995, 0.9
"""The share for all others, and for those in bf16."""


@dataclass(frozen=True)
class Contestant:
    name: str
    command: list[str]
    answers: Callable[[], Answers]
    phases: Callable[[], Seconds] = dict
    """Where the seconds on the clock went, for the harness: what its record says."""

    @property
    def half(self) -> bool:
        return self.name.endswith(("bf16", "best"))


def contestants(path: str, work: Mapping[str, Any], folder: Path, out: Path, *, half: bool) -> list[Contestant]:
    """The harness first, then XTREME's way, then libraries. ``folder`` holds the work, ``out`` takes answers."""
    model = work["models"][path]
    found = [_harness(path, work, out, dtype) for dtype in ("fp32", *(("bf16",) if half else ()))]
    names = [("xtreme", "by_language" if path in BY_LANGUAGE else "xtreme", path)]
    names += [(name, "library", name) for name in (*PEERS[path], *(HALF.get(path, ()) if half else ()))]
    for name, module, peer in names:
        inputs, answers = folder / "inputs" / f"{path}.json", out / f"{name}.json"
        command = [sys.executable, "-m", f"benchmarks.peers.{module}", peer, str(inputs), model, str(answers)]
        found.append(Contestant(name, command, lambda answers=answers: json.loads(answers.read_text("utf-8"))))
    return found


def _harness(path: str, work: Mapping[str, Any], out: Path, dtype: str) -> Contestant:
    name, run = f"harness {dtype}", out / f"harness-{dtype}"
    common = ["--model", work["models"][path], "--data-dir", work["data"][path], "--offline", "--dtype", dtype]
    common += ["--device", "cpu", "--out", str(run)]
    if path == "training":
        command = ["train", "--task", "mnli", "--train-limit", str(work["train_examples"]), *common]
        settings = {"max_steps": work["steps"], "batch": BATCH, "lr": RATE, "eval_limit": 1, "evaluate_every": 0}
        command += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        return Contestant(
            name, [sys.executable, "-m", "harness.cli", *command], lambda: _losses(run), lambda: _training_phases(run)
        )
    units = work["units"][path]
    command = ["eval", "--task", f"{TASKS[path]}[{','.join(units)}]", "--train", "never", *common]
    command += ["--limit", str(max(units.values()))]
    if path == "retrieval":
        command += ["--layer", str(work["layer"])]
    return Contestant(
        name,
        [sys.executable, "-m", "harness.cli", *command],
        lambda: _predictions(path, run, units),
        lambda: _phases(run),
    )


def _phases(run: Path) -> Seconds:
    found: Seconds = json.loads((run / "record.json").read_text(encoding="utf-8"))["timings"]["phases"]
    return found


def _training_phases(run: Path) -> Seconds:
    return {"train": json.loads((run / "stage.json").read_text(encoding="utf-8"))["seconds"]}


def _losses(run: Path) -> Answers:
    record = json.loads((run / "stage.json").read_text(encoding="utf-8"))
    seen, losses = 0, []
    for step, mean in record["loss"]:  # means over the steps since the one before
        losses += [mean] * (step - seen)
        seen = step
    return {"losses": losses}


def _predictions(path: str, run: Path, units: Mapping[str, int]) -> Answers:
    """The predictions in the benchmark's own files."""
    found: Answers = {}
    for code in units:
        file = next((run / "predictions" / TASKS[path]).glob(f"test-{code}.*"))
        text = file.read_text(encoding="utf-8")
        if path == "qa":
            found[code] = list(json.loads(text).values())
        elif path == "tagging":
            found[code] = [block.split("\n") for block in text.strip("\n").split("\n\n")]
        else:
            lines = text.split("\n")[:-1]
            found[code] = [int(line) for line in lines] if path == "retrieval" else lines
    return found


def agreement(ours: Answers, theirs: Answers) -> tuple[int, int]:
    """How many single decisions are the same, of how many."""
    same = total = 0
    if ours.keys() != theirs.keys():
        raise AssertionError(f"answers for {sorted(ours)} and for {sorted(theirs)}")
    for code, mine in ours.items():
        if len(mine) != len(theirs[code]):
            raise AssertionError(f"{code}: {len(mine)} answers and {len(theirs[code])}")
        for left, right in zip(mine, theirs[code], strict=True):
            pairs = list(zip(left, right, strict=False)) if isinstance(left, list) else [(left, right)]
            same += sum(a == b for a, b in pairs)
            total += max(len(left), len(right)) if isinstance(left, list) else 1
    return same, total


def check(path: str, contestant: Contestant, ours: Answers, theirs: Answers) -> dict[str, Any]:
    """What agrees; AssertionError where less agrees than must."""
    if path == "training":
        mine, other = (sum(found["losses"]) / len(found["losses"]) for found in (ours, theirs))
        if not abs(mine - other) <= 0.1 * mine:
            raise AssertionError(f"training: mean loss {mine:.4f} and {contestant.name} {other:.4f}")
        return {"mean_loss": other}
    same, total = agreement(ours, theirs)
    least = ROUNDED if contestant.half else SAME.get(contestant.name, STRICT)
    if same < least * total:
        raise AssertionError(f"{path}: {contestant.name} gives {same} of {total} answers of the harness")
    return {"same": same, "of": total}
