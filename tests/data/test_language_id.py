"""Identification of languages on real text, and scripts of letters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.data.language_id import LEAST_LETTERS, language_counts, language_identifier, language_of
from harness.data.letter_scripts import letter_count, script_of, scripts_of_language
from harness.data.sample import sample_languages
from harness.data.sources import load_examples
from harness.registry.default import get_registry

COUNT = 300


def captions(data: Path, code: str) -> list[str]:
    lines = (data / "extra" / "multi30k" / "val.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)[code] for line in lines]


def premises(data: Path, code: str) -> list[str]:
    task = get_registry().task("xnli")
    found = load_examples(task, task.languages[code]["dev"], data_dir=data, offline=True).examples
    return list(dict.fromkeys(example.a for example in found))


def questions(data: Path, code: str) -> list[str]:
    task = get_registry().task("tydiqa")
    split = task.languages[code]["test"]
    return [each.context for each in load_examples(task, split, data_dir=data, offline=True).examples]


def sentences(data: Path, code: str) -> list[str]:
    task = get_registry().task("tatoeba")
    split = task.languages[code]["test"]
    return [each.foreign for each in load_examples(task, split, data_dir=data, offline=True).examples]


@pytest.mark.parametrize(
    ("source", "code"),
    [(captions, code) for code in ("en", "de", "fr")]
    + [(premises, code) for code in ("en", "de", "es", "fr", "sw", "ar", "zh")]
    + [(questions, "ko"), (sentences, "hi"), (sentences, "ru")],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_real_text_in_a_known_language_is_known(source, code: str, shared_data: Path) -> None:
    identifier = language_identifier("builtin")
    texts = [text for text in source(shared_data, code) if letter_count(text) >= LEAST_LETTERS][:COUNT]
    right = sum(language_of(text, identifier) == code for text in texts)
    assert len(texts) >= 100 and right > 0.95 * len(texts)


def test_a_language_that_the_identifier_does_not_know_is_never_claimed_to_be_known() -> None:
    identifier = language_identifier("builtin")
    assert identifier.languages == set(sample_languages())
    assert identifier.knows("zh-TW") and not identifier.knows("cs") and not identifier.knows("ja")
    assert identifier.describe().keys() == {"name", "version"}


def test_texts_of_few_letters_are_not_asked_for() -> None:
    identifier = language_identifier("builtin")
    assert language_of("Paris 2018", identifier) is None
    found = language_counts(
        ["Paris", "two dogs are running", "ქართული ენა არის", "zwei Hunde rennen schnell"], identifier
    )
    assert found == {"short": 1, "en": 1, "other": 1, "de": 1}


def test_an_installed_package_knows_other_languages() -> None:
    pytest.importorskip("py3langid")
    identifier = language_identifier("langid")
    assert language_of("muž spí na gauči v zeleném pokoji", identifier) == "cs"
    assert identifier.knows("vi") and identifier.version.startswith("py3langid ")


def test_lingua_knows_other_languages() -> None:
    pytest.importorskip("lingua")
    identifier = language_identifier("lingua")
    assert language_of("muž spí na gauči v zeleném pokoji", identifier) == "cs"
    assert identifier.knows("vi") and identifier.describe()["name"] == "lingua"


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Straße", "Latn"),
        ("Комитет 2018", "Cyrl"),
        ("委员会", "Hani"),
        ("会議は東京で開かれる", "Kana"),
        ("위원회", "Hang"),
        ("नन्ही चिड़िया", "Deva"),
        ("คณะกรรมการ", "Thai"),
        ("12.5 – ?", ""),
        ("abc кошка", "Cyrl"),
    ],
)
def test_the_script_of_a_text_is_that_of_most_of_its_letters(text: str, script: str) -> None:
    assert script_of(text) == script


def test_a_language_may_be_written_in_several_scripts() -> None:
    assert scripts_of_language("ja") == {"Hani", "Kana"}
    assert scripts_of_language("ko") == {"Hang", "Hani"}
    assert scripts_of_language("sr-Latn") == {"Latn"} and scripts_of_language("xx-none") == frozenset()
