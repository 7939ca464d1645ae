"""Which dev data choose a checkpoint, what a single seed is called, and what --with-mlm adds to a stage."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from run_folders import EXPORTED_AS_IT_IS

from harness.cli.main import main

FAST = ["--limit", "6", "--train-limit", "12", "--set", "max_steps=2", "--set", "batch=4", "--offline"]


def evaluate(model: Path, corpus: Path, out: Path, *words: str) -> dict[str, Any]:
    given = ["eval", "--model", str(model), "--data-dir", str(corpus), *FAST, "--device", "cpu", "--out", str(out)]
    assert main([*given, *words]) == 0
    found: dict[str, Any] = json.loads((out / "record.json").read_text(encoding="utf-8"))
    return found


def test_target_dev_data_come_in_with_a_flag_only_and_mark_the_record(
    corpus: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    english = evaluate(small_model, corpus, tmp_path / "english", "--task", "xnli[en,de,sw]")
    said = capsys.readouterr().out
    assert english["options"]["select_on"] == [] and "not zero-shot" not in said
    [dev] = [task["data"]["dev"] for task in english["stages"][-1]["tasks"]]
    leaky = evaluate(small_model, corpus, tmp_path / "leaky", "--task", "xnli[en,de,sw]", "--select-on", "de,sw")
    said = capsys.readouterr().out
    assert leaky["options"]["select_on"] == ["de", "sw"]
    assert "not zero-shot: checkpoints were selected on dev data in de, sw" in said
    [other] = [task["data"]["dev"] for task in leaky["stages"][-1]["tasks"]]
    assert other["fingerprint"] != dev["fingerprint"] and other["examples"] == 12
    assert leaky["stages"][-1]["key"] != english["stages"][-1]["key"]
    for name, selection in (("english", "english_dev"), ("leaky", "target_dev")):
        words = ["leaderboard", "export", str(tmp_path / name), "-o", str(tmp_path / f"{name}.json")]
        assert main([*words, *EXPORTED_AS_IT_IS]) == 0
        assert json.loads((tmp_path / f"{name}.json").read_text(encoding="utf-8"))["selection"] == selection


def test_selection_on_a_task_without_such_dev_data_is_refused(
    corpus: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "--model", str(small_model), "--data-dir", str(corpus), *FAST, "--out", str(tmp_path / "run")]
    assert main([*words, "--task", "xquad[en,de]", "--select-on", "de"]) == 2
    assert "no dev data of its own to select on in de" in capsys.readouterr().err
    assert main([*words, "--task", "mewslix[de]", "--select-on", "en,de"]) == 2
    assert "dev data in de search the task's pool" in capsys.readouterr().err


def test_a_single_seed_is_called_one(
    corpus: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "--model", str(small_model), "--data-dir", str(corpus), *FAST, "--task", "xnli[en]"]
    assert main([*words, "--device", "cpu", "--seeds", "7", "--out", str(tmp_path)]) == 0
    assert "over seeds 7 (a single seed)" in capsys.readouterr().out
    summary = json.loads((tmp_path / "seeds.json").read_text(encoding="utf-8"))
    assert summary["single_seed"] is True and summary["tasks"]["xnli"]["score"]["sd"] is None


def test_with_mlm_adds_language_modelling_to_every_stage(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    words = ["--task", "tatoeba[de]", "--with-mlm"]
    both = evaluate(small_model, corpus, tmp_path / "a", *words, "--via", "mnli", "--via", "squad")
    assert [stage["name"] for stage in both["stages"]] == ["mnli+mlm", "squad+mlm"]
    assert both["stages"][1]["parent"] == {"stage": both["stages"][0]["key"]}
    alone = evaluate(small_model, corpus, tmp_path / "b", *words)
    assert [stage["name"] for stage in alone["stages"]] == ["mlm"]
