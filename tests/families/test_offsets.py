"""Tokens know their characters: a model that points at the right tokens gets the right answers, in every scheme."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_schemes import SCHEMES, SCRIPTS, scheme

from harness.core.errors import ModelError
from harness.data.readers import question as read_question
from harness.families._characters import SENTENCES, placing, tokenise
from harness.families.span_qa import SpanQA, located
from harness.scoring.metrics.answers import squad_tokens
from harness.types.examples import Answer, Question

UNKNOWN = ("bert", "bert_uncased", "bert_japanese", "words", "xlmr", "mt5")
"""Schemes that make one unknown token of a whole word, or of a run of letters, that they have not seen."""


def family(**options):
    return SpanQA((), SpanQA.Options(**{"max_length": 4096, "max_answer_length": 4096} | options))


@pytest.fixture(scope="session")
def annotated(shared_data):
    """Forty answerable questions of each language that XQuAD, MLQA and TyDiQA have here."""
    import pyarrow.parquet as parquet

    found: dict[str, list[Question]] = {}
    for pattern in ("XQuAD.*", "MLQA.*", "tydiqa"):
        for path in sorted((shared_data / "google/xtreme").glob(f"{pattern}/validation-*.parquet")):
            for row in parquet.read_table(path).to_pylist():
                name = row["id"].partition("-")[0] if pattern == "tydiqa" else path.parent.name
                kept = found.setdefault(name, [])
                if len(kept) < 40 and located(question := read_question(row)) is not None:
                    kept.append(question)
    return found


def gold_outputs(features):
    """Logits that single out the labelled tokens of each window, and say nothing in windows without the answer."""
    start, end = (features.columns[f"{side}_positions"][:, None] for side in ("start", "end"))
    logits = np.where(start > 0, 1.0, -1.0).astype(np.float32)
    return {"start": logits, "start_at": start, "end": logits, "end_at": end, "null": np.zeros((len(start), 2))}


@cache
def untrimmed(name):
    """The tokenizer of a scheme without its last step, the one that trims offsets."""
    from tokenizers import Tokenizer

    spec = json.loads(scheme(name).backend_tokenizer.to_str())
    return Tokenizer.from_str(json.dumps(spec | {"post_processor": None}))


def covered(name, question):
    """The answer as the fewest whole tokens around it have it: what the scheme can express at best."""
    begin, end = located(question)
    context = question.context
    offsets = untrimmed(name).encode(context, add_special_tokens=False).offsets
    touched = [(b, e) for b, e in offsets if b < end and e > begin]
    if not touched:
        return ""
    return context[min(b for b, _ in touched) : max(e for _, e in touched)].strip(" \n\t\r\u3000\xa0\ufeff")


@pytest.mark.parametrize("name", SCHEMES)
def test_gold_tokens_give_the_best_answers_that_whole_tokens_can_give(name, annotated):
    qa = family()
    for language, questions in annotated.items():
        features = qa.features(scheme(name), questions, training=True)
        answers = qa.decode(features, gold_outputs(features), questions)
        assert answers == [covered(name, question) for question in questions], language
        exact = [
            squad_tokens(answer) == squad_tokens(question.answers[0].text)
            for answer, question in zip(answers, questions, strict=True)
        ]
        # What whole tokens cannot express is little, where letters are known.
        assert np.mean(exact) >= 0.9 or (name in UNKNOWN and not language.endswith(("en", "english"))), language


@pytest.mark.parametrize("name", SCHEMES)
def test_gold_tokens_give_the_answers_of_the_windows_that_hold_them(name):
    """Contexts of many windows; words are answers, and every scheme can express a word between spaces."""
    context = " ".join(text for text in SCRIPTS * 2 if " " in text)
    words = [word for word in context.split() if word.isalpha() and word.isascii()]
    questions = [
        Question(str(i), "What?", context, (Answer(word, f" {context} ".index(f" {word} ")),))
        for i, word in enumerate(dict.fromkeys(words))
    ]
    qa = family(max_length=200, doc_stride=40)
    features = qa.features(scheme(name), questions, training=True)
    assert len(features) > len(questions)
    assert qa.decode(features, gold_outputs(features), questions) == [one.answers[0].text for one in questions]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(" ".join(SCRIPTS).split()), min_size=1, max_size=12), st.sampled_from(SCHEMES))
def test_tokens_cover_every_letter_that_the_tokenizer_knows(words, name):
    """Upper-case and accents may change, but no letter is nobody's."""
    texts, _ = tokenise(scheme(name), [" ".join(words)])
    text = texts.texts[0]
    claimed = {
        at for begin, end in zip(texts.begin.tolist(), texts.end.tolist(), strict=True) for at in range(begin, end)
    }
    assert [text[at] for at in range(len(text)) if text[at].isalnum() and at not in claimed] == []


