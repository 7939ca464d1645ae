"""The metric of written texts: against sacrebleu and rouge-score, and rates of wrong languages on made systems."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from harness.core.errors import UsageError
from harness.data.sample import sample_languages, sample_text
from harness.scoring.files import score_unit
from harness.scoring.formats.texts import Reference, Texts
from harness.scoring.metrics import get_metric
from harness.scoring.metrics.generation import bleu_tokenizer, words

LETTERS = st.text("ab cé中文ф, .", max_size=30)
PAIRS = st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=6)


@settings(max_examples=60, deadline=None)
@given(PAIRS, st.sampled_from(["en", "zh", "th"]))
def test_chrf_and_bleu_of_the_sums_are_those_of_sacrebleu(pairs: list[tuple[str, str]], code: str) -> None:
    gold, written = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    found = get_metric("generation").compute(gold, written, code)
    assert found["chrf"] == pytest.approx(CHRF().corpus_score(written, [gold]).score, abs=1e-9)
    expected = BLEU(tokenize=bleu_tokenizer(code), force=True).corpus_score(written, [gold]).score
    assert found["bleu"] == pytest.approx(expected, abs=1e-9)


def test_rouge_l_is_that_of_rouge_score_where_its_own_tokens_will_do() -> None:
    gold = ["the cat sat on the mat", "a dog runs over there", "nothing"]
    written = ["the cat sat on a mat today", "there runs a dog", ""]
    expected = [RougeScorer(["rougeL"]).score(*pair)["rougeL"].fmeasure for pair in zip(gold, written, strict=True)]
    found = get_metric("generation").compute(gold, written, "en")
    assert found["rouge_l"] == pytest.approx(100 * np.mean(expected))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("It's 3.5 km, isn't it?", ["it", "s", "3", "5", "km", "isn", "t", "it"]),
        ("Straße ÉCOLE", ["straße", "école"]),
        ("बड़ी किताब।", ["बड़ी", "किताब"]),  # vowel signs stay with their letters
        ("我爱GPT四。", ["我", "爱", "gpt", "四"]),
        ("الكتابُ الكبير", ["الكتابُ", "الكبير"]),
    ],
)
def test_tokens_of_rouge_are_words_of_any_script(text: str, tokens: list[str]) -> None:
    assert words(text) == tokens


def languages_of(code: str, count: int = 40) -> list[str]:
    return [text for text in sample_text(code)[::50] if sum(map(str.isalpha, text)) >= 10][:count]


@pytest.mark.parametrize("code", sample_languages())
def test_a_system_that_copies_english_is_always_wrong_but_in_english(code: str) -> None:
    english, own = languages_of("en"), languages_of(code)
    found = get_metric("generation").compute(own, english[: len(own)], code)
    assert found["wrong_language"] == (0 if code == "en" else 100)
    assert found["english"] == 100
    assert found["wrong_script"] == (0 if code in ("en", "de", "es", "fr", "sw") else 100)
    assert found["wrong_language_of_references"] <= 5


@pytest.mark.parametrize("code", ["de", "sw", "zh", "hi"])
def test_half_of_the_texts_in_english_are_half_of_the_rate(code: str) -> None:
    own = languages_of(code, 40)
    mixed = [text if row % 2 else languages_of("en")[row] for row, text in enumerate(own)]
    found = get_metric("generation").compute(own, mixed, code)
    assert found["wrong_language"] == pytest.approx(50, abs=5)
    assert found["rouge_l_right_language"] == pytest.approx(100) and found["rouge_l"] < 75
    assert found["chrf_right_language"] == pytest.approx(100) and found["bleu_right_language"] == pytest.approx(100)


def test_short_and_empty_texts_have_no_language_and_are_counted() -> None:
    gold = ["Paris", "in einem kleinen Haus am See", "das rote Haus der alten Frau", "Berlin"]
    written = ["Paris", "", "das rote Haus der alten Frau", None]
    found = get_metric("generation").compute(gold, written, "de")
    assert (found["short"], found["empty"], found["wrong_language"]) == (25, 50, 0)
    assert found["rouge_l_right_language"] == 100 and found["rouge_l"] == 50


def test_where_the_identifier_is_too_weak_the_script_alone_is_judged() -> None:
    gold = ["hai con chó đang chạy qua cánh đồng"] * 2
    found = get_metric("generation").compute(gold, [gold[0], "две собаки бегут через поле"], "vi")
    assert found["wrong_script"] == 50 and found["rouge_l"] == 50
    assert not {"wrong_language", "english", "rouge_l_right_language", "wrong_language_of_references"} & set(found)


def test_a_reference_may_be_in_a_language_of_its_own() -> None:
    text = "two dogs are running across a field"
    metric = get_metric("generation")
    assert metric.compute([Reference(text, "en")], [text], "de")["wrong_language"] == 0
    assert metric.compute([Reference(text)], [text], "de")["wrong_language"] == 100


def test_another_identifier_is_named_in_the_metric() -> None:
    pytest.importorskip("py3langid")
    metric = get_metric("generation:langid")
    czech = "muž spí na gauči v zeleném pokoji a pes leží na podlaze"
    assert metric.name == "generation:langid"
    assert metric.compute([czech], [czech], "cs")["wrong_language"] == 0
    assert metric.compute([czech], ["a man sleeps on a couch in a green room"], "cs")["english"] == 100


def test_an_identifier_that_does_not_exist_or_is_not_installed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="language_id"):
        get_metric("generation:guess").check_usable()
    monkeypatch.setattr("harness.data.language_id.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="lingua-language-detector"):
        get_metric("generation:lingua").check_usable()


def test_libraries_that_are_missing_are_named_before_anything_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.scoring.metrics.generation.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="sacrebleu and rouge-score") as error:
        get_metric("generation").check_usable()
    assert error.value.hint == "pip install 'xtreme-harness[generation]'"


def files(folder: Path, gold: list[dict[str, str]], written: list[dict[str, str]]) -> tuple[Path, Path]:
    paths = folder / "predictions.jsonl", folder / "labels.jsonl"
    for path, rows in zip(paths, (written, gold), strict=True):
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return paths


def test_files_are_scored_with_intervals(tmp_path: Path) -> None:
    gold = [{"id": str(i), "text": text} for i, text in enumerate(languages_of("de"))]
    written = [
        {"id": row["id"], "text": languages_of("en")[0] if i < 10 else row["text"]} for i, row in enumerate(gold)
    ]
    found = score_unit("t", get_metric("generation"), Texts(), "de", *files(tmp_path, gold, written[::-1]), ())
    rate = found.metrics["wrong_language"]
    assert rate.value == pytest.approx(25) and rate.low < 25 < rate.high
    assert found.metrics["chrf"].low < found.metrics["chrf"].value < found.metrics["chrf"].high
