"""Whatever stands in a file: a right reading or a DataError, never another error and never another reading."""

from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import DataError
from harness.scoring.formats.answers import Answers
from harness.scoring.formats.choices import Choices
from harness.scoring.formats.labels import Labels
from harness.scoring.formats.pairs import Pairs
from harness.scoring.formats.rankings import Rankings
from harness.scoring.formats.reader import reading_notes
from harness.scoring.formats.rows import Rows
from harness.scoring.formats.tags import Tags
from harness.types.examples import Answer, Choice, GoldPair, Pair, Question, Sentence, Tagged, Translation

QUICK = settings(max_examples=50, deadline=None)
SQUAD = {
    "data": [{"paragraphs": [{"context": "c", "qas": [{"id": "q", "question": "?", "answers": [{"text": "a"}]}]}]}]
}
VALID = {
    Labels: b"entailment\nneutral\n",
    Tags: b"NOUN\nVERB\n\nNOUN\n\n",
    Answers: b'{"q": "a"}\n',
    Choices: b'{"label": 0}\n{"label": 1}\n',
    Rows: b"1\n0\n",
    Pairs: b"de-1\ten-1\nde-2\ten-2\n",
    Rankings: b'{"q": ["Q1", "Q2"]}\n',
}
GOLD = VALID | {Answers: json.dumps(SQUAD).encode()}
FRAGMENTS = [
    b"\n",
    b"\r",
    b"\r\n",
    b"\0",
    b"\t",
    b" ",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xe2\x80\xa8",
    b'"',
    b"{",
    b"}",
    b"[",
    b",",
]
FRAGMENTS += [
    b'{"label": 1}',
    b'"q": ["Q1"]',
    b"NOUN",
    b"entailment",
    b"-1",
    b"1e999",
    b"\\ud800",
    b"null",
    b"de-1\ten-1\n",
]


@pytest.fixture(autouse=True, scope="module")
def _no_fsync():
    """Durability is not what is tested here, and thousands of syncs take their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: None)
        yield


def damaged(valid):
    """A valid file with pieces cut out and pieces put in, or anything at all."""
    piece = st.one_of(st.sampled_from(FRAGMENTS), st.binary(max_size=3))
    edit = st.tuples(st.integers(0, len(valid)), st.integers(0, 4), piece)

    def apply(edits):
        data = valid
        for place, cut, put in edits:
            data = data[:place] + put + data[place + cut :]
        return data

    return st.one_of(st.lists(edit, min_size=1, max_size=3).map(apply), st.binary(max_size=40))


def align(form, predictions, labels):
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "predictions"), Path(folder, "labels")
        for path, data in zip(paths, (predictions, labels), strict=True):
            path.write_bytes(data)
        return form.align(*paths, ())


@pytest.mark.parametrize("kind", VALID)
def test_damaged_files_are_read_or_refused(kind):
    @settings(QUICK)
    @given(damaged(VALID[kind]), damaged(GOLD[kind]))
    def check(predictions, labels):
        for pair in ((predictions, GOLD[kind]), (VALID[kind], labels)):
            try:
                aligned = align(kind(), *pair)
            except DataError as error:
                assert "predictions" in str(error) or "labels" in str(error)
            else:
                assert len(aligned.ids) == len(aligned.gold) == len(aligned.predicted) > 0
                assert len(set(aligned.ids)) == len(aligned.ids)

    check()


TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\n\r\0"), min_size=1, max_size=8)
WORD = TEXT.map(str.strip).filter(lambda text: text and text[0] != "\ufeff")
"""What may stand on a line; test_submission.py has what may not."""
TAG = WORD.filter(lambda tag: len(tag.split()) == 1)
ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
KEYS = st.lists(ANY, min_size=1, max_size=4, unique=True)


def both(form, examples, predictions):
    """What is read back from the files of these predictions and labels; the same with CRLF and a byte-order mark."""
    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder, "predictions"), Path(folder, "labels")
        form.write_predictions(paths[0], examples, predictions)
        assert form.write_labels(paths[1], examples)
        aligned = form.align(*paths, ())
        for path in paths:
            path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
        marked = form.align(*paths, ())
        assert marked.warnings[len(aligned.warnings) :] == reading_notes(*paths)
        assert replace(marked, warnings=aligned.warnings) == aligned
        return aligned


@settings(QUICK)
@given(st.lists(st.tuples(WORD, WORD), min_size=1, max_size=5))
def test_any_labels_are_read_back_as_written(rows):
    aligned = both(Labels(), [Pair("", "", "", gold) for gold, _ in rows], [guess for _, guess in rows])
    assert list(zip(aligned.gold, aligned.predicted, strict=True)) == rows


@settings(QUICK)
@given(st.lists(st.lists(st.tuples(TAG, TAG), min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_tags_are_read_back_as_written(rows):
    gold, guess = ([[pair[side] for pair in row] for row in rows] for side in (0, 1))
    examples = [Tagged("", ("w",) * len(tags), tuple(tags)) for tags in gold]
    aligned = both(Tags(), examples, guess)
    assert (aligned.gold, aligned.predicted) == (gold, guess)


@settings(QUICK)
@given(
    KEYS.flatmap(
        lambda keys: st.tuples(st.just(keys), st.lists(st.tuples(ANY, ANY), min_size=len(keys), max_size=len(keys)))
    )
)
def test_any_answers_are_read_back_as_written(case):
    keys, rows = case
    examples = [
        Question(key, "?", context, (Answer("x", 0), Answer(context, 0)))
        for key, (context, _) in zip(keys, rows, strict=True)
    ]
    aligned = both(Answers(), examples, [answer for _, answer in rows])
    assert aligned.ids == keys
    assert aligned.gold == [["x", context] for context, _ in rows]
    assert aligned.predicted == [answer for _, answer in rows]
    assert len(set(aligned.clusters)) == len({context for context, _ in rows})


@settings(QUICK)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5))
def test_any_choices_and_rows_are_read_back_as_written(rows):
    aligned = both(Choices(), [Choice("", "", (), gold) for gold, _ in rows], [guess for _, guess in rows])
    assert list(zip(aligned.gold, aligned.predicted, strict=True)) == rows
    english = [str(gold) for gold, _ in rows]
    aligned = both(Rows(), [Translation("", "", text) for text in english], [guess for _, guess in rows])
    assert [english[row] for row in aligned.gold] == sorted(english)
    assert aligned.predicted == [guess for _, guess in rows]


@settings(QUICK)
@given(st.sets(st.tuples(TAG, TAG), min_size=1, max_size=6), st.sets(st.tuples(TAG, TAG), max_size=6))
def test_any_pairs_are_read_back_as_written(gold, found):
    examples = [Sentence("x", "y", True), *(GoldPair(*pair) for pair in gold)]
    aligned = both(Pairs(), examples, sorted(found))
    items = [tuple(name.split("\t")) for name in aligned.ids]
    assert {item for item, flag in zip(items, aligned.gold, strict=True) if flag} == gold
    assert {item for item, flag in zip(items, aligned.predicted, strict=True) if flag} == found
    assert set(items) == gold | found
