"""Answers scored from files against the official rules, stated here a second time and in another way.

The rules are those of the evaluation scripts of SQuAD v1.1 (XQuAD and TyDiQA-GoldP) and of MLQA, as XTREME's scorer
calls them: a question without a prediction adds nothing and still counts; a prediction of nothing is a prediction.
"""

from __future__ import annotations

import json
import re
import string
import tempfile
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_folders import write_run

from harness.analysis.answers import answers
from harness.analysis.breakdown._items import task_items
from harness.api import breakdown, compare, score
from harness.core.errors import DataError
from harness.registry.default import get_registry
from harness.results.systems import load_runs
from harness.scoring.files import score_unit
from harness.scoring.formats.answers import Answers
from harness.scoring.formats.pairs import Pairs
from harness.scoring.formats.rankings import Rankings
from harness.scoring.metrics import get_metric

LANGUAGES = {
    "xquad": "en es de el ru tr ar vi th zh hi".split(),
    "mlqa": "en es de ar hi vi zh".split(),
    "tydiqa": "en ar bn fi id ko ru sw te".split(),
}
MLQA_ARTICLES = {
    "en": "a an the",
    "es": "un una unos unas el la los las",
    "de": "ein eine einen einem eines einer der die das den dem des",
    "vi": "của là cái chiếc những",
}


# the rules


def words(text: str, task: str, language: str) -> list[str]:
    """Lower case, punctuation, articles, white space, in this order."""
    unicode_marks = task == "mlqa"
    kept = [
        mark
        for mark in text.lower()
        if mark not in string.punctuation and not (unicode_marks and unicodedata.category(mark)[0] == "P")
    ]
    if unicode_marks and language == "zh":
        return "".join(f" {mark} " if "\u4e00" <= mark <= "\u9fa5" else mark for mark in kept).split()
    if unicode_marks and language == "ar":
        return "".join(kept).replace("ال", " ").split()
    articles = (MLQA_ARTICLES.get(language, "") if unicode_marks else "a an the").split()
    runs = re.split(r"(\w+)", "".join(kept))
    return "".join(" " if run in articles else run for run in runs).split()


def overlap(guess: list[str], right: list[str]) -> float:
    left, shared = list(right), 0
    for word in guess:
        if word in left:
            left.remove(word)
            shared += 1
    if shared == 0:  # also where both are empty: exact match and F1 disagree then
        return 0.0
    precision, recall = shared / len(guess), shared / len(right)
    return 2 * precision * recall / (precision + recall)


def official(
    task: str, language: str, questions: dict[str, list[str]], predictions: dict[str, str]
) -> dict[str, float]:
    exact = shared = 0.0
    for name in questions.keys() & predictions.keys():
        guess = words(predictions[name], task, language)
        answers = [words(answer, task, language) for answer in questions[name]]
        exact += any(" ".join(guess) == " ".join(answer) for answer in answers)
        shared += max(overlap(guess, answer) for answer in answers)
    return {"exact_match": 100 * exact / len(questions), "f1": 100 * shared / len(questions)}


# files


def squad(questions: dict[str, list[str]]) -> str:
    entries = [
        {"id": name, "question": "?", "answers": [{"text": answer, "answer_start": 0} for answer in answers]}
        for name, answers in questions.items()
    ]
    halves = [entries[::2], entries[1::2]]
    paragraphs = [{"context": f"context {i}", "qas": half} for i, half in enumerate(halves) if half]
    return json.dumps({"data": [{"paragraphs": paragraphs}]})


def write(folder: Path, side: str, task: str, language: str, text: str) -> Path:
    path = folder / side / task / f"test-{language}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


PIECES = [
    "", " ", "a", "The", "an", "THE a", "...", "“”", "。", "-", "the!", "cat", "Cat.", "a cat", "cat cat", "the-cat",
    "theme", "北京", "在北京，中国", "ال", "البيت", "بيت", "ein", "der Hund", "el", "của", "là nhà", "।", "دلهي؟", "a\u2028b",
]  # fmt: skip
ANSWER = st.one_of(
    st.sampled_from(PIECES),
    st.lists(st.sampled_from(PIECES), min_size=2, max_size=4).map(" ".join),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=6),
)
QUESTION = st.tuples(st.lists(ANSWER, min_size=1, max_size=3), st.none() | ANSWER)


@st.composite
def submissions(draw):
    """Questions and predictions of a unit; the first question keeps the files from being refused as a whole."""
    drawn = draw(st.lists(QUESTION, max_size=7))
    questions = {"first": ["cat"]} | {f"q{i}": answers for i, (answers, _) in enumerate(drawn)}
    predictions = {"first": draw(ANSWER)} | {f"q{i}": guess for i, (_, guess) in enumerate(drawn) if guess is not None}
    return questions, predictions


