"""The variants of the tiny model: what each is built of, and that it is built alike every time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.data.sample import sample_languages, sample_text
from harness.evaluation._recorder import _described
from harness.models.fingerprint import model_fingerprint
from harness.models.reference import default_recipe, parse_model
from harness.models.resolve import check_folder
from harness.models.tiny import build_tiny, tiny_languages, tiny_tokenizer

SCARCE = ("ar", "hi", "ko", "sw")


def test_each_variant_is_a_model_string_with_the_recipe_of_tiny() -> None:
    for name in ("tiny", "tiny-64", "tiny-256", "tiny-en", "tiny-seq2seq", "tiny-scarce"):
        reference = parse_model(name)
        assert (reference.kind, str(reference), reference.slug) == ("tiny", name, name)
        assert default_recipe(reference) == "tiny"
    assert parse_model("tiny-en/model").kind == "hub"


def test_the_languages_of_a_variant_are_those_of_its_text() -> None:
    assert tiny_languages("tiny-en") == {"en": 1.0}
    assert tiny_languages("tiny-256") == tiny_languages() and set(tiny_languages()) == set(sample_languages())
    shares = tiny_languages("tiny-scarce")
    assert sum(shares.values()) == pytest.approx(1, abs=1e-3)
    for code in sample_languages():
        ratio = shares[code] / shares["de"] * len(sample_text("de")) / len(sample_text(code))
        assert ratio == pytest.approx(1 / 20 if code in SCARCE else 1, rel=0.02), code


def test_the_record_tells_the_languages(small_model: Path) -> None:
    found = check_folder(small_model, "tiny-en")
    assert _described(parse_model("tiny-en"), found)["languages"] == {"en": 1.0}
    assert "languages" not in _described(parse_model(str(small_model)), found)


def test_a_tokenizer_of_english_spells_out_what_others_have_words_for() -> None:
    of_all, of_english = tiny_tokenizer("tiny"), tiny_tokenizer("tiny-en")
    ratios = {}
    for code in ("en", "hi", "ko"):
        lines = sample_text(code)[:50]
        multilingual, english = (sum(map(len, tokenizer(lines)["input_ids"])) for tokenizer in (of_all, of_english))
        ratios[code] = english / multilingual
        assert of_english.unk_token_id not in of_english(lines[0])["input_ids"]
    assert ratios["en"] < 1 and ratios["hi"] > 2.5 and ratios["ko"] > 2.5


@pytest.mark.parametrize(("name", "width", "heads"), [("tiny", 128, 4), ("tiny-256", 256, 8)])
def test_a_variant_has_its_width(name: str, width: int, heads: int, tmp_path: Path) -> None:
    build_tiny(tmp_path / "one", name, steps=1)
    config = json.loads((tmp_path / "one" / "config.json").read_text())
    assert [config[key] for key in ("hidden_size", "num_attention_heads", "intermediate_size")] == [
        width,
        heads,
        3 * width,
    ]
    assert (config["num_hidden_layers"], config["vocab_size"], config["hidden_dropout_prob"]) == (4, 5000, 0.1)


def test_a_variant_is_built_alike_every_time(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        build_tiny(tmp_path / folder, "tiny-scarce", steps=2)
    assert model_fingerprint(tmp_path / "one") == model_fingerprint(tmp_path / "two")


def test_the_variant_that_writes_is_built_alike_every_time_and_writes(tmp_path: Path) -> None:
    from harness.models.language_model import load_language_model, start_token

    for folder in ("one", "two"):
        build_tiny(tmp_path / folder, "tiny-seq2seq", steps=1)
    assert model_fingerprint(tmp_path / "one") == model_fingerprint(tmp_path / "two")
    model = load_language_model(str(tmp_path / "one"))
    assert (model.config.vocab_size, model.config.d_model, model.config.dropout_rate) == (5000, 128, 0.1)
    assert start_token(model, 2) == 1 and not model.harness_fresh
