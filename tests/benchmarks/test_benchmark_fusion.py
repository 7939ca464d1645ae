"""The data of the benchmark of fused networks: which English is beside a test text, and what is not in its file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fusion import FLORES, make_data, others, right

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
    make_data(data, tmp_path, ["de", "sw"], trained=8, english=5)
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
    assert [row["id"] for row in others(made)] == ["2", "2", "3", "4", "0"]


def test_answers_are_compared_with_the_topics_of_their_texts(data: Path, tmp_path: Path) -> None:
    make_data(data, tmp_path, ["de"], trained=8, english=5)
    gold = [row["topic"] for row in rows(tmp_path / "true/topics/test-de.jsonl")]
    (tmp_path / "run/predictions/topics-test").mkdir(parents=True)
    answers = [*gold[:3], "politics"]
    (tmp_path / "run/predictions/topics-test/test-de.tsv").write_text("".join(f"{each}\n" for each in answers))
    assert right(tmp_path / "run", ["de"], tmp_path / "true") == [True, True, True, False]
