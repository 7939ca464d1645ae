"""New pieces in the unused entries of a BERT vocabulary: what they take, and all that stays as it was."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import TEXTS, save_english_bert, save_model

from harness.core.errors import ModelError, UsageError
from harness.models.load import load_tokenizer
from harness.models.unused_entries import best_pieces, fill_unused_entries

YORUBA = [
    "àwọn ọmọ ilé ìwé ń ka ìwé ní gbogbo ọjọ́",
    "àwọn olùkọ́ kọ́ àwọn ọmọ ní ilé ìwé",
    "ọmọ náà fẹ́ràn láti ka ìwé púpọ̀",
] * 6


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_english_bert(tmp_path_factory.mktemp("bert"))


@cache
def tokenizers_of(bert: Path) -> tuple[Any, Any, tuple[str, ...]]:
    """The tokenizer, the one with six new pieces, and these."""
    grown = bert.parent / "grown"
    pieces = fill_unused_entries(bert, YORUBA, 6, grown)
    return load_tokenizer(bert), load_tokenizer(grown), tuple(pieces)


def test_pieces_take_unused_entries_and_nothing_else_changes(bert: Path) -> None:
    old, new, pieces = tokenizers_of(bert)
    assert len(pieces) == 6 and not set(pieces) & old.get_vocab().keys()
    assert [new.convert_tokens_to_ids(piece) for piece in pieces] == list(range(1, 7))
    gone = {f"[unused{i}]" for i in range(1, 7)}
    before = {token: i for token, i in old.get_vocab().items() if token not in gone}
    assert new.get_vocab() == before | {piece: i for i, piece in enumerate(pieces, start=1)}
    grown = bert.parent / "grown"
    for name in ("model.safetensors", "config.json"):
        assert (grown / name).read_bytes() == (bert / name).read_bytes()
    assert new.all_special_tokens == old.all_special_tokens
    pair = ("Two dogs", "the field")
    assert new(*pair).data == old(*pair).data
    for line in YORUBA[:3]:
        assert new.tokenize(line).count("[UNK]") < old.tokenize(line).count("[UNK]")


LETTERS = sorted({letter for line in (*TEXTS, *YORUBA) for letter in line})


@given(text=st.text(st.sampled_from(LETTERS), max_size=40))
def test_text_without_the_new_pieces_is_tokenised_as_before(bert: Path, text: str) -> None:
    old, new, pieces = tokenizers_of(bert)
    before, after = (t.backend_tokenizer.encode(text) for t in (old, new))
    if not set(after.tokens) & set(pieces):
        assert after.ids == before.ids and after.offsets == before.offsets
    bare = [piece.removeprefix("##") for piece in pieces]
    if not any(piece in text for piece in bare):
        assert after.ids == before.ids


def test_pieces_that_spare_unknown_tokens_come_first_by_frequency(bert: Path) -> None:
    tokenizer = load_tokenizer(bert)
    # "andando" is known letter by letter and much more frequent than the words with a letter that is not.
    texts = ["andando and andando " * 9, "ƙasa ƙasa ƙasa ɗaya ɗaya", "ƙasa ƙasa ƙasa ɗaya ɗaya", "ƙasa ɗaya"]
    found = best_pieces(tokenizer, texts, 20)
    first = [piece for piece in found if set(piece) & set("ƙɗ")]
    assert found[: len(first)] == first and "ƙ" in first[0] and any("ɗ" in piece for piece in first)
    assert "andando" in found[len(first) :]
    assert best_pieces(tokenizer, texts, 1) == found[:1] and best_pieces(tokenizer, texts, 20) == found
    # A piece of several letters comes up five times or more.
    assert best_pieces(tokenizer, ["ƙasa"] * 4, 20) == ["ƙ"] and "ƙasa" in best_pieces(tokenizer, ["ƙasa"] * 5, 20)


def test_case_and_accents_stay_as_far_as_the_model_keeps_them(bert: Path, minilm: Path) -> None:
    text = ["Ọmọ Ọmọ Ọmọ"] * 5
    assert "Ọmọ" in best_pieces(load_tokenizer(bert), text, 9)
    assert best_pieces(load_tokenizer(minilm), text, 9) == ["omo"]  # English BERT in lower case, without accents


def test_real_unused_entries_are_taken_and_survive_another_saving(minilm: Path, tmp_path: Path) -> None:
    old = load_tokenizer(minilm)
    pieces = fill_unused_entries(minilm, YORUBA, 5, tmp_path / "grown")
    load_tokenizer(tmp_path / "grown").save_pretrained(tmp_path / "again")
    new = json.loads((tmp_path / "again" / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    assert pieces and [new[piece] for piece in pieces] == list(range(1, len(pieces) + 1))
    assert sum(new[token] != i for token, i in old.get_vocab().items() if token in new) == 0
    assert (tmp_path / "grown/model.safetensors").read_bytes() == (minilm / "model.safetensors").read_bytes()


@pytest.mark.parametrize("kind", ["xlmr", "bert", "mt5"])
def test_a_vocabulary_without_unused_entries_is_refused(kind: str, tmp_path: Path) -> None:
    model = save_model(kind, tmp_path / "model")
    with pytest.raises(ModelError, match="no unused entries") as refused:
        fill_unused_entries(model, YORUBA, 3, tmp_path / "grown")
    assert "merges" in str(refused.value.hint) and not (tmp_path / "grown").exists()


def test_more_pieces_than_unused_entries_are_refused(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="10 tokens, and 9 unused entries") as refused:
        fill_unused_entries(bert, YORUBA, 10, tmp_path / "grown")
    assert "extend_vocabulary=9" in str(refused.value.hint)
