"""The official file formats: what is written, what is read, and what is refused, naming file and line."""

from __future__ import annotations

import json

import pytest

from harness.core.errors import DataError
from harness.core.files import read_text, write_atomic
from harness.scoring.formats.answers import Answers
from harness.scoring.formats.choices import Choices
from harness.scoring.formats.labels import Labels
from harness.scoring.formats.pairs import Pairs
from harness.scoring.formats.rankings import Rankings
from harness.scoring.formats.rows import Rows
from harness.scoring.formats.tags import Tags
from harness.types.examples import (
    Answer,
    Choice,
    GoldPair,
    Pair,
    Question,
    Sentence,
    Tagged,
    Translation,
    sorted_english,
)

NLI = ("contradiction", "entailment", "neutral")
UPOS = ("NOUN", "VERB", "PUNCT")


@pytest.fixture
def files(tmp_path):
    """Writes predictions and labels (str, bytes or JSON) and aligns them."""

    def align(form, predictions, labels, label_set=()):
        paths = []
        for name, content in (("predictions", predictions), ("labels", labels)):
            path = tmp_path / f"{name}.{form.extension}"
            if isinstance(content, dict | list):
                content = json.dumps(content)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths.append(path)
        return form.align(*paths, label_set)

    return align


def squad(*questions, **more):
    """SQuAD JSON of (id, answers) pairs, each question in its own paragraph."""
    paragraphs = [
        {
            "context": f"context of {name}",
            "qas": [{"id": name, "question": "?", "answers": [{"text": a} for a in answers]} | more],
        }
        for name, answers in questions
    ]
    return {"data": [{"paragraphs": paragraphs}]}


# one label a line


def test_labels_that_are_written_are_read_back_the_same(tmp_path):
    examples = [Pair(str(i), "a", "b", label) for i, label in enumerate(NLI)]
    predictions, labels = tmp_path / "p.tsv", tmp_path / "l.tsv"
    Labels().write_predictions(predictions, examples, ["neutral", "entailment", "neutral"])
    assert Labels().write_labels(labels, examples)
    assert labels.read_bytes() == b"contradiction\nentailment\nneutral\n"
    aligned = Labels().align(predictions, labels, NLI)
    assert (aligned.ids, aligned.gold) == (["1", "2", "3"], list(NLI))
    assert aligned.predicted == ["neutral", "entailment", "neutral"]


@pytest.mark.parametrize("text", [b"0\r\n1\r\n", b"\xef\xbb\xbf0\n1\n", b"0\n1", b" 0 \n1\t\n", b"0\n1\n\n\n"])
def test_labels_are_read_whatever_ends_the_lines(files, text):
    assert files(Labels(), text, "0\n1\n", ("0", "1")).predicted == ["0", "1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"entailment\nentail\nneutral\n", r"predictions.tsv:2: unknown label 'entail'"),
        (b"entailment\n\nneutral\n", r"predictions.tsv:2: the line is blank"),
        (b"entailment\nneutral\n", r"predictions.tsv: 2 lines, but .*labels.tsv has 3"),
        (b"", r"predictions.tsv: the file is empty"),
        (b"\n\n", r"predictions.tsv: the file is empty"),
        (b"entailment\nneu\x00tral\nneutral\n", r"predictions.tsv:2: a NUL character"),
        (b"entailment\nneutral\n\xff\n", r"predictions.tsv:3: not UTF-8"),
        (b"entailment\nneutral\n\xed\xa0\x80\n", r"predictions.tsv:3: not UTF-8"),
        (b"entailment\rneutral\rneutral\n", r"predictions.tsv:1: a carriage return"),
        ("neutral\nneutral\nneutral\n".encode("utf-16"), r"predictions.tsv:1: not UTF-8"),
        ("entailment\u2028neutral\nneutral\nneutral\n".encode(), r"predictions.tsv:1: unknown label"),
    ],
)
def test_malformed_labels_are_refused(files, text, message):
    with pytest.raises(DataError, match=message):
        files(Labels(), text, "entailment\nneutral\nneutral\n", NLI)


def test_unknown_gold_labels_are_refused(files):
    with pytest.raises(DataError, match=r"labels.tsv:1: unknown label '-'"):
        files(Labels(), "neutral\n", "-\n", NLI)


def test_missing_files_and_folders_are_refused(tmp_path):
    labels = tmp_path / "l.tsv"
    labels.write_text("0\n")
    with pytest.raises(DataError, match="no such file"):
        Labels().align(tmp_path / "none.tsv", labels, ())
    with pytest.raises(DataError, match="cannot be read"):
        Labels().align(tmp_path, labels, ())


