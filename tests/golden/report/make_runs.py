"""Writes the two small runs that the golden reports are of: ``python tests/golden/report/make_runs.py``.

Their records stay as they are when the harness changes: old records must load for ever. Run this only to change what
they hold, then write the golden files again: ``HARNESS_REGENERATE=1 pytest tests/report/test_report.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

from harness.core.hashing import file_sha256
from harness.registry.default import get_registry
from harness.scoring.aggregate import aggregate
from harness.scoring.files import TaskScorer
from harness.types.benchmarks import Benchmark

RUNS = Path(__file__).parent / "runs"
LABELS = ("contradiction", "entailment", "neutral")
NLI = {"en": 4, "de": 8, "sw": 14, "zh": 11}
"""Wrong answers among 60 of the plain run; the other run has half as many."""
QUESTIONS = {"en": "Who wrote the letter?", "ru": "Кто написал письмо?", "ar": "من كتب الرسالة؟"}
ANSWERS = {"en": ("Ann", "Ann wrote"), "ru": ("Анна", "Анна вчера"), "ar": ("آن", "كتبت آن")}


def main() -> None:
    """Writes both runs."""
    for name, via, divisor in (("plain", [], 1), ("via-mnli", ["mnli"], 2)):
        write_run(RUNS / name, via, divisor)


def write_run(folder: Path, via: list[str], divisor: int) -> None:
    """Label and prediction files, scored, and the record."""
    for code, wrong in NLI.items():
        gold = [LABELS[i % 3] for i in range(60)]
        guessed = [LABELS[(i + 1) % 3] if i % 15 < wrong // divisor % 15 and i < 45 else gold[i] for i in range(60)]
        _write(folder / f"labels/xnli/test-{code}.tsv", "".join(f"{label}\n" for label in gold))
        _write(folder / f"predictions/xnli/test-{code}.tsv", "".join(f"{label}\n" for label in guessed))
    for place, (code, question) in enumerate(QUESTIONS.items()):
        right, other = ANSWERS[code]
        ids = [f"{code}-{i}" for i in range(12)]
        paragraphs = [
            {
                "context": f"{other} – {i}",
                "qas": [{"id": name, "question": question, "answers": [{"text": right, "answer_start": 0}]}],
            }
            for i, name in enumerate(ids)
        ]
        _write(
            folder / f"labels/xquad/test-{code}.json",
            _json({"version": "1.1", "data": [{"title": "", "paragraphs": paragraphs}]}),
        )
        guesses = {name: other if i < (2 + 3 * place) // divisor else right for i, name in enumerate(ids)}
        _write(folder / f"predictions/xquad/test-{code}.json", _json(guesses))
    _write(folder / "record.json", _json(record(folder, via)))


def record(folder: Path, via: list[str]) -> dict[str, object]:
    """The record of a run with these files."""
    registry = get_registry()
    benchmark = Benchmark(
        "xtreme", 1, "", {"xnli": (*NLI, "ur"), "xquad": tuple(QUESTIONS)}, {"pairs": ("xnli",), "qa": ("xquad",)}, ""
    )
    units: dict[str, object] = {}
    scored: dict[str, dict[str, object]] = {}
    for task, codes in (("xnli", NLI), ("xquad", QUESTIONS)):
        scorer = TaskScorer.of(registry, task)
        for code in codes:
            paths = [scorer.format.path(folder / side, task, code) for side in ("predictions", "labels")]
            score = scorer.score(folder / "predictions", folder / "labels", code)
            scored.setdefault(task, {})[code] = score
            files = [{"file": path.relative_to(folder).as_posix(), "sha256": file_sha256(path)} for path in paths]
            units[f"{task}/{code}/test"] = {
                "key": f"key of {task} {code} {via}",
                "task_version": registry.task(task).version,
                "provider": f"xtreme-harness:{task}",
                "examples": score.n,
                "data": {
                    "rows": score.n,
                    "expected": None,
                    "fingerprint": f"data of {task} {code}",
                    "source": f"example/{task}/{code}/test",
                    "state": "present",
                    "notes": ["a few rows only"] if task == "xquad" else [],
                },
                "predictions": files[0],
                "labels": files[1],
                "facts": {},
                "score": score.to_dict(),
                "seconds": 0.5,
            }
    primary = {"xnli": ("accuracy",), "xquad": ("exact_match", "f1")}
    stages = [_stage("mnli", None)] if via else []
    parent = stages[0]["key"] if stages else None
    return {
        "schema": "harness-record/1",
        "harness": {"version": "0.1.0", "git": {"commit": "0123456789abcdef0123456789abcdef01234567", "dirty": False}},
        "command": ["harness", "eval", "--model", "example/encoder", *(f"--via={name}" for name in via)],
        "created": "2026-01-02T03:04:05+00:00",
        "finished": "2026-01-02T03:14:05+00:00",
        "environment": {"python": "3.12.1", "platform": "Linux", "packages": {"torch": "2.9.0", "faiss-gpu": None}},
        "model": {
            "reference": "example/encoder",
            "kind": "hub",
            "revision": "89abcdef",
            "fingerprint": "f" * 16,
            "architecture": "XLMRobertaForMaskedLM",
            "hidden_size": 768,
        },
        "benchmark": "xtreme",
        "options": {
            "split": "test",
            "via": via,
            "train": "auto",
            "recipe": {"name": "xtreme", "version": 1, "provider": "xtreme-harness:recipes"},
            "overrides": {"lr": 2e-05},
            "limit": 60,
            "train_limit": None,
            "device": "cpu",
            "dtype": "fp32",
        },
        "partial": ["at most 60 examples a unit (--limit)"],
        "stages": [*stages, _stage("xnli", parent), _stage("squad", parent)],
        "units": units,
        "missing": {"xnli/ur/test": "not found"},
        "failed": {},
        "primary": {name: list(names) for name, names in primary.items()},
        "scores": aggregate(benchmark, scored, primary).to_dict(),  # type: ignore[arg-type]
        "timings": {"seconds": 600.4},
    }


def _stage(name: str, parent: str | None) -> dict[str, object]:
    return {
        "key": f"stage {name} after {parent}",
        "name": name,
        "parent": {"stage": parent} if parent else {"model": "example/encoder", "fingerprint": "f" * 16},
        "tasks": [],
        "options": {"seed": 42, "lr": 2e-05},
        "dev_score": 81.5,
        "selected_step": 200,
        "dev": [{"step": 100, "score": 78.25}, {"step": 200, "score": 81.5}, {"step": 300, "score": 81.0}],
        "loss": [[50, 1.02], [100, 0.71], [150, 0.6], [200, 0.52], [250, 0.44], [300, 0.41]],
    }


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
