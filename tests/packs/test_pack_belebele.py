"""Belebele says which data are missing, and how its training data are made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from harness import Registry, evaluate


def test_without_the_english_mix_nothing_is_trained_and_the_message_says_how_it_is_made(
    pack: Callable[..., Registry], tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "facebook" / "belebele" / "data"
    folder.mkdir(parents=True)
    row = {
        "link": "l",
        "question_number": 1,
        "flores_passage": "A river.",
        "question": "Where?",
        "correct_answer_num": "2",
    }
    row |= {f"mc_answer{number}": f"there {number}" for number in range(1, 5)}
    (folder / "eng_Latn.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    data, registry = tmp_path / "data", pack("belebele")
    run = evaluate("tiny", "belebele[en]", data_dir=data, offline=True, out=tmp_path / "run", registry=registry)
    assert not run.record["stages"]
    (reason,) = {**run.failed, **run.missing}.values()
    assert "assemble_training_set" in reason and "belebele_training_set.tsv" in reason
