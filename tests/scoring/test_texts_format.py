"""The files of written texts: what is written is read again, and what is wrong is named with its line."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Source
from harness.core.errors import DataError
from harness.scoring.formats.texts import Texts

ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(ANY, st.tuples(ANY, ANY), min_size=1, max_size=6))
def test_whatever_is_written_is_read_again(rows: dict[str, tuple[str, str]]) -> None:
    examples = [Source(name, "", target, "de") for name, (target, _) in rows.items()]
    with TemporaryDirectory() as folder:
        predictions, labels = (Path(folder) / name for name in ("p.jsonl", "l.jsonl"))
        Texts().write_predictions(predictions, examples, [written for _, written in rows.values()])
        assert Texts().write_labels(labels, examples)
        aligned = Texts().align(predictions, labels, ())
    assert aligned.ids == list(rows) and aligned.warnings == ()
    assert list(zip(aligned.gold, aligned.predicted, strict=True)) == list(rows.values())
    assert {gold.language for gold in aligned.gold} == {"de"}


def test_texts_are_paired_by_id_and_missing_ones_are_said(tmp_path: Path) -> None:
    predictions, labels = tmp_path / "p.jsonl", tmp_path / "l.jsonl"
    predictions.write_text('{"id": "b", "text": "B"}\n{"id": "x", "text": "X"}\n')
    labels.write_text('{"id": "a", "text": "A"}\n{"id": "b", "text": "B"}\n')
    aligned = Texts().align(predictions, labels, ())
    assert aligned.predicted == [None, "B"]
    assert ["no prediction" in aligned.warnings[0], "unknown" in aligned.warnings[1]] == [True, True]


def test_examples_without_targets_make_no_labels(tmp_path: Path) -> None:
    assert not Texts().write_labels(tmp_path / "l.jsonl", [Source("a", "text", None)])
    assert not (tmp_path / "l.jsonl").exists()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[1]", "an array instead of an object"),
        ('{"id": "b"}', "no 'text'"),
        ('{"id": "b", "text": 3}', "'text' holds a number"),
        ('{"id": "b", "text": "", "language": 3}', "'language' holds"),
        ('{"id": "a", "text": ""}', "'a' occurs twice"),
        ("{", "not JSON"),
        ("", "the line is blank"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(line: str, said: str, tmp_path: Path) -> None:
    labels, predictions = tmp_path / "l.jsonl", tmp_path / "p.jsonl"
    labels.write_text('{"id": "a", "text": "A"}\n')
    predictions.write_text('{"id": "a", "text": "A"}\n' + line + '\n{"id": "c", "text": "A"}\n')
    with pytest.raises(DataError, match=r"p\.jsonl:2: ") as error:
        Texts().align(predictions, labels, ())
    assert said in str(error.value)


def test_two_texts_of_one_id_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one id"):
        Texts().write_predictions(tmp_path / "p.jsonl", [Source("a", "", None)] * 2, ["x", "y"])
    assert not (tmp_path / "p.jsonl").exists()
