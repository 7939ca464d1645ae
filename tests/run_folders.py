"""Run folders made of predictions and labels alone, for tests that need no model."""

from __future__ import annotations

import json
from pathlib import Path

from harness.core.hashing import file_sha256
from harness.registry.default import get_registry
from harness.runs.record import new_record, save_record
from harness.scoring.files import TaskScorer

EXPORTED_AS_IT_IS = ("--allow-partial", "--allow-dirty", "--allow-unpinned")
"""Options of ``leaderboard export`` for a small run of a changed checkout and a model that nobody else has."""


def write_run(folder: Path, units, *, seed=1, model="org/model", benchmark=None, split="test", **changes):
    """A run over ``units``: {task: {language: (labels text, predictions text)}}, in the official file formats.

    ``changes`` are put into the record: ``options={...}``, ``partial=[...]``, and ``unit={...}`` into every unit.
    """
    registry = get_registry()
    record = new_record()
    record["harness"]["git"] = None
    record["command"] = ["harness", "eval", "--model", model]
    record["finished"] = record["created"]
    record["benchmark"] = benchmark
    record["model"] = {
        "reference": model,
        "kind": "hub",
        "revision": "0" * 40,
        "fingerprint": "f" * 64,
        "architecture": "XLMRobertaModel",
        "hidden_size": 768,
        "parameters": 278_043_648,
    }
    record["options"] = {
        "split": split,
        "via": [],
        "train": "auto",
        "overrides": {"seed": seed},
        "recipe": {"name": "xtreme", "version": 1},
        "limit": None,
        "train_limit": None,
        "dtype": "fp32",
        "device": "cpu",
    }
    data = {"train": {"fingerprint": "t", "rows": 1, "expected": 1, "source": "a table"}}
    record["stages"] = [
        {
            "key": f"stage-{seed}",
            "name": "mnli",
            "parent": {"model": model, "fingerprint": "f" * 64},
            "tasks": [{"task": "mnli", "version": 1, "provider": "test", "data": data}],
            "options": {"seed": seed, "lr": 1e-5},
            "fingerprint": f"weights-{seed}",
        }
    ]
    for name, languages in units.items():
        scorer = TaskScorer.of(registry, name)
        for code, (labels, predictions) in languages.items():
            entries = {}
            for side, text in (("labels", labels), ("predictions", predictions)):
                path = scorer.format.path(folder / side, name, code, split)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
                entries[side] = {"file": path.relative_to(folder).as_posix(), "sha256": file_sha256(path)}
            score = scorer.score(folder / "predictions", folder / "labels", code, split)
            data = {
                "fingerprint": "d" * 32,
                "rows": 5,
                "expected": 5,
                "source": "a table",
                "state": "present",
                "notes": [],
            }
            record["units"][f"{name}/{code}/{split}"] = {
                "key": f"{seed}-{name}-{code}-{predictions}",
                "task_version": registry.task(name).version,
                "provider": "test",
                "examples": labels.count("\n"),
                "data": data,
                "facts": {},
                "score": score.to_dict(),
                **entries,
                **changes.get("unit", {}),
            }
    for key, value in changes.items():
        if key == "options":
            record["options"] |= value
        elif key != "unit":
            record[key] = value
    folder.mkdir(parents=True, exist_ok=True)
    save_record(folder, record)
    return folder


def rewrite(folder: Path, change):
    """Changes a record in place: ``change`` gets the record."""
    path = folder / "record.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    record.pop("sha256", None)
    path.write_text(json.dumps(record), encoding="utf-8")


def labels_text(values) -> str:
    return "".join(f"{value}\n" for value in values)


def nli(generator, n: int, *chances: float):
    """Labels and, for each chance of being right, predictions of an XNLI unit; wrong ones are wrong at random."""
    names = ["contradiction", "entailment", "neutral"]
    gold = generator.integers(0, 3, n)
    texts = [labels_text(names[i] for i in gold)]
    for chance in chances:
        shift = (generator.random(n) >= chance) * generator.integers(1, 3, n)
        texts.append(labels_text(names[i] for i in (gold + shift) % 3))
    return texts
