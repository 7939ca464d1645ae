"""Tables of written texts: shares in a wrong language beside the scores, and which languages were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from run_folders import rewrite, write_run

from harness.api import report

IDENTIFIER = {"name": "builtin", "version": "1"}
TEXTS = {"de": "das rote Haus am See", "vi": "ngôi nhà màu đỏ bên hồ", "en": "the red house by the lake"}


def written_run(folder: Path, wrong: int, seed: int = 1) -> Path:
    """A run in English, German and Vietnamese; so many of four German texts are in English."""
    units = {}
    for code, text in TEXTS.items():
        gold = [{"id": str(i), "text": text} for i in range(4)]
        other = [{**row, "text": TEXTS["en"]} if code == "de" and i < wrong else row for i, row in enumerate(gold)]
        units[code] = tuple("".join(json.dumps(row) + "\n" for row in rows) for rows in (gold, other))
    write_run(folder, {"xquad_gen": units}, seed=seed)

    def add(record: dict[str, Any]) -> None:
        counts = {"en": {"en": 4}, "de": {"en": wrong, "de": 4 - wrong}, "vi": {"sw": 4}}
        for code, found in counts.items():
            weak = {"too_weak": True} if code == "vi" else {}
            facts = {"written_languages": {"identifier": IDENTIFIER, "written": found, **weak}}
            record["units"][f"xquad_gen/{code}/test"]["facts"] = facts

        record["primary"] = {"xquad_gen": ["rouge_l", "chrf"]}

    rewrite(folder, add)
    return folder


def section(text: str, title: str) -> list[list[str]]:
    return [line.split() for line in text.split(title)[1].lstrip("\n").split("\n\n")[0].splitlines()]


def test_the_rate_of_wrong_languages_stands_beside_the_scores_of_every_run(tmp_path: Path) -> None:
    runs = [written_run(tmp_path / "low", 1), written_run(tmp_path / "high", 3, seed=2)]
    found = section(report(runs, "md"), "Written texts in the wrong language")
    rows = {(line[3], line[5]): line for line in found if line[:2] == ["|", "xquad_gen"]}
    head = next(line for line in found if "task" in line)
    assert "wrong language" in " ".join(head) and "floor" in head
    german = {run: [cell for cell in rows["German", run] if cell != "|"] for run in ("low", "high")}
    assert german["low"][5] == "25.0" and german["high"][5] == "75.0"
    assert [cell for cell in rows["Vietnamese", "low"] if cell != "|"][5] == "–"


def test_languages_that_were_asked_for_and_written_are_counted(tmp_path: Path) -> None:
    text = report([written_run(tmp_path / "run", 1)], "text")
    found = section(text, "xquad_gen: languages that were asked for and, across, written")
    assert ["English", "4", "0", "0"] in [[row[0], row[1], *sorted(row[2:])] for row in found if row[:1] == ["English"]]
    head = next(row for row in found if row[:2] == ["asked", "for"])[2:]
    german = dict(zip(head, next(row for row in found if row[:1] == ["German"])[1:], strict=True))
    assert german == {"en": "1", "de": "3", "sw": "0"}
    assert "languages identified by builtin 1" in text and "too weak for vi" in text


def test_a_report_without_written_texts_has_no_such_tables(tmp_path: Path) -> None:
    rows = "0\n1\n"
    assert "written" not in report([write_run(tmp_path / "plain", {"tatoeba": {"de": (rows, rows)}})], "text")


def test_a_record_whose_counts_are_none_is_refused(tmp_path: Path) -> None:
    import pytest

    from harness.core.errors import HarnessError

    folder = written_run(tmp_path / "run", 1)

    def spoil(record: dict[str, Any]) -> None:
        record["units"]["xquad_gen/de/test"]["facts"]["written_languages"]["written"] = {"en": "many"}

    rewrite(folder, spoil)
    with pytest.raises(HarnessError, match="record"):
        report([folder], "text")