@pytest.mark.parametrize(
    ("form", "bare", "labelled"),
    [
        (Labels(), Pair("x", "a", "b", None), Pair("y", "a", "b", "0")),
        (Tags(), Tagged("x", ("a",), None), Tagged("y", ("a",), ("NOUN",))),
        (Choices(), Choice("x", "p", ("a", "b"), None), Choice("y", "p", ("a", "b"), 0)),
    ],
)
def test_unlabelled_examples_write_no_labels(tmp_path, form, bare, labelled):
    path = tmp_path / "labels"
    assert not form.write_labels(path, [bare, bare])
    assert not form.write_labels(path, [])
    assert not path.exists()
    with pytest.raises(DataError, match="'x'"):
        form.write_labels(path, [labelled, bare])
    assert not path.exists()


@pytest.mark.parametrize("label", ["a\nb", "a\rb", "a\0b", "\ufeffa", "\ufeff", " a", "a\t", "a\u3000"])
def test_a_label_that_would_be_read_as_another_one_is_not_written(tmp_path, label):
    with pytest.raises(DataError, match=r"p\.tsv:1: .* does not fit on a line"):
        Labels().write_predictions(tmp_path / "p.tsv", [Pair("1", "a", "b", None)], [label])
    assert not list(tmp_path.iterdir())


def test_only_a_file_begins_with_a_byte_order_mark(files, tmp_path):
    pairs = [Pair(str(number), "a", "b", None) for number in range(2)]
    Labels().write_predictions(tmp_path / "p.tsv", pairs, ["a", "\ufeffb"])
    assert files(Labels(), (tmp_path / "p.tsv").read_text(), "a\nb\n").predicted == ["a", "\ufeffb"]
    with pytest.raises(DataError, match=r"p\.tsv:2: .* does not fit on a line"):
        Labels().write_predictions(tmp_path / "p.tsv", pairs, ["a", "b "])


# one tag a line


def test_tags_that_are_written_are_read_back_the_same(tmp_path):
    examples = [Tagged("1", ("a", "b"), ("NOUN", "VERB")), Tagged("2", ("c",), ("PUNCT",))]
    predictions, labels = tmp_path / "p.tsv", tmp_path / "l.tsv"
    Tags().write_predictions(predictions, examples, [["VERB", "O"], ["PUNCT"]])
    assert Tags().write_labels(labels, examples)
    assert labels.read_bytes() == b"NOUN\nVERB\n\nPUNCT\n\n"
    aligned = Tags().align(predictions, labels, UPOS)
    assert (aligned.gold, aligned.predicted) == ([["NOUN", "VERB"], ["PUNCT"]], [["VERB", "O"], ["PUNCT"]])


@pytest.mark.parametrize(
    "text", ["NOUN\n\nVERB", "NOUN\n\nVERB\n", "NOUN\n\nVERB\n\n", "NOUN\r\n\r\nVERB\r\n", "NOUN\n \nVERB\n\n\n"]
)
def test_tags_are_read_with_or_without_a_blank_line_at_the_end(files, text):
    assert files(Tags(), text, "NOUN\n\nVERB\n").predicted == [["NOUN"], ["VERB"]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("NOUN\nNOUN\n\nNOUN\n", r"predictions.tsv:4: sentence 2: 1 tags, but 2 in .*labels.tsv:4"),
        ("NOUN\nNOUN\n\n\nVERB\nVERB\n", r"predictions.tsv:4: sentence 2: 0 tags"),
        ("NOUN\nNOUN\n", r"predictions.tsv: 1 sentences, but .*labels.tsv has 2"),
        ("NOUN\nNOUN\n\nNOUN\nNOUN\n\nNOUN\n", r"3 sentences, but .* has 2"),
        ("NOUN\nnoun\n\nNOUN\nNOUN\n", r"predictions.tsv:2: unknown label 'noun'"),
        ("NOUN\nword\tNOUN\n\nNOUN\nNOUN\n", r"predictions.tsv:2: unknown label"),
        ("", "the file is empty"),
    ],
)
def test_malformed_tags_are_refused(files, text, message):
    with pytest.raises(DataError, match=message):
        files(Tags(), text, "NOUN\nVERB\n\nVERB\nVERB\n", UPOS)


def test_words_before_tags_are_refused_without_a_label_set_too(files):
    with pytest.raises(DataError, match=r"predictions.tsv:1: 'word\\tNOUN' is more than a tag"):
        files(Tags(), "word\tNOUN\n", "NOUN\n")


