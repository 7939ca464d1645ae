"""Files that XTREME's scorers read otherwise than they were meant: the same number, or a warning and both numbers.

What the scorers do is stated here once more, in a few lines: files are opened as text; lines are stripped and all kept;
pairs are sets of lines; JSON is parsed as it stands; of a Mewsli-X label, the first id is taken, stripped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.core.errors import DataError
from harness.scoring.files import score_unit
from harness.scoring.formats.answers import Answers
from harness.scoring.formats.base import Format
from harness.scoring.formats.choices import Choices
from harness.scoring.formats.labels import Labels
from harness.scoring.formats.pairs import Pairs
from harness.scoring.formats.rankings import Rankings
from harness.scoring.formats.reader import reading_notes
from harness.scoring.formats.rows import Rows
from harness.scoring.formats.tags import Tags
from harness.scoring.metrics import get_metric
from harness.scoring.scores import UnitScore

BOM = "\ufeff"
DOCUMENTED = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


def lines(text: str) -> list[str]:
    kept = text.split("\n")
    return [line.strip() for line in (kept if kept[-1] else kept[:-1])]


def accuracy(predictions: str, labels: str) -> float | None:
    guesses, right = lines(predictions), lines(labels)
    if len(guesses) != len(right):
        return None
    return 100 * sum(a == b for a, b in zip(guesses, right, strict=True)) / len(right)


def pairs_f1(predictions: str, labels: str) -> float:
    found, gold = ({tuple(line.split("\t")) for line in lines(text)} for text in (predictions, labels))
    return 100 * 2 * len(found & gold) / (len(found) + len(gold))


def exact_match(predictions: str, labels: str) -> float | None:
    if BOM in (predictions[0], labels[0]):
        return None  # json.load refuses it
    given, questions = json.loads(predictions), json.loads(labels)["data"][0]["paragraphs"][0]["qas"]
    right = [given[entry["id"]] in [answer["text"] for answer in entry["answers"]] for entry in questions]
    return 100 * sum(right) / len(right)


def reciprocal_rank(predictions: str, labels: str) -> float:
    found, gold = json.loads(predictions), json.loads(labels)
    ranks = [
        next((1 / rank for rank, name in enumerate(found[query][:20], start=1) if name == ids[0].strip()), 0.0)
        for query, ids in gold.items()
    ]
    return 100 * sum(ranks) / len(ranks)


def scored(folder: Path, form: Format, metric: str, predictions: str, labels: str) -> UnitScore:
    paths = [folder / f"{side}.{form.extension}" for side in ("predictions", "labels")]
    for path, text in zip(paths, (predictions, labels), strict=True):
        path.write_text(text, encoding="utf-8")
    return score_unit("task", get_metric(metric), form, "en", *paths, ())


def squad(impossible: bool = False) -> str:
    answers = [{"text": "cat", "answer_start": 0}]
    entry: dict[str, Any] = {"id": "q", "question": "?", "answers": answers}
    if impossible:
        entry["is_impossible"] = True
    return json.dumps({"data": [{"title": "", "paragraphs": [{"context": "cat", "qas": [entry]}]}]})


MARK, BLANK = "the byte-order mark at its start is left out", "1 blank lines at its end are left out"

CASES: dict[str, tuple[Format, str, Any, str, str, tuple[float, float | None], str]] = {
    "a mark before labels": (Labels(), "accuracy", accuracy, BOM + "a\nb\n", "a\nb\n", (100, 50), MARK),
    "a mark before rows": (Rows(), "accuracy", accuracy, BOM + "1\n0\n", "1\n0\n", (100, 50), MARK),
    "a mark before pairs": (Pairs(), "mining_f1", pairs_f1, BOM + "a\tb\nc\td\n", "a\tb\nc\td\n", (100, 50), MARK),
    "a mark before both": (Labels(), "accuracy", accuracy, BOM + "a\nb\n", BOM + "a\nb\n", (100, 100), MARK),
    "a mark before JSON": (Answers(), "squad", exact_match, BOM + '{"q": "cat"}', squad(), (100, None), MARK),
    "a mark before gold JSON": (Answers(), "squad", exact_match, '{"q": "cat"}', BOM + squad(), (100, None), MARK),
    "a blank end of both": (Labels(), "accuracy", accuracy, "a\nb\n\n", "a\na\n\n", (50, 200 / 3), BLANK),
    "a blank end of rows": (Rows(), "accuracy", accuracy, "1\n1\n \n", "1\n0\n\n", (50, 200 / 3), BLANK),
    "a blank end of one": (Labels(), "accuracy", accuracy, "a\nb\n\n", "a\nb\n", (100, None), BLANK),
    "an unended blank line": (Labels(), "accuracy", accuracy, "a\nb\n ", "a\na\n\t", (50, 200 / 3), BLANK),
    "a blank end of both sets of pairs": (
        Pairs(), "mining_f1", pairs_f1, "a\tb\nx\ty\n\n", "a\tb\nc\td\n\n", (50, 200 / 3), BLANK,
    ),
    "a blank end of found pairs": (
        Pairs(), "mining_f1", pairs_f1, "a\tb\n\n", "a\tb\n", (100, 200 / 3), BLANK,
    ),
    "spaces in a pair": (Pairs(), "mining_f1", pairs_f1, "a \tb\n", "a\tb\n", (0, 0), "have white space beside the tab"),
    "spaces in both pairs": (
        Pairs(), "mining_f1", pairs_f1, "a \tb\n", "a \tb\n", (100, 100), "have white space beside the tab",
    ),
    "impossible, with answers": (
        Answers(), "squad", exact_match, '{"q": "cat"}', squad(impossible=True), (100, 100), "the answers count",
    ),
    "several ids of a query": (
        Rankings(), "reciprocal_rank", reciprocal_rank, '{"q": ["B", "X"]}', '{"q": ["A", "B"]}', (100, 0),
        "takes the first alone",
    ),
    "spaces around a gold id": (
        Rankings(), "reciprocal_rank", reciprocal_rank, '{"q": ["Q1"]}', '{"q": ["Q1 "]}', (100, 100), "",
    ),
    "spaces around a found id": (
        Rankings(), "reciprocal_rank", reciprocal_rank, '{"q": ["Q1 "]}', '{"q": ["Q1"]}', (0, 0), "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_where_the_numbers_differ_a_warning_says_so(case: str, tmp_path: Path) -> None:
    form, metric, official, predictions, labels, (ours, theirs), warning = CASES[case]
    assert official(predictions, labels) == (None if theirs is None else pytest.approx(theirs))
    score = scored(tmp_path, form, metric, predictions, labels)
    primary = get_metric(metric).primary[0]
    assert score.metrics[primary].value == pytest.approx(ours)
    assert ours == theirs or score.warnings
    if warning:
        assert any(warning in each for each in score.warnings)
        assert all(str(tmp_path) in each for each in score.warnings)
    else:
        assert not score.warnings


def test_blank_ends_of_tag_files_change_no_number_and_bring_no_warning(tmp_path: Path) -> None:
    plain = scored(tmp_path, Tags(), "udpos_f1", "B-A\nO\n\nB-A\n", "B-A\nO\n\nB-B\n")
    assert scored(tmp_path, Tags(), "udpos_f1", "B-A\nO\n\nB-A\n\n\n\n", "B-A\nO\n\nB-B\n\n\n") == plain
    assert not plain.warnings


@pytest.mark.parametrize("form", [Labels(), Rows(), Tags(), Choices()], ids=lambda form: type(form).__name__)
def test_sound_files_bring_no_warning(form: Format, tmp_path: Path) -> None:
    text = {"Labels": "a\r\nb", "Rows": "1\n0\n", "Tags": "A\n\nB\n\n", "Choices": '{"label": 0}\n'}[
        type(form).__name__
    ]
    for name in ("predictions", "labels"):
        (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    assert form.align(tmp_path / "predictions", tmp_path / "labels", ()).warnings == ()
    (tmp_path / "labels").write_text(BOM + text, encoding="utf-8", newline="")
    (warning,) = form.align(tmp_path / "predictions", tmp_path / "labels", ()).warnings
    assert MARK in warning


def test_a_mark_alone_is_an_empty_file(tmp_path: Path) -> None:
    assert len(reading_notes_of(tmp_path, BOM)) == 1
    with pytest.raises(DataError, match="the file is empty"):
        scored(tmp_path, Labels(), "accuracy", BOM, "a\n")


def reading_notes_of(folder: Path, text: str) -> tuple[str, ...]:
    (folder / "file").write_text(text, encoding="utf-8")
    return reading_notes(folder / "file", blank_ends=True)


def test_the_documentation_names_both_scores_of_every_misread_file() -> None:
    table = DOCUMENTED.split("in another way than they were meant")[1].split("\n## ")[0]
    for numbers in ("100, 50", "100, none", "50, 66.67", "0, 0", "100, 100", "100, 0"):
        assert numbers in table