def test_letters_that_trimming_takes_off_are_given_back():
    tokens, text = scheme("robbert"), "Angela Merkel, a lives"
    own = tokens(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    assert "erkel" in [text[begin:end] for begin, end in own]
    texts, _ = tokenise(tokens, [text])
    pieces = [text[begin:end] for begin, end in zip(texts.begin, texts.end, strict=True)]
    assert "Merkel" in pieces and "a" in pieces and "erkel" not in pieces
    assert texts.ids.values.tolist() == tokens(text, add_special_tokens=False)["input_ids"]
    assert family().treatment(tokens) == {"offsets": "repaired"}


@pytest.mark.parametrize("name", [name for name in SCHEMES if name != "robbert"])
def test_right_offsets_stay_as_the_tokenizer_gives_them(name):
    tokens = scheme(name)
    assert family().treatment(tokens) == {}
    assert placing(tokens)[0] is tokens.backend_tokenizer
    for text in SENTENCES:
        texts, _ = tokenise(tokens, [text])
        own = tokens(text, add_special_tokens=False, return_offsets_mapping=True)
        assert list(zip(texts.begin, texts.end, strict=True)) == own["offset_mapping"]
        assert texts.ids.values.tolist() == own["input_ids"]


def test_offsets_that_cannot_be_repaired_are_an_error_that_names_tokenizer_and_sentence():
    from tokenizers import Regex, Tokenizer, normalizers
    from transformers import PreTrainedTokenizerFast

    base = Tokenizer.from_str(scheme("bert").backend_tokenizer.to_str())
    base.normalizer = normalizers.Replace(Regex("(?<=[a-z])t"), "")
    tokens = PreTrainedTokenizerFast(tokenizer_object=base, name_or_path="org/lossy", unk_token="<unk>")
    question = Question("q", "What?", "a cat", ())
    with pytest.raises(
        ModelError, match=r"org/lossy: no token of the sentence 'I saw a cat, .* covers its 't'"
    ) as error:
        family().features(tokens, [question], training=False)
    assert "tokenizer.json" in error.value.hint


def test_letters_without_any_token_are_no_fault():
    """A vocabulary that drops what it does not know cannot read the script, but says rightly what it has read."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    known = [*(chr(code) for code in range(33, 127)), "▁"]
    base = Tokenizer(models.BPE({letter: i for i, letter in enumerate(known)}, []))
    base.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    tokens = PreTrainedTokenizerFast(tokenizer_object=base)
    texts, _ = tokenise(tokens, ["Я saw a cat"])
    assert "".join(tokens.convert_ids_to_tokens(texts.ids.values.tolist())) == "▁▁saw▁a▁cat"
    assert family().treatment(tokens) == {}


def test_the_repair_leaves_the_tokenizer_as_it_was():
    tokens = scheme("robbert")
    before = tokens.backend_tokenizer.to_str()
    tokenise(tokens, ["Angela Merkel"])
    assert tokens.backend_tokenizer.to_str() == before