def test_outside_tags_are_no_gold_parts_of_speech(files):
    with pytest.raises(DataError, match=r"labels.tsv:1: unknown label 'O'"):
        files(Tags(), "O\n", "O\n", UPOS)


def test_tags_must_be_one_a_word(tmp_path):
    with pytest.raises(DataError, match="2 words but 1 tags"):
        Tags().write_predictions(tmp_path / "p.tsv", [Tagged("1", ("a", "b"), None)], [["NOUN"]])


# answers


QUESTIONS = [
    Question("q1", "who?", "Anna met Otto.", (Answer("Anna", 0), Answer("Otto", 9))),
    Question("q2", "whom?", "Anna met Otto.", (Answer("Otto", 9),)),
    Question("q3", "why?", "\ufeffNobody knows.", (), impossible=True),
]


def test_answers_that_are_written_are_read_back_the_same(tmp_path):
    predictions, labels = tmp_path / "p.json", tmp_path / "l.json"
    Answers().write_predictions(predictions, QUESTIONS, ["Anna", "\u2028 Otto", ""])
    assert Answers().write_labels(labels, QUESTIONS)
    aligned = Answers().align(predictions, labels, ())
    assert aligned.ids == ["q1", "q2", "q3"]
    assert aligned.gold == [["Anna", "Otto"], ["Otto"], []]
    assert aligned.predicted == ["Anna", "\u2028 Otto", ""]
    assert aligned.clusters == [0, 0, 1]
    assert aligned.warnings == ()
    written = json.loads(labels.read_text(encoding="utf-8"))["data"][0]["paragraphs"]
    assert [paragraph["context"] for paragraph in written] == ["Anna met Otto.", "\ufeffNobody knows."]
    assert written[0]["qas"][0]["answers"][1] == {"text": "Otto", "answer_start": 9}


def test_unlabelled_questions_write_no_labels(tmp_path):
    bare = [Question("q1", "?", "c", ()), Question("q2", "?", "c", (Answer("", 0),))]
    assert not Answers().write_labels(tmp_path / "l.json", bare)
    assert not list(tmp_path.iterdir())


def test_missing_and_unknown_answers_are_warned_about(files):
    aligned = files(Answers(), {"b": "x", "zzz": "y"}, squad(("a", ["x"]), ("b", ["x"])))
    assert aligned.predicted == [None, "x"]
    assert len(aligned.warnings) == 2
    assert "1 of 2 questions have no prediction (first: 'a')" in aligned.warnings[0]
    assert "'zzz'" in aligned.warnings[1]


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        ("", "predictions.json: the file is empty"),
        ('{"a": "x"', r"predictions.json:1: not JSON"),
        ('{\n"a": "x",\n}', r"predictions.json:3: not JSON"),
        ('{"a": "x", "a": "y"}', "the key 'a' occurs twice"),
        ("[]", "expected a JSON object"),
        ("{}", "empty"),
        ('{"a": 1}', "'a' holds a number"),
        ('{"a": null}', "'a' holds null"),
        ('{"a": ["x"]}', "'a' holds an array"),
        ('{"a": "\\ud800"}', "lone surrogate at key 'a'"),
        ('{"\\udc00": "x", "a": "x"}', "lone surrogate at a key"),
        ('{"a": NaN}', "NaN is not JSON"),
        ("[" * 100_000, "JSON that cannot be read"),
        ('{"zzz": "x"}', "none of its 1 ids is in .*labels.json"),
        (b'{"a": "\xff"}', r"predictions.json:1: not UTF-8"),
    ],
)
def test_malformed_answers_are_refused(files, predictions, message):
    with pytest.raises(DataError, match=message):
        files(Answers(), predictions, squad(("a", ["x"])))


def test_escaped_pairs_of_surrogates_are_text(files):
    assert files(Answers(), '{"a": "\\ud83d\\ude00"}', squad(("a", ["😀"]))).predicted == ["😀"]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ({"version": "1.1"}, "the file has no key 'data'"),
        ({"data": {}}, "'data' of the file is an object"),
        ({"data": []}, "no questions"),
        ({"data": [{"paragraphs": [{"context": "c"}]}]}, r"data\[0\].paragraphs\[0\] has no key 'qas'"),
        ({"data": [{"paragraphs": [{"context": "c", "qas": [{"answers": []}]}]}]}, r"qas\[0\] has no key 'id'"),
        (squad(("a", [1])), "'text' of question 'a' is a number"),
        (squad(("a", [])), "question 'a' has no answers"),
        (squad(("a", ["x"]), ("a", ["x"])), "question 'a' occurs twice"),
        (squad(("a", [""]), ("b", [""])), "labels were stripped"),
        (squad(("a", ["x"]), is_impossible="no"), "'is_impossible' of question 'a' is a string"),
    ],
)
def test_malformed_answer_labels_are_refused(files, labels, message):
    with pytest.raises(DataError, match=rf"labels.json: .*{message}"):
        files(Answers(), {"a": "x"}, labels)


