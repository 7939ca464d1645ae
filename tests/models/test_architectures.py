"""Encoders, decoders and encoder-decoders through training, saving, loading and scoring, in every family."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from small_models import KINDS, save_model

from harness.cli.main import main
from harness.registry.default import get_registry

TASKS = [
    *("xnli[en,de]", "panx[en,zh]", "xquad[en,ar]", "xcopa[sw]", "tatoeba[de]", "bucc2018[zh]"),
    *("lareqa[en,de]", "mewslix[de]"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_family_on_every_kind_of_model(kind: str, corpus: Path, tmp_path: Path) -> None:
    save_model(kind, tmp_path / "model")
    words = [word for task in TASKS for word in ("--task", task)]
    words += ["--via", "hellaswag", "--data-dir", str(corpus), "--offline", "--limit", "6", "--train-limit", "8"]
    # the small models have few positions
    words += ["--set", "max_steps=2", "--set", "max_length=48", "--set", "max_query_length=16", "--set", "doc_stride=8"]
    words += ["--set", "query_length=16", "--set", "candidate_length=32", "--set", "softmax_pairs=2"]
    assert main(["eval", "--model", str(tmp_path / "model"), *words, "--out", str(tmp_path / "run")]) == 0
    record = json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
    assert not record["failed"]
    assert len(record["units"]) == 12
    trained = {"hellaswag", "xnli", "panx", "squad", "socialiqa", "copa", "lareqa", "mewslix"}
    assert {stage["name"] for stage in record["stages"]} == trained
    assert {get_registry().task(key.split("/")[0]).family for key in record["units"]} == {
        family
        for family in get_registry().families()
        if family not in ("mlm", "cloze", "captioning", "generation")  # test_matrix.py tries these
    }
