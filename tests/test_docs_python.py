"""The code of docs/python.md and of the README's task runs as it stands there, on the sample corpus and a small model."""

from __future__ import annotations

import json
import os
import re
import shutil
import traceback
from pathlib import Path
from typing import Any

import pytest
from pages import ROOT, fences
from study_runs import write_study

import harness
from harness.registry.default import get_registry

MODEL = "xlm-roberta-base"
"""The model of the pages, which the small one stands for."""


@pytest.fixture(scope="module")
def here(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data and the texts that the page names."""
    folder = tmp_path_factory.mktemp("python")
    shutil.copytree(corpus, folder / "data")
    for name in ("de", "en"):
        (folder / f"{name}.txt").write_text("the cat sleeps\na small bird\n", encoding="utf-8")
    return folder


def test_every_block_of_the_python_page_runs(
    here: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(here)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    blocks = [block for language, block in fences(ROOT / "docs" / "python.md") if language == "python"]
    assert len(blocks) > 8
    known: dict[str, Any] = {}
    write_study(get_registry().study("size-robustness").at("smoke"), here / "runs/size-robustness/smoke", task="pawsx")
    for block in blocks:
        exec(compile(block.replace(f'"{MODEL}"', repr(str(small_model))), "python.md", "exec"), known)
    printed = capsys.readouterr().out
    assert "did you mean 'xnli'?" in printed and re.search(r"[+-][\d.]+ points, p = [\d.]+", printed)
    assert known["page"].startswith("<!DOCTYPE html>") and (here / "runs/plain/report.html").is_file()
    assert known["seeds"].seeds == (1, 2)
    assert known["found"].page.is_file() and not known["found"].complete and len(known["units"])
    record = json.loads((here / "runs/via-mnli/record.json").read_text(encoding="utf-8"))
    assert record["options"]["via"] == ["mnli"] and not record["failed"]


def test_the_task_of_the_readme_trains_and_scores(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from harness.cli.main import main

    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HARNESS_")]:
        monkeypatch.delenv(name)
    [block] = [b for lang, b in fences(ROOT / "README.md") if lang == "python" and "harness_target_tasks" in b]
    Path("reviews.py").write_text(block, encoding="utf-8")
    rows = {
        "text": [f"the room was {('bad', 'good')[i % 2]} {i}" for i in range(40)],
        "label": ["negative", "positive"] * 20,
    }
    for place in ("en/train", "en/test", "sw/test"):
        path = Path(f"data/org/reviews/{place}.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(rows), path)
    words = "--plugin reviews.py eval --task reviews --data-dir data --offline --out run --set max_steps=2".split()
    assert main([*words, "--model", str(small_model)]) == 0
    record = json.loads(Path("run/record.json").read_text(encoding="utf-8"))
    assert set(record["units"]) == {"reviews/en/test", "reviews/sw/test"}
    assert record["stages"][0]["tasks"][0]["data"]["dev"]["examples"] == 4


def test_python_shows_the_hint_of_an_error_below_its_message() -> None:
    with pytest.raises(harness.UsageError) as caught:
        harness.evaluate(MODEL, task="xnli")
    assert traceback.format_exception(caught.value)[-2:] == [
        "harness.core.errors.UsageError: unknown option 'task'\n",
        "hint: --task of the command line is tasks=\n",
    ]