def test_two_questions_with_one_id_are_not_written(tmp_path):
    with pytest.raises(DataError, match="one id"):
        Answers().write_predictions(tmp_path / "p.json", [QUESTIONS[0]] * 2, ["a", "b"])


# choices


def test_choices_that_are_written_are_read_back_the_same(tmp_path):
    examples = [Choice(str(i), "p", ("a", "b"), i % 2) for i in range(3)]
    predictions, labels = tmp_path / "p.jsonl", tmp_path / "l.jsonl"
    Choices().write_predictions(predictions, examples, [1, 1, 0])
    assert Choices().write_labels(labels, examples)
    assert labels.read_text() == '{"label": 0}\n{"label": 1}\n{"label": 0}\n'
    aligned = Choices().align(predictions, labels, ())
    assert (aligned.gold, aligned.predicted) == ([0, 1, 0], [1, 1, 0])


def test_choice_labels_may_be_the_data_file(files):
    assert files(Choices(), '{"label": 1}\n', '{"premise": "p", "label": 1, "idx": 0}\n').gold == [1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1", ":2: expected a JSON object"),
        ('{"answer": 1}', ":2: expected a JSON object"),
        ('{"label": "1"}', ':2: "label" is a string'),
        ('{"label": true}', ':2: "label" is a boolean'),
        ('{"label": 1.0}', ':2: "label" is a number'),
        ('{"label": -1}', ":2: .*not the index"),
        ('{"label": 1, "label": 0}', ":2: the key 'label' occurs twice"),
        ('{"label": 1', ":2: not JSON"),
        ("", ":2: the line is blank"),
    ],
)
def test_malformed_choices_are_refused(files, line, message):
    with pytest.raises(DataError, match=f"predictions.jsonl{message}"):
        files(Choices(), f'{{"label": 0}}\n{line}\n{{"label": 0}}\n', '{"label": 0}\n' * 3)


# rows


def test_rows_follow_the_sorted_english_sentences(tmp_path):
    english = ["Zoo", "apple", "Éclair", "Bread"]
    examples = [Translation(str(i), f"f{i}", text) for i, text in enumerate(english)]
    assert sorted_english(examples) == [3, 0, 1, 2]  # code points: capitals, small letters, accents
    predictions, labels = tmp_path / "p.tsv", tmp_path / "l.tsv"
    Rows().write_predictions(predictions, examples, [3, 0, 2, 2])
    assert Rows().write_labels(labels, examples)
    assert labels.read_text() == "3\n0\n1\n2\n"
    aligned = Rows().align(predictions, labels, ())
    assert (aligned.gold, aligned.predicted) == ([3, 0, 1, 2], [3, 0, 2, 2])
    assert not Rows().write_labels(tmp_path / "none.tsv", [])


@pytest.mark.parametrize("line", ["[3]", "-1", "+1", "1.0", "007", "1_000", "٣", "3 4", "9" * 30])
def test_rows_that_are_no_plain_integers_are_refused(files, line):
    with pytest.raises(DataError, match=r"predictions.tsv:2: .* is not a row number"):
        files(Rows(), f"1\n{line}\n", "1\n2\n")


# pairs


def test_pairs_that_are_written_are_read_back_once_each(tmp_path):
    examples = [Sentence("de-1", "Hallo", False), Sentence("en-1", "Hello", True), GoldPair("de-1", "en-1")]
    predictions, labels = tmp_path / "p.tsv", tmp_path / "l.tsv"
    Pairs().write_predictions(predictions, examples, [("de-2", "en-2"), ("de-1", "en-1"), ("de-2", "en-2")])
    assert predictions.read_text() == "de-2\ten-2\nde-1\ten-1\n"
    assert Pairs().write_labels(labels, examples)
    aligned = Pairs().align(predictions, labels, ())
    assert aligned.ids == ["de-1\ten-1", "de-2\ten-2"]
    assert (aligned.gold, aligned.predicted) == ([True, False], [True, True])
    assert not Pairs().write_labels(tmp_path / "none.tsv", examples[:2])


