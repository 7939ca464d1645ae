"""Breakdowns: buckets are sums of items, attributes say what they say, and a plugin may bring its own."""

from __future__ import annotations

import json
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.analysis.breakdown import attributes as first_party
from harness.analysis.breakdown._buckets import BUCKETS, buckets
from harness.analysis.breakdown._context import TaskContext, UnitContext
from harness.api import breakdown, evaluate
from harness.cli.main import main
from harness.core.errors import DataError, PluginError, UsageError
from harness.data.sample import write_sample_corpus
from harness.registry.default import get_registry
from harness.registry.registry import Registry
from harness.types.examples import Answer, Pair, Question, Tagged
from harness.types.options import EvalOptions


def unit(language: str = "en", train: tuple[Tagged, ...] = ()) -> UnitContext:
    return UnitContext(TaskContext("anything", lambda: train, lambda: None), language)


@given(st.lists(st.none() | st.integers(-50, 50) | st.floats(-5, 5), max_size=80))
def test_numbers_are_cut_so_that_equal_ones_stay_together(values: list[float | None]) -> None:
    names, places = buckets(values)
    assert len(places) == len(values) and len(names) <= BUCKETS
    assert [place == -1 for place in places] == [value is None for value in values]
    members = [[v for v, p in zip(values, places, strict=True) if p == i and v is not None] for i in range(len(names))]
    assert all(members)
    assert all(max(left) < min(right) for left, right in pairwise(members))


@given(st.lists(st.integers(0, 10**6), min_size=40, max_size=200, unique=True))
def test_buckets_of_distinct_numbers_are_alike_in_size(values: list[int]) -> None:
    _, places = buckets(values)
    sizes = [places.count(index) for index in range(BUCKETS)]
    assert max(sizes) - min(sizes) <= 1


def test_few_values_are_their_own_buckets_and_the_rest_are_other() -> None:
    assert buckets(["b", None, "a", "b"]) == (["b", "a"], [0, -1, 1, 0])
    assert buckets([]) == ([], [])
    assert buckets([3, 1, 1, 2]) == (["1", "2", "3"], [2, 0, 0, 1])
    names, places = buckets([f"w{i}" for i in range(100)])
    assert names[-1] == "other" and places.count(len(names) - 1) == 100 - len(names) + 1


def test_attributes_of_examples_equal_values_counted_by_hand() -> None:
    asked = [
        Question("1", "Who came?", "Mary Ann came in 1999.", (Answer("Mary Ann", 0),)),
        Question("2", "When?", "Mary Ann came in 1999.", (Answer("1999", 17),)),
        Question("3", "When?", "It was in May 1999.", (Answer("May 1999", 10),)),
        Question("4", "What?", "the red cat", (Answer("red cat", 4),)),
        Question("5", "What?", "the red cat", (Answer("cat", 8),)),
        Question("6", "What?", "the red cat", (), impossible=True),
    ]
    assert first_party.answer_type(asked, unit()) == ["name", "number", "with digits", "phrase", "word", "none"]
    assert first_party.answer_type([Question("7", "谁?", "王明", (Answer("王明", 0),))], unit("zh")) == ["other script"]
    assert first_party.answer_length(asked, unit()) == [8, 4, 8, 7, 3, None]
    assert first_party.question_length(asked, unit())[0] == 9
    pairs = [Pair("1", "abcd", "ab cd", "x"), Pair("2", "abcd", "zzzz", "x"), Pair("3", "abcd", "", "x")]
    assert first_party.overlap(pairs, unit()) == [1.0, 0.0, None]
    assert first_party.overlap([Pair("1", "abxcd", "abcd", "x")], unit()) == [pytest.approx(2 / 3)]
    tagged = [
        Tagged("1", ("New", "York", "and", "Paris"), ("B-LOC", "I-LOC", "O", "B-LOC")),
        Tagged("2", ("Rome", "Mary", "Ann"), ("B-LOC", "B-PER", "I-PER")),
        Tagged("3", ("nothing",), ("O",)),
    ]
    assert first_party.entities(tagged, unit()) == [2, 2, 0]
    assert first_party.entity_length(tagged, unit()) == [2, 2, None]
    train = (Tagged("t", ("Paris", "Mary", "Ann"), ("B-LOC", "B-PER", "I-PER")),)
    assert first_party.entity_novelty(tagged, unit(train=train)) == [0.5, 0.5, None]
    assert first_party.entities([Tagged("4", ("runs",), ("VERB",))], unit()) == [None]
    assert first_party.script(tagged, unit("hi")) == ["Deva"] * 3


