"""Transliterating tokenizers: they read as if the text had been rewritten, and point into the text as it was written."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import TEXTS, save_model

from harness import Tagged
from harness.core.errors import DataError, ModelError, UsageError
from harness.families.tagging import Tagging
from harness.families.words import alone, in_text
from harness.models.load import load_tokenizer
from harness.models.transliterate import Rule, transliterate, transliterates, transliteration

NAMES = ("arab-latn", "cyrl-latn", "deva-latn")
SCRIPTS = {
    "arab-latn": ("ar", "\u0621-\u064a\u0671-\u06d3"),
    "cyrl-latn": ("ru", "\u0400-\u045f"),
    "deva-latn": ("hi", "\u0900-\u097f"),
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    """Models by kind, each also with all three tables: byte fallback, WordPiece, Unigram, byte-level."""
    folder = tmp_path_factory.mktemp("scripts")
    made = {}
    for kind in ("xlmr", "bert", "mt5", "llama"):
        made[kind] = save_model(kind, folder / kind), folder / f"{kind}-latin"
        transliterate(made[kind][0], [transliteration(name) for name in NAMES], made[kind][1])
    return made


@cache
def both(old: Path, new: Path) -> tuple[Any, Any]:
    return load_tokenizer(old), load_tokenizer(new)


def rewritten(text: str, *names: str) -> str:
    for name in names or NAMES:
        text = transliteration(name).apply(text)
    return text


LETTERS = sorted({letter for line in TEXTS for letter in line} | set("ёйщъьЁЩ؟،ًّكيی९क़ज़ऋृ॥ﷲﻻ½ǅé"))


@given(text=st.text(st.sampled_from(LETTERS), max_size=30), kind=st.sampled_from(["xlmr", "bert", "mt5", "llama"]))
def test_the_new_tokenizer_reads_what_the_old_one_reads_in_the_rewritten_text(
    models: dict[str, tuple[Path, Path]], text: str, kind: str
) -> None:
    old, new = (tokenizer.backend_tokenizer for tokenizer in both(*models[kind]))
    once = rewritten(text)
    assert new.encode(text).ids == old.encode(once).ids
    encoding = new.encode(text, add_special_tokens=False)
    assert all(0 <= begin <= end <= len(text) for begin, end in encoding.offsets)


def test_a_real_english_model_reads_three_scripts_and_saves_the_rules(minilm: Path, tmp_path: Path) -> None:
    transliterate(minilm, [transliteration("cyrl-latn"), transliteration("deva-latn")], tmp_path / "latin")
    new = load_tokenizer(tmp_path / "latin")
    assert new.tokenize("Москва") == ["mo", "##sk", "##va"] and new.tokenize("दिल्ली") == ["dil", "##li"]
    assert (tmp_path / "latin/model.safetensors").read_bytes() == (minilm / "model.safetensors").read_bytes()
    new.save_pretrained(tmp_path / "again")
    again = load_tokenizer(tmp_path / "again")
    assert again.tokenize("Москва") == new.tokenize("Москва")
    assert again("a", "b").data == load_tokenizer(minilm)("a", "b").data
    assert transliterates(again, [transliteration("cyrl-latn"), transliteration("deva-latn")])
    assert not transliterates(again, [transliteration("deva-latn")]) and not transliterates(load_tokenizer(minilm), [])


@pytest.mark.parametrize("name", NAMES)
def test_first_party_tables_leave_no_letter_of_the_script_and_keep_words_apart(name: str, corpus: Path) -> None:
    code, letters = SCRIPTS[name]
    text = (corpus / "text" / f"{code}.txt").read_text(encoding="utf-8")
    assert len(re.findall(f"[{letters}]", text)) > 0.6 * len("".join(text.split()))
    latin = transliteration(name).apply(text)
    assert not re.findall(f"[{letters}]", latin)
    assert list(map(len, map(str.split, latin.split("\n")))) == list(map(len, map(str.split, text.split("\n"))))
    assert transliteration(name).apply(latin) == latin  # nothing is left to rewrite


def test_first_party_tables_spell_as_they_say() -> None:
    assert rewritten("Щука и Ёж: объявление, мальчик", "cyrl-latn") == "Ŝuka i Ëž: obăâvlenie, maljčik"
    assert rewritten("नमस्ते, ज़मीन साफ़ है। १९४७", "deva-latn") == "namaste, zamīna sāfa hai. 1947"
    assert rewritten("مرحبًا، كيف حالك؟ ٣", "arab-latn") == "mrḥbanā, kyf ḥālk? 3"


def test_every_word_keeps_its_tokens_and_its_tag(models: dict[str, tuple[Path, Path]]) -> None:
    words = ("Комитет", "не", "сказал", ",", "समिति", "ने", "اللجنة", "wrote", ".")
    sentence = Tagged("0", words, ("N",) * 8 + ("P",))
    for old, new in models.values():
        tokens, rewritten_words = load_tokenizer(new), [rewritten(word) for word in words]
        found, plain = (
            alone(tokens, [sentence]),
            alone(load_tokenizer(old), [Tagged("0", tuple(rewritten_words), sentence.tags)]),
        )
        assert np.array_equal(found.lengths, plain.lengths) and (found.lengths > 0).all()
        assert np.array_equal(found.values[found.starts], plain.values[plain.starts])
        assert (in_text(tokens, [sentence]).lengths > 0).all()
        features = Tagging(("N", "P"), Tagging.Options()).features(tokens, [sentence], training=True)
        labels = features.batch(np.array([0]), 0)["labels"][0]
        assert (labels != -100).sum() == len(words)


# Tables of the user


def test_a_table_of_the_user_comes_before_that_of_the_harness(tmp_path: Path) -> None:
    table = tmp_path / "transliterate/cyrl-latn.tsv"
    table.parent.mkdir()
    table.write_text("# mine\n\nsource\ttarget\tbefore\nх\tkh\nк\tq\tа\nк\tk\nа\ta\nъ\t\n", encoding="utf-8")
    found = transliteration("cyrl-latn", [tmp_path / "none", tmp_path])
    assert found.rules[1] == Rule("к", "q", "а") and found.rules[-1] == Rule("ъ", "")
    assert found.apply("хакъ кх") == "khak kkh" and found.apply("ка ак.") == "qa ak."


def test_a_table_may_be_written_as_windows_does(tmp_path: Path) -> None:
    (tmp_path / "transliterate").mkdir()
    (tmp_path / "transliterate/own.tsv").write_bytes("\ufeffsource\ttarget\r\nх\tkh\r\n".encode())
    assert transliteration("own", [tmp_path]).rules == (Rule("х", "kh"),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("х\tkh\n", r"own\.tsv:1: the header"),
        ("source\ttarget\nх kh\n", r"own\.tsv:2: a source, a tab and a target"),
        ("source\ttarget\n\tkh\n", r"own\.tsv:2: a source, a tab and a target"),
        ("source\ttarget\nх\tkh\nх\th\n", r"own\.tsv:3: 'х' is replaced in line 2 already"),
        ("source\ttarget\n\u0958\tq\n", r"own\.tsv:2: .* write '\u0915\u093c'"),
        ("source\ttarget\n# nothing\n", "no rules"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_its_line(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "transliterate").mkdir()
    (tmp_path / "transliterate/own.tsv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=said):
        transliteration("own", [tmp_path])


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_table_or_is_refused_in_words(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    (folder / "transliterate").mkdir(parents=True, exist_ok=True)
    (folder / "transliterate/any.tsv").write_bytes(b"source\ttarget\n" + text.encode())
    try:
        found = transliteration("any", [folder])
    except DataError as error:
        assert "any.tsv" in str(error)
    else:
        assert found.rules and isinstance(found.apply(text), str)


def test_what_cannot_be_transliterated_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no table called 'cyrl-latin'") as unknown:
        transliteration("cyrl-latin")
    assert "cyrl-latn" in str(unknown.value.hint)
    with pytest.raises(ModelError, match="a normaliser of its own"):
        transliterate(save_model("qwen2", tmp_path / "qwen2"), [transliteration("cyrl-latn")], tmp_path / "no")
