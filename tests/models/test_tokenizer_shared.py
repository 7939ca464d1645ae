"""Tokenizers: loaded once for all folders that say the same, and never shared by folders that do not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_models import save_model
from tokenizers import Tokenizer

from harness.models.load import load_tokenizer


@pytest.fixture
def pretrained(tmp_path: Path) -> Path:
    folder = save_model("xlmr", tmp_path / "pretrained")
    path = str(folder / "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    tokenizer.no_truncation()  # the tests share it, and one of them may have told it to cut texts
    tokenizer.no_padding()
    tokenizer.save(path)
    return folder


def with_entry(folder: Path, copy: Path, file: str, **entries: object) -> Path:
    """A copy of a model folder with other entries in one of its configurations."""
    shutil.copytree(folder, copy)
    content = json.loads((copy / file).read_text(encoding="utf-8"))
    (copy / file).write_text(json.dumps({**content, **entries}), encoding="utf-8")
    return copy


def test_a_stage_shares_the_tokenizer_of_the_model_it_was_trained_from(pretrained: Path, tmp_path: Path) -> None:
    stage = with_entry(pretrained, tmp_path / "stage", "config.json", id2label={"0": "no"}, architectures=["Other"])
    (stage / "model.safetensors").write_bytes(b"other weights")
    load_tokenizer(pretrained).save_pretrained(stage)
    first, second = load_tokenizer(pretrained), load_tokenizer(stage)
    assert first.backend_tokenizer is second.backend_tokenizer
    assert second.name_or_path == str(stage)


@pytest.mark.parametrize(
    "file, entry",
    [("config.json", "model_type"), ("tokenizer_config.json", "model_max_length"), ("config.json", "new")],
)
def test_a_folder_with_another_entry_has_its_own_tokenizer(
    pretrained: Path, tmp_path: Path, file: str, entry: str
) -> None:
    value = {"model_type": "bert", "model_max_length": 17, "new": 1}[entry]
    other = load_tokenizer(with_entry(pretrained, tmp_path / "other", file, **{entry: value}))
    assert other.backend_tokenizer is not load_tokenizer(pretrained).backend_tokenizer


def test_a_vocabulary_that_is_replaced_in_its_place_is_loaded_anew(pretrained: Path) -> None:
    before = load_tokenizer(pretrained)
    content = json.loads((pretrained / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["vocab"]["▁replaced"] = len(content["model"]["vocab"])
    (pretrained / "tokenizer.json").write_text(json.dumps(content), encoding="utf-8")
    assert "▁replaced" in load_tokenizer(pretrained).get_vocab()
    assert "▁replaced" not in before.get_vocab()


def test_words_beyond_the_tenth_thousand_are_remembered_and_change_nothing(pretrained: Path) -> None:
    """The library's method has an underscore: this fails where a new version no longer has it."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE, Unigram

    assert hasattr(BPE, "_resize_cache") and hasattr(Unigram, "_resize_cache")
    ours, plain = load_tokenizer(pretrained), Tokenizer.from_file(str(pretrained / "tokenizer.json"))
    texts = [f"word{number} when Der {number % 7}" for number in range(12_000)]
    for _ in range(2):
        for mine, theirs in zip(
            ours.backend_tokenizer.encode_batch_fast(texts, add_special_tokens=False),
            plain.encode_batch_fast(texts, add_special_tokens=False),
            strict=True,
        ):
            assert mine.ids == theirs.ids


def test_settings_and_special_tokens_of_one_are_not_those_of_the_next(pretrained: Path) -> None:
    plain = load_tokenizer(pretrained)
    left = load_tokenizer(pretrained, {"padding_side": "left", "truncation_side": "left"})
    left.pad_token = left.unk_token
    again = load_tokenizer(pretrained)
    assert (plain.padding_side, left.padding_side, again.padding_side) == ("right", "left", "right")
    assert plain.pad_token_id == again.pad_token_id != left.pad_token_id
