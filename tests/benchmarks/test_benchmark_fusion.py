"""The data of the benchmark of fused networks: which English is beside a test text, and what is not in its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from benchmarks.fusion import FLORES, make_pairs, make_topics, others, right
from benchmarks.translate_train import parallel

TOPICS = ("sports", "health", "travel")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    for code, flores in FLORES.items():
        folder = tmp_path / "data/Davlan/sib200/data" / flores
        folder.mkdir(parents=True)
        for split, first in (("train", 0), ("dev", 20), ("test", 30)):
            rows = [f"{first + i}\t{TOPICS[i % 3]}\t{code} sentence {first + i}" for i in range(12)]
            (folder / f"{split}.tsv").write_text("\n".join(["index_id\tcategory\ttext", *rows, ""]), encoding="utf-8")
    return tmp_path / "data"


def rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_two_folders_differ_in_the_partners_of_test_texts_alone(data: Path, tmp_path: Path) -> None:
    make_topics(data, tmp_path, ["de", "sw"], trained=8, english=5)
    files = [
        sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*.jsonl"))
        for name in ("true", "other")
    ]
    assert files[0] == files[1]
    for file in files[0]:
        true, other = ((tmp_path / name / file).read_bytes() for name in ("true", "other"))
        assert (true == other) == (file.parts[0] == "topics")
    tests, trained = rows(tmp_path / "true/topics/test-de.jsonl"), rows(tmp_path / "true/topics/train-en.jsonl")
    assert (
        len(tests) == 4 and len(trained) == 5 + 8 and not {row["id"] for row in tests} & {row["id"] for row in trained}
    )
    for name in ("true", "other"):
        partners = rows(tmp_path / name / "translated/topics-test/de/test-en.jsonl")
        assert all(row.keys() == {"id", "text", "source"} for row in partners)
        assert [row["source"] for row in partners] == [row["id"] for row in tests]
    assert [
        row["text"].removeprefix("en") for row in rows(tmp_path / "true/translated/topics-test/de/test-en.jsonl")
    ] == [row["text"].removeprefix("de") for row in tests]


def test_another_partner_has_another_topic() -> None:
    made = [{"id": str(i), "text": "", "topic": topic} for i, topic in enumerate("aabac")]
    assert [row["id"] for row in others(made, "topic")] == ["2", "2", "3", "4", "0"]


def test_pairs_have_the_english_of_a_row_with_another_label(shared_data: Path, tmp_path: Path) -> None:
    make_pairs(shared_data, tmp_path, ["de", "sw"], trained=2480)
    tests = pq.read_table(tmp_path / "true/google/xtreme/XNLI/test-00000-of-00001.parquet").to_pylist()
    assert (
        len(tests) == 2 * 10
        and tests == pq.read_table(tmp_path / "other/google/xtreme/XNLI/test-00000-of-00001.parquet").to_pylist()
    )
    labels = [row["gold_label"] for row in tests if row["language"] == "de"]
    english = parallel(shared_data, "validation", "en").slice(2480).to_pylist()
    place = {row["sentence2"]: number for number, row in enumerate(english)}
    for name in ("true", "other"):
        partners = rows(tmp_path / name / "translated/xnli/de/test-en.jsonl")
        assert [row["source"] for row in partners] == [str(number) for number in range(10)]
        assert all(row.keys() == {"premise", "hypothesis", "source"} for row in partners)
        alike = [labels[place[row["hypothesis"]]] == label for row, label in zip(partners, labels, strict=True)]
        assert alike == [name == "true"] * 10


def test_answers_are_compared_line_by_line(tmp_path: Path) -> None:
    for name, text in (("answers", "a\nb\nc\n"), ("gold", "a\nc\nc\n")):
        (tmp_path / name).write_text(text)
    assert right([(tmp_path / "answers", tmp_path / "gold")] * 2) == [True, False, True] * 2
