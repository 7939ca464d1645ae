"""``--test-on translated``: the English of the test text is scored in its place, and never passes for the text itself."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Answer, Choice, Pair, Question, Tagged
from harness.api import compare, evaluate
from harness.core.errors import DataError, UsageError
from harness.data.sources import load_examples
from harness.leaderboard.export import export_row
from harness.registry.default import get_registry
from harness.results.examples import scored_examples
from harness.results.run_view import view
from harness.run import Run
from harness.types.examples import Example
from harness.types.options import EvalOptions


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture(scope="module")
def untranslated(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample corpus without the translations in it."""
    folder = tmp_path_factory.mktemp("untranslated") / "corpus"
    return Path(shutil.copytree(corpus, folder, ignore=shutil.ignore_patterns("translated")))


@pytest.fixture
def run(untranslated: Path, small_model: Path, tmp_path: Path) -> Callable[..., Run]:
    def of(*languages: str, out: str = "run", test_on: str = "translated", **options: Any) -> Run:
        chosen = EvalOptions(
            data_dir=f"{tmp_path / 'data'}{os.pathsep}{untranslated}",
            offline=True,
            device="cpu",
            recipe="tiny",
            train_limit=16,
            test_on=test_on,
            overrides={"max_steps": 1},
            **options,
        )
        return evaluate(str(small_model), "xnli", languages=languages, out=tmp_path / out, options=chosen)

    (tmp_path / "data").mkdir()
    return of


@pytest.fixture
def english(corpus: Path) -> list[Pair]:
    """The English test set of XNLI, to which those of other languages are parallel."""
    xnli = get_registry().task("xnli")
    found = load_examples(xnli, xnli.languages["en"]["test"], data_dir=corpus, offline=True).examples
    return [one for one in found if isinstance(one, Pair)]


def rows(english: list[Pair]) -> list[dict[str, Any]]:
    """Translations without labels, in another order than the test set."""
    return [{"premise": one.a, "hypothesis": one.b, "source": one.id} for one in reversed(english)]


