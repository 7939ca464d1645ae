"""A bundle has what a training reads beside its data, and what is unpacked from it trains as before."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from harness.api import train
from harness.cli.main import main
from harness.types.options import EvalOptions


def test_tables_translations_and_names_go_along(corpus: Path, small_model: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    files = ["translated/xnli/about.toml", "translated/xnli/de/test-en.jsonl", "labels/xnli/de.json"]
    files += ["transliterate/mine.tsv", "labels/pawsx/de.json"]
    for name in files:
        (own / name).parent.mkdir(parents=True, exist_ok=True)
        (own / name).write_text("{}\n", encoding="utf-8")
    folders = f"{own}{os.pathsep}{corpus}"
    file = tmp_path / "all.tar"
    assert main(["data", "bundle", str(file), "xnli[de]", "mnli", "--data-dir", folders]) == 0
    with tarfile.open(file) as opened:
        names = set(opened.getnames())
    assert {f"data/{name}" for name in files[:-1]} <= names and "data/labels/pawsx/de.json" not in names
    assert "data/synonyms/en.json" in names
    assert main(["data", "unbundle", str(file), str(tmp_path / "there")]) == 0

    def key(data: str) -> str:
        chosen = {"max_steps": 0, "epochs": 1, "batch": 4, "copies": 2}
        options = EvalOptions(data_dir=data, offline=True, device="cpu", recipe="tiny", overrides=chosen, train_limit=8)
        summary = train(str(small_model), "mnli@synonyms", out=tmp_path / f"{len(data)}", options=options).summary
        assert summary["steps"] == 4
        return str(summary["key"])

    assert key(str(tmp_path / "there/data")) == key(str(corpus))