@settings(max_examples=60, deadline=None)
@given(st.lists(submissions(), min_size=1, max_size=3), st.randoms(use_true_random=False))
def test_random_submissions_score_as_the_official_rules_say(units, random):
    with tempfile.TemporaryDirectory() as name:
        folder, expected = Path(name), {}
        for task, codes in LANGUAGES.items():
            for code in codes:
                questions, predictions = random.choice(units)
                write(folder, "labels", task, code, squad(questions))
                write(folder, "predictions", task, code, json.dumps(predictions))
                expected[task, code] = official(task, code, questions, predictions)
        scored = score(folder / "predictions", folder / "labels")
    for task, codes in LANGUAGES.items():
        found = scored.tasks[task].metrics
        for number in ("exact_match", "f1"):
            values = {code: expected[task, code][number] for code in codes}
            assert {code: found[number].languages[code].value for code in codes} == pytest.approx(values), (
                task,
                number,
            )
            assert found[number].average == pytest.approx(sum(values.values()) / len(values))


# whatever scores answers


@pytest.mark.parametrize("metric", ["squad", "squad2", "mlqa"])
@pytest.mark.parametrize("gold", [[], [""], ["a"], ["The...", "cat"], ["cat"]], ids=str)
def test_a_question_without_a_prediction_scores_0_whatever_its_gold_is(metric, gold):
    statistics = get_metric(metric).statistics([gold], [None], "en")
    assert statistics.tolist() == [[0, 0, 1]]


def test_a_prediction_of_nothing_is_scored_by_the_usual_rule():
    gold, nothing = [["the"], ["cat"], []], ["", "", ""]
    assert get_metric("squad").statistics(gold, nothing, "en").tolist() == [[1, 0, 1], [0, 0, 1], [1, 1, 1]]
    assert get_metric("squad2").statistics(gold, nothing, "en").tolist() == [[1, 1, 1], [0, 0, 1], [1, 1, 1]]


@pytest.mark.parametrize(
    ("form", "metrics", "labels", "predictions"),
    [
        (Rankings(), ("reciprocal_rank", "average_precision"), '{"a": ["Q1"], "b": ["Q2"]}', '{"a": ["Q1"]}'),
        (Pairs(), ("mining_f1",), "a\tb\nc\td\n", "a\tb\n"),
    ],
)
def test_queries_and_pairs_without_a_prediction_score_0_and_count(tmp_path, form, metrics, labels, predictions):
    for name, text in (("p", predictions), ("l", labels)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for name in metrics:
        metric = get_metric(name)
        unit = score_unit("x", metric, form, "en", tmp_path / "p", tmp_path / "l", ())
        assert unit.n == 2 and unit.metrics[metric.primary[0]].value == pytest.approx(200 / 3 if "f1" in name else 50)


def test_a_metric_that_cannot_score_a_missing_prediction_refuses_the_file(tmp_path):
    (tmp_path / "l.json").write_text(squad({"q1": ["cat"], "q2": ["dog"]}), encoding="utf-8")
    (tmp_path / "p.json").write_text('{"q1": "cat"}', encoding="utf-8")
    metric = get_metric("evaluate:anything")
    with pytest.raises(DataError, match=r"p\.json: 1 of 2 items have no prediction") as caught:
        score_unit("x", metric, Answers(), "en", tmp_path / "p.json", tmp_path / "l.json", ())
    assert "a prediction for every item" in caught.value.hint


# whatever looks at the items of a run


@pytest.fixture
def two_runs(tmp_path):
    """Runs on four questions, two of them on articles alone: the first leaves these out, the second answers nothing."""
    questions = {"q1": ["cat"], "q2": ["the"], "q3": ["a"], "q4": ["dog"]}
    given = [{"q1": "cat", "q4": "cow"}, {"q1": "cat", "q2": "", "q3": "", "q4": "cow"}]
    return [
        write_run(tmp_path / name, {"xquad": {"en": (squad(questions), json.dumps(predictions))}}, seed=seed)
        for seed, (name, predictions) in enumerate(zip(("left_out", "empty"), given, strict=True))
    ]


def test_items_and_breakdowns_of_a_run_leave_missing_answers_at_0(two_runs):
    for folder, exact in zip(two_runs, (25.0, 75.0), strict=True):
        (system,) = load_runs([folder])
        (unit,) = task_items(system, "xquad", get_registry(), None)
        assert unit.items.statistics[:, 0].mean() == exact / 100
        (by_script,) = breakdown(folder, attributes=["script"])
        (latin,) = by_script.buckets
        assert (latin.n, latin.score.value) == (4, pytest.approx((exact + 25) / 2))


def test_a_comparison_sees_a_missing_answer_as_wrong(two_runs):
    found = compare(two_runs, resamples=100)
    line = found.tasks["xquad"].languages["en"].metrics["exact_match"]
    assert line.scores == (25.0, 75.0) and line.differences[0].value == 50.0


def test_answers_tell_a_missing_one_from_an_empty_one(two_runs):
    (found,) = answers(load_runs(two_runs), get_registry())
    shown = {item.id: [dict(each.parts)["predicted"] for each in item.answers] for item in found.items}
    assert [unit.wrong for unit in found.units] == [3, 3]
    assert shown["q2"] == shown["q3"] == ["no prediction", "no answer"] and shown["q4"] == ["cow", "cow"]
