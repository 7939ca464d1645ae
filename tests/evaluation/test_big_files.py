"""Files of models in a run: weights are read for a hash once, the tokenizer is loaded once, whatever the number of tasks."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from harness.core import hashing
from harness.models import load as models


def test_a_run_of_several_stages_reads_no_big_file_twice(
    small_model: Path,
    corpus: Path,
    tmp_path: Path,
    cli: Callable[..., tuple[int, str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: Counter[int] = Counter()
    loaded: list[Path] = []
    digest, load = hashlib.file_digest, AutoTokenizer.from_pretrained

    def noted_digest(file: Any, kind: str) -> Any:
        if file.name.endswith(".safetensors"):
            hashed[Path(file.name).stat().st_ino] += 1
        return digest(file, kind)

    def noted_load(folder: Path, **settings: Any) -> Any:
        loaded.append(folder)
        return load(folder, **settings)

    # Files as small as these are read within the tick of the clock of their last change; half a gigabyte is not.
    monkeypatch.setattr(hashing, "_TICK", -(10**9))
    monkeypatch.setattr(hashlib, "file_digest", noted_digest)
    monkeypatch.setattr(AutoTokenizer, "from_pretrained", noted_load)
    monkeypatch.setattr(models, "_loaded", lru_cache(models._loaded.__wrapped__))  # nothing is known of earlier tests
    pretrained = shutil.copytree(small_model, tmp_path / "model")
    tasks = ["--task", "xnli[en,de]", "--task", "panx[en]", "--task", "xquad[en]", "--task", "tatoeba[de]"]
    small = ["--set", "max_steps=2", "--set", "batch=4", "--limit", "4", "--train-limit", "8", "--via", "mnli"]
    where = ["--data-dir", corpus, "--out", tmp_path / "run", "--offline", "--device", "cpu", "--dtype", "fp32"]
    assert cli("eval", "--model", pretrained, *tasks, *small, *where)[0] == 0
    record = json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
    assert len(record["stages"]) == 4
    assert sorted(hashed.values()) == [1] * 5, "one pretrained model and four stages"
    assert len(loaded) == 1
