"""Tokens that are characters (CANINE) or bytes (ByT5): the tokenizers' own rows, and the characters that tokens cover."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers
from small_models import TEXTS

from harness.core.errors import DataError
from harness.families._characters import tokenise
from harness.families.span_qa import SpanQA
from harness.inference.tokenization import encode_pairs
from harness.models.load import load_tokenizer
from harness.types.examples import Answer, Question

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


def test_half_a_character_is_refused(tokens: Any) -> None:
    with pytest.raises(DataError, match="lone surrogate"):
        encode_pairs(tokens, ["fine \ud800"], None, 64)