SELECTED = ["xnli[en,de,zh]", "panx[en,sw]", "xquad[en,ru]", "tatoeba[de,ru]", "bucc2018[de]"]


@pytest.fixture(scope="module")
def run(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "random"
    evaluate("baseline:random", SELECTED, out=out, options=EvalOptions(data_dir=str(corpus), offline=True))
    return out


def test_buckets_add_up_to_the_task(run: Path, corpus: Path) -> None:
    found = breakdown(run, data_dir=corpus)
    record = json.loads((run / "record.json").read_text())
    applied: dict[str, set[str]] = {}
    for part in found:
        applied.setdefault(part.task, set()).add(part.attribute)
        items = sum(entry["score"]["n"] for key, entry in record["units"].items() if key.startswith(part.task + "/"))
        assert sum(bucket.n for bucket in part.buckets) == part.n == items - part.left_out
        for bucket in part.buckets:
            assert bucket.n == sum(n for n, _ in bucket.languages.values()) > 0
            if bucket.score.low is not None and bucket.score.high is not None:
                assert bucket.score.low - 1e-9 <= bucket.score.value <= bucket.score.high + 1e-9
    assert {"language", "script", "length", "overlap"} <= applied["xnli"]
    assert {"entities", "entity-length", "entity-novelty", "length"} <= applied["panx"]
    assert {"answer-type", "answer-length", "question-length", "context-length", "overlap"} <= applied["xquad"]
    assert "length" in applied["tatoeba"]
    assert "tokens-per-word" not in applied["xnli"]  # a baseline has no tokenizer


def test_a_bucket_of_a_language_is_its_score(run: Path, corpus: Path) -> None:
    record = json.loads((run / "record.json").read_text())
    for part in breakdown(run, attributes=["language"], data_dir=corpus):
        for bucket in part.buckets:
            metrics = record["units"][f"{part.task}/{bucket.name}/test"]["score"]["metrics"]
            names = record["primary"][part.task]
            assert bucket.score.value == pytest.approx(sum(metrics[name]["value"] for name in names) / len(names))
            if len(names) == 1:
                assert bucket.score.low == pytest.approx(metrics[names[0]]["low"])


def test_buckets_of_labels_are_recall_and_precision(run: Path, corpus: Path) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    found = {part.attribute: part for part in breakdown(run, tasks=["xnli"], languages=["de"], data_dir=corpus)}
    gold, predicted = ((run / side / "xnli" / "test-de.tsv").read_text().split() for side in ("labels", "predictions"))
    labels = sorted(set(gold))
    precision, recall, _, support = precision_recall_fscore_support(gold, predicted, labels=labels)
    by_gold = {bucket.name: bucket for bucket in found["gold-label"].buckets}
    by_guess = {bucket.name: bucket for bucket in found["predicted-label"].buckets}
    assert [by_gold[label].score.value for label in labels] == pytest.approx(list(100 * recall))
    assert [by_guess[label].score.value for label in labels] == pytest.approx(list(100 * precision))
    assert [by_gold[label].n for label in labels] == list(support)


def test_questions_and_tagged_sentences_have_no_single_label(run: Path, corpus: Path) -> None:
    found = breakdown(run, attributes=["gold-label", "predicted-label"], data_dir=corpus)
    assert {part.task for part in found} == {"xnli"}


def test_a_bucket_is_scored_from_its_examples(run: Path, corpus: Path) -> None:
    """Accuracy by length, counted by hand from the files."""
    (part,) = breakdown(run, tasks=["xnli"], languages=["en"], attributes=["length"], data_dir=corpus)
    from harness.data.sources import load_examples

    task = get_registry().task("xnli")
    examples = load_examples(task, task.languages["en"]["test"], data_dir=corpus).examples
    predicted = (run / "predictions/xnli/test-en.tsv").read_text().split()
    for bucket in part.buckets:
        ends = [int(end) for end in bucket.name.split("–")]
        inside = [
            guess == example.label  # type: ignore[attr-defined]
            for example, guess in zip(examples, predicted, strict=True)
            if ends[0] <= len(f"{example.a} {example.b}") <= ends[-1]  # type: ignore[attr-defined]
        ]
        assert len(inside) == bucket.n and bucket.score.value == pytest.approx(100 * sum(inside) / len(inside))


OF_UNITS = {"language", "script", "gold-label", "predicted-label"}
"""Attributes that need no data."""


def test_without_data_there_are_the_language_and_the_labels(run: Path, tmp_path: Path) -> None:
    assert {part.attribute for part in breakdown(run, data_dir=tmp_path)} == OF_UNITS


def test_other_data_are_not_taken_for_those_that_were_scored(run: Path, tmp_path: Path) -> None:
    write_sample_corpus(tmp_path / "other", size="tiny", seed=1)
    found = breakdown(run, tasks=["xnli"], data_dir=tmp_path / "other")
    assert {part.attribute for part in found} == OF_UNITS


def test_a_changed_file_is_an_error(run: Path, corpus: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    path = copy / "predictions" / "xnli" / "test-de.tsv"
    path.write_text(path.read_text().replace("neutral", "entailment"))
    with pytest.raises(DataError, match="not the file that was scored"):
        breakdown(copy, tasks=["xnli"], data_dir=corpus)


def test_an_unknown_attribute_or_task_is_refused_by_name(run: Path) -> None:
    with pytest.raises(UsageError, match="unknown attribute 'lenght'"):
        breakdown(run, attributes=["lenght"])
    with pytest.raises(UsageError, match="no task 'xnil'"):
        breakdown(run, tasks=["xnil"])


def test_an_attribute_of_a_plugin_is_broken_down_and_must_have_a_value_for_each_example(
    run: Path, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "marks.py").write_text(
        "def marks(examples, unit):\n"
        "    return [f'{unit.task} {unit.language} ' + e.label for e in examples]\n"
        "def short(examples, unit):\n"
        "    return [1]\n"
    )
    plugin = tmp_path / "marks_plugin.py"
    plugin.write_text(
        "from harness import Attribute, Pair, hookimpl\n"
        "@hookimpl\n"
        "def harness_attributes():\n"
        "    yield Attribute('marks', (Pair,), 'marks:marks')\n"
        "    yield Attribute('short', (Pair,), 'marks:short')\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    registry = Registry([plugin])
    registry.check()
    (part,) = breakdown(run, languages=["de", "ru"], attributes=["marks"], data_dir=corpus, registry=registry)
    assert part.task == "xnli"
    assert {bucket.name for bucket in part.buckets} == {
        f"xnli de {label}" for label in ("contradiction", "entailment", "neutral")
    }
    with pytest.raises(PluginError, match="1 values for"):
        breakdown(run, attributes=["short"], data_dir=corpus, registry=registry)


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("Attribute('a', Pair, 'm:f')", "examples must be a tuple"),
        ("Attribute('a', (Pair,), 'm')", "compute"),
        ("Attribute('A b', (Pair,), 'm:f')", "a name is made of"),
    ],
)
def test_a_wrong_attribute_is_refused_when_loaded(tmp_path: Path, line: str, wrong: str) -> None:
    plugin = tmp_path / "wrong.py"
    plugin.write_text(
        f"from harness import Attribute, Pair, hookimpl\n@hookimpl\ndef harness_attributes():\n    yield {line}\n"
    )
    with pytest.raises(PluginError, match=wrong):
        Registry([plugin]).check()


def test_the_breakdown_command_prints_tables_and_json_and_refuses_unknown_attributes(
    run: Path, corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["breakdown", str(run), "--task", "xquad", "--data-dir", str(corpus)]) == 0
    shown = capsys.readouterr().out
    assert "answer-type" in shown and "±" in shown and "xnli" not in shown
    assert main(["breakdown", str(run), "--attribute", "length,script", "--data-dir", str(corpus), "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)
    assert {part["attribute"] for part in parts} == {"length", "script"}
    assert all(0 <= bucket["score"] <= 100 for part in parts for bucket in part["buckets"])
    assert main(["breakdown", "--list"]) == 0
    assert {line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]} == set(get_registry().attributes())
    assert main(["breakdown"]) == 2
    assert main(["breakdown", str(run), "--attribute", "lenght"]) == 2


def test_the_report_page_has_attributes_of_examples_only_where_the_data_is_given(
    run: Path, corpus: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    assert main(["report", str(run), "-o", str(page), "--data-dir", str(corpus)]) == 0
    text = page.read_text()
    section = text[text.index('<section id="breakdown">') :]
    section = section[: section.index("</section>")]
    assert "answer-type" in section and "entity-novelty" in section and "tokens-per-word" not in section
    assert main(["report", str(run), "-o", str(page)]) == 0
    section = page.read_text().partition('<section id="breakdown">')[2].partition("</section>")[0]
    assert "predicted-label" in section and "answer-type" not in section and "length" not in section
