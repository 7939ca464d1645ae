"""Tokens that are characters (CANINE) or bytes (ByT5): the tokenizers' own rows, and the characters that tokens cover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from small_models import TEXTS

from harness.core.errors import DataError, ModelError, UsageError
from harness.families._characters import tokenise
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.inference.tokenization import encode_pairs
from harness.models.load import load_tokenizer
from harness.models.transliterate import transliterate, transliteration
from harness.models.unused_entries import fill_unused_entries
from harness.models.vocabulary import extend_vocabulary
from harness.types.examples import Answer, Question, Tagged

KINDS = ("CanineTokenizer", "ByT5Tokenizer")


@pytest.fixture(params=KINDS)
def tokens(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    getattr(transformers, request.param)().save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "%s"}' % ("canine" if request.param == KINDS[0] else "t5"))
    return load_tokenizer(tmp_path)


def test_rows_are_the_tokenizers_own(tokens: Any) -> None:
    first, second = TEXTS[:4], TEXTS[4:8]
    ids, _ = encode_pairs(tokens, first, second, 1000)
    assert [row.tolist() for row in ids] == [tokens(a, b)["input_ids"] for a, b in zip(first, second, strict=True)]
    single, _ = encode_pairs(tokens, first, None, 1000)
    assert [row.tolist() for row in single] == [tokens(text)["input_ids"] for text in first]


def test_every_token_covers_the_letter_that_it_is_of(tokens: Any) -> None:
    texts, which = tokenise(tokens, TEXTS)
    for number, text in enumerate(TEXTS):
        at = slice(*texts.ids.offsets[which[number] : which[number] + 2])
        covered = [text[a:b] for a, b in zip(texts.begin[at], texts.end[at], strict=True)]
        each = [letter for letter in text for _ in (letter if len(covered) == len(text) else letter.encode())]
        assert covered == each


def test_answers_are_cut_between_letters(tokens: Any) -> None:
    family = SpanQA((), SpanQA.Options(max_length=256))
    context = TEXTS[3]
    answer = context.split()[1]
    question = Question("q", "Кто?", context, (Answer(answer, context.index(answer)),))
    features = family.features(tokens, [question], training=True)
    (start,), (end,) = features.columns["start_positions"], features.columns["end_positions"]
    ids = features.ids[0][int(start) : int(end) + 1].tolist()
    alone = tokens(answer, add_special_tokens=False)["input_ids"]
    assert ids == alone


MARKED = {
    "emoji beside it": ("ok 👍🏽 Straße 🇩🇪 end", "Straße"),
    "an emoji itself": ("We say 👩‍👩‍👧 here.", "👩‍👩‍👧"),
    "vowel signs": ("वह दिल्ली में रहती है।", "दिल्ली"),
    "accents apart": ("Le cafe\u0301 noir", "cafe\u0301"),
    "vowel points": ("אָמַר שָׁלוֹם לָהּ", "שָׁלוֹם"),
    "tone marks above": ("เขาอยู่ที่นี่แล้ว", "ที่นี่"),
}


@pytest.mark.parametrize("case", MARKED)
def test_answers_with_marks_and_emoji_are_found_and_cut_out_as_they_are(case: str, tokens: Any) -> None:
    context, answer = MARKED[case]
    family = SpanQA((), SpanQA.Options(max_length=256, max_answer_length=64))
    question = Question("q", "?", context, (Answer(answer, context.index(answer)),))
    training = family.features(tokens, [question], training=True)
    start, end = (int(training.columns[f"{side}_positions"][0]) for side in ("start", "end"))
    assert tokens.decode(training.ids[0][start : end + 1].tolist()) == answer
    features = family.features(tokens, [question], training=False)
    found = {
        **{name: np.full((1, 1), place) for name, place in (("start_at", start), ("end_at", end))},
        **{name: np.ones((1, 1)) for name in ("start", "end")},
        "null": np.zeros((1, 2)),
    }
    (predicted,) = family.decode(features, found, [question])
    assert getattr(predicted, "text", predicted) == answer


def test_tags_stand_at_the_first_letter_of_each_word(tokens: Any) -> None:
    words = ("दिल्ली", "👩‍👩‍👧", "cafe\u0301", "שָׁלוֹם", "a")
    family = Tagging(("X",), Tagging.Options(max_length=128))
    features = family.features(tokens, [Tagged("s", words, ("X",) * 5)], training=True)
    first = features.aligned["first"][0][0].tolist()
    ids = features.ids[0].tolist()
    own = [tokens(word, add_special_tokens=False)["input_ids"] for word in words]
    assert [ids[place : place + len(letters)] for place, letters in zip(first, own, strict=True)] == own


def test_projection_and_new_tokens_are_refused_where_tokens_are_letters(tokens: Any) -> None:
    legacy = SpanQA((), SpanQA.Options(decode="legacy_projection"))
    question = Question("q", "Who?", "Nobody asked.", (Answer("Nobody", 0),))
    for training in (True, False):
        with pytest.raises(UsageError, match="tokens are letters"):
            legacy.features(tokens, [question], training=training)
    folder = Path(tokens.name_or_path)
    with pytest.raises(ModelError, match="nothing can be added"):
        extend_vocabulary(folder, ["some text"] * 4, 3, folder.parent / "new")
    with pytest.raises(ModelError, match="no unused entries"):
        fill_unused_entries(folder, ["some text"] * 4, 3, folder.parent / "new")
    with pytest.raises(ModelError, match="cannot be transliterated"):
        transliterate(folder, [transliteration("cyrl-latn")], folder.parent / "new")


def test_half_a_character_is_refused(tokens: Any) -> None:
    with pytest.raises(DataError, match="lone surrogate"):
        encode_pairs(tokens, ["fine \ud800"], None, 64)
