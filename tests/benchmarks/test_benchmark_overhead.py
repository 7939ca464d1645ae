"""The benchmark of overhead: made test sets of the official sizes that the tasks read, and its tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.official_text import MadeText, write_test_sets
from benchmarks.overhead import COLUMNS, markdown, overhead
from harness.data.sources import load_examples
from harness.models.load import load_tokenizer
from harness.registry.default import get_registry


@pytest.mark.parametrize("name", ["xnli", "panx", "udpos", "tydiqa", "tatoeba"])
def test_made_test_sets_are_of_the_official_sizes_and_read_by_their_tasks(
    name: str, small_model: Path, tmp_path: Path
) -> None:
    task = get_registry().task(name)
    codes = list(task.languages)[:2]
    text = MadeText(load_tokenizer(small_model).get_vocab())
    sizes = [max(round((task.languages[code]["test"].rows or 1_000) * 0.05), 1) for code in codes]
    assert write_test_sets(tmp_path, task, codes, text, 0.05) == sum(sizes)
    for code, size in zip(codes, sizes, strict=True):
        loaded = load_examples(task, task.languages[code]["test"], data_dir=tmp_path, offline=True)
        assert len(loaded.examples) == size


def test_the_tables_count_every_phase_of_overhead_once() -> None:
    phases = dict.fromkeys(COLUMNS, 0.5) | {"model": 2.0, "forward": 3.0, "page": 1.0}
    assert overhead(phases) == 0.5 * len(COLUMNS)
    entries = [
        {"name": "start", "task": "xnli", "examples": 2, "phases": {}, "mib": 1.0, "until": 4.0},
        {"name": "xnli", "task": "xnli", "examples": 100, "phases": phases, "mib": 700.0, "until": 9.0},
        {"name": "xnli, 4 languages", "task": "xnli[de]", "phases": phases, "mib": 650.0, "until": 11.0},
    ]
    machine = {"processor": "p", "threads": 2}
    page = markdown({"entries": entries, "machine": machine, "model": "m", "share": 1.0})
    assert "All tasks: 100 examples, 4.0 processor seconds" in page
    assert page.count(" 200 |") == len(COLUMNS), "100 examples in half a second of every phase"