def test_mining_may_find_nothing(files, tmp_path):
    Pairs().write_predictions(tmp_path / "p.tsv", [], [])
    aligned = files(Pairs(), (tmp_path / "p.tsv").read_bytes(), "a\tb\n")
    assert (aligned.gold, aligned.predicted) == ([True], [False])
    assert "no pairs" in aligned.warnings[0]


def test_repeated_pairs_count_once(files):
    aligned = files(Pairs(), "a\tb\r\na\tb\r\n", "a\tb\n")
    assert (aligned.gold, aligned.predicted) == ([True], [True])
    assert "1 repeated" in aligned.warnings[0]


@pytest.mark.parametrize(
    ("predictions", "labels", "message"),
    [
        ("a\tb\na b\n", "a\tb\n", r"predictions.tsv:2: 'a b' is not a pair"),
        ("a\tb\tc\n", "a\tb\n", r"predictions.tsv:1: .* is not a pair"),
        ("a\n", "a\tb\n", r"predictions.tsv:1: .* is not a pair"),
        ("a\tb\n\nc\td\n", "a\tb\n", r"predictions.tsv:2: '' is not a pair"),
        ("a\tb\n", "", "labels.tsv: the file is empty"),
    ],
)
def test_malformed_pairs_are_refused(files, predictions, labels, message):
    with pytest.raises(DataError, match=message):
        files(Pairs(), predictions, labels)


@pytest.mark.parametrize("pair", [("a\tb", "c"), ("a", ""), (" a", "c"), ("a\nb", "c")])
def test_ids_that_would_not_be_read_back_are_not_written(tmp_path, pair):
    with pytest.raises(DataError):
        Pairs().write_predictions(tmp_path / "p.tsv", [], [pair])
    assert not list(tmp_path.iterdir())


# rankings


def test_rankings_that_are_written_are_read_back_beside_all_queries(tmp_path, files):
    examples = [Sentence("a", "", False), Sentence("b", "", False)]
    Rankings().write_predictions(tmp_path / "p.json", examples, [["Q1", "Q2"], []])
    aligned = files(Rankings(), (tmp_path / "p.json").read_bytes(), {"a": ["Q2"], "b": ["Q3"], "c": ["Q1"]})
    assert aligned.gold == [["Q2"], ["Q3"], ["Q1"]]
    assert aligned.predicted == [["Q1", "Q2"], [], []]
    assert "1 of 3 queries" in aligned.warnings[0]
    assert not Rankings().write_labels(tmp_path / "l.json", examples)


@pytest.mark.parametrize(
    ("predictions", "labels", "message"),
    [
        ({"a": "Q1"}, {"a": ["Q1"]}, "predictions.json: 'a' holds a string"),
        ({"a": [1]}, {"a": ["Q1"]}, "predictions.json: 'a' contains something"),
        ({"a": ["Q1", "Q1"]}, {"a": ["Q1"]}, "predictions.json: 'a' ranks an id twice"),
        ({"a": ["Q1"]}, {"a": []}, "labels.json: query 'a' has no relevant id"),
        ({"a": ["Q1"]}, {"a": [""]}, "labels.json: 'a' contains something"),
        ({"b": ["Q1"]}, {"a": ["Q1"]}, "none of its 1 ids"),
    ],
)
def test_malformed_rankings_are_refused(files, predictions, labels, message):
    with pytest.raises(DataError, match=message):
        files(Rankings(), predictions, labels)


# files


def test_the_path_of_a_unit_is_its_task_split_and_language(tmp_path):
    assert Labels().path(tmp_path, "xnli", "sw") == tmp_path / "xnli" / "test-sw.tsv"
    assert Choices().path(tmp_path, "xcopa", "et", "dev") == tmp_path / "xcopa" / "dev-et.jsonl"


def test_writing_makes_folders_and_replaces(tmp_path):
    path = tmp_path / "deep" / "file.txt"
    write_atomic(path, "old")
    write_atomic(path, b"\xef\xbb\xbfnew\r\n")
    assert read_text(path) == "new\r\n"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, broken):
    path = tmp_path / "file.txt"
    write_atomic(path, "old")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync" if broken == "fsync" else "pathlib.Path.replace", full)
    with pytest.raises(DataError, match="No space left"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "file.txt"
    write_atomic(path, "old")

    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_text_that_is_not_unicode_is_not_written(tmp_path):
    with pytest.raises(DataError, match="not a Unicode character"):
        Answers().write_predictions(tmp_path / "p.json", QUESTIONS[:1], ["\ud800"])
    assert not list(tmp_path.iterdir())