def test_the_translation_is_scored_under_the_ids_and_labels_of_the_text(
    run: Callable[..., Run], tmp_path: Path, english: list[Pair]
) -> None:
    write(tmp_path / "data", "translated/xnli/de/test-en.jsonl", rows(english))
    (tmp_path / "data/translated/xnli/about.toml").write_text(
        'origin = "machine_translation"\nsystem = "our own"\n', encoding="utf-8"
    )
    found = run("en", "de")
    units = found.record["units"]
    folder = found.path
    predictions = {code: units[f"xnli/{code}/test"]["predictions"]["sha256"] for code in ("en", "de")}
    assert predictions["en"] == predictions["de"]  # the same English text, whose rows are found by their sources
    moved = [{"from": "de", "to": "en", "origin": "machine_translation", "system": "our own"}]
    assert units["xnli/de/test"]["resources"]["translations_test"] == moved
    assert not units["xnli/en/test"]["resources"]["translations_test"]
    assert "test-en.jsonl" in units["xnli/de/test"]["data"]["source"]
    row = export_row(folder, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    assert row["setting"] == "translate_test" and row["system"].endswith("translated test text")
    seen = view(found.record, "x", folder)
    assert seen.model.endswith(", on translated test text")
    shown = scored_examples(seen, "xnli", "de", get_registry(), f"{tmp_path / 'data'}{os.pathsep}{tmp_path}")
    assert shown == ()  # the German set is not there
    trained = run("de", out="both", train_on=("xnli[de]",))
    row = export_row(trained.path, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    assert row["setting"] == "translate_train+test"


def test_it_is_compared_with_the_text_itself_item_by_item(
    run: Callable[..., Run], english: list[Pair], tmp_path: Path
) -> None:
    write(tmp_path / "data", "translated/xnli/de/test-en.jsonl", rows(english))
    translated, plain = run("en", "de"), run("en", "de", out="plain", test_on="original")
    found = compare([plain.path, translated.path])
    assert found.tasks["xnli"].languages["en"].differences[0].value == 0
    scores = [each.scores.tasks["xnli"].metrics["accuracy"].languages["de"].value for each in (plain, translated)]
    assert found.tasks["xnli"].languages["de"].scores == pytest.approx(scores)
    assert "scored on the English translation of the test text: run" in found.notes
    with pytest.raises(DataError, match="numbers of examples"):
        compare([run("en", "de", out="few", test_on="original", limit=5).path, translated.path])


def test_what_is_said_of_a_translated_test_set_afterwards_is_what_the_record_says(
    run: Callable[..., Run], tmp_path: Path, english: list[Pair]
) -> None:
    """Its description is no part of a key: nothing is scored anew."""
    write(tmp_path / "data", "translated/xnli/de/test-en.jsonl", rows(english))
    about = tmp_path / "data/translated/xnli/about.toml"
    found = []
    for text in ('origin = "machine_translation"', 'origin = "human_translation"\nsystem = "students"'):
        about.write_text(text, encoding="utf-8")
        made = run("de", limit=5)
        found.append((made.record["units"]["xnli/de/test"], made.record["resources"]["translations_test"]))
    (first, before), (second, after) = found
    assert [second[name] for name in ("key", "seconds")] == [first[name] for name in ("key", "seconds")]
    assert before == [{"from": "de", "to": "en", "origin": "machine_translation", "system": ""}]
    assert after == [{"from": "de", "to": "en", "origin": "human_translation", "system": "students"}]
    assert second["resources"]["translations_test"] == after


def test_examples_of_a_report_are_those_that_were_scored(
    run: Callable[..., Run], corpus: Path, tmp_path: Path, english: list[Pair]
) -> None:
    write(tmp_path / "data", "translated/xnli/de/test-en.jsonl", rows(english))
    found = run("de", limit=5)
    data = f"{tmp_path / 'data'}{os.pathsep}{corpus}"
    shown = scored_examples(view(found.record, "x", found.path), "xnli", "de", get_registry(), data)
    assert len(shown) == 5 and set(shown) <= set(english)


def test_a_set_without_a_translation_is_missing_and_rows_without_one_fail(
    run: Callable[..., Run], tmp_path: Path, english: list[Pair]
) -> None:
    with pytest.raises(DataError, match=r"xnli/de/test: translated/xnli/de/test-en\.jsonl or .* not found in"):
        run("de")
    write(tmp_path / "data", "translated/xnli/de/test-en.jsonl", rows(english)[:-2])
    found = run("en", "de")
    assert list(found.record["units"]) == ["xnli/en/test"]
    [failure] = found.record["failed"].values()
    assert "xnli/de/test: 2 examples have no English translation: 0, 1" in str(failure)


def test_what_is_all_english_has_no_mixture_of_languages() -> None:
    for wrong in ({"perturb": ("mixed",)}, {"mixed_pairs": True}):
        with pytest.raises(UsageError, match="--test-on translated: not with pairs of two languages"):
            EvalOptions(test_on="translated", **wrong)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--test-on 'english': 'original' or 'translated' expected"):
        EvalOptions(test_on="english")


def test_labels_carry_over_and_answers_are_those_of_the_translation() -> None:
    assert Pair("9", "a", "b", None).in_place_of(Pair("1", "x", "y", "yes")) == Pair("1", "a", "b", "yes")
    assert Choice("9", "p", ("a", "b"), None).in_place_of(Choice("1", "q", ("x", "y"), 1)).answer == 1
    answered = Question("9", "who?", "the dog", (Answer("dog", 4),))
    assert answered.in_place_of(Question("1", "wer?", "der Hund", (Answer("Hund", 4),))) == Question(
        "1", "who?", "the dog", (Answer("dog", 4),)
    )
    words: Example = Tagged("9", ("the", "dog"), None)
    with pytest.raises(DataError, match="labels do not carry over"):
        words.in_place_of(Tagged("1", ("der", "Hund"), ("DET", "NOUN")))
