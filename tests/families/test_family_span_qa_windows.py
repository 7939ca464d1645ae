"""Windows over contexts: where they are cut, what the rows look like, and which characters tokens stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_models import KINDS, TEXTS, separated

from harness.core.errors import DataError, UsageError
from harness.families._characters import Texts, token_spans, tokenise
from harness.families._windows import cut
from harness.families.span_qa import SpanQA
from harness.inference.features import Ragged
from harness.types.examples import Question

SPECIAL = {"mbert": "[CLS] $A [SEP] $B:1 [SEP]:1", "xlmr": "<s> $A </s> </s> $B </s>"}


def word_tokenizer(kind):
    """One token a word w0 ... w999, in the layout of mBERT or of XLM-R."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = ["[CLS]", "[SEP]"] if kind == "mbert" else ["<s>", "</s>"]
    words = ["a", *(f"w{i}" for i in range(1000))]
    base = Tokenizer(models.WordLevel({word: i for i, word in enumerate(["[UNK]", "[PAD]", *names, *words])}, "[UNK]"))
    base.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    base.post_processor = processors.TemplateProcessing(
        single=f"{names[0]} $A {names[1]}",
        pair=SPECIAL[kind],
        special_tokens=[(name, base.token_to_id(name)) for name in names],
    )
    inputs = ["input_ids", "attention_mask"] + ["token_type_ids"] * (kind == "mbert")
    return PreTrainedTokenizerFast(tokenizer_object=base, pad_token="[PAD]", model_input_names=inputs)


def words(count, start=0):
    return " ".join(f"w{(start + i) % 1000}" for i in range(count))


def ask(question, context, name="q"):
    return Question(name, question, context, ())


def rows_of(features):
    windows = features.facts["cuts"].windows
    return list(zip(windows.start.tolist(), windows.length.tolist(), strict=True))


# PROTOCOL 14.5


@pytest.mark.parametrize(
    ("kind", "context", "expected"),
    [
        ("mbert", 500, [(0, 371), (128, 371), (256, 244)]),
        ("mbert", 371, [(0, 371)]),
        ("mbert", 372, [(0, 371), (128, 244)]),
        ("mbert", 1, [(0, 1)]),
        ("xlmr", 500, [(0, 370), (128, 370), (256, 244)]),
        ("xlmr", 370, [(0, 370)]),
        ("xlmr", 371, [(0, 370), (128, 243)]),
    ],
)
def test_windows_of_a_question_of_ten_tokens(kind, context, expected):
    features = SpanQA((), SpanQA.Options()).features(
        word_tokenizer(kind), [ask(words(10), words(context))], training=False
    )
    assert rows_of(features) == expected
    assert features.lengths.max() <= 384
    assert features.lengths[0] == 384 or context < 370


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_row_of_a_window_is_laid_out_as_its_encoder_expects(kind):
    tokens = word_tokenizer(kind)
    family = SpanQA((), SpanQA.Options(max_length=16, doc_stride=4, max_query_length=3))
    features = family.features(tokens, [ask(words(5), words(14, start=100))], training=False)
    second = tokens.convert_ids_to_tokens(features.ids[1].tolist())
    if kind == "mbert":
        assert " ".join(second) == "[CLS] w0 w1 w2 [SEP] w104 w105 w106 w107 w108 w109 w110 w111 w112 w113 [SEP]"
        assert features.segments[1].tolist() == [0] * 5 + [1] * 11
    else:
        assert " ".join(second) == "<s> w0 w1 w2 </s> </s> w104 w105 w106 w107 w108 w109 w110 w111 w112 </s>"
        assert features.segments is None


def test_questions_are_cut_at_64_tokens():
    features = SpanQA((), SpanQA.Options()).features(
        word_tokenizer("mbert"), [ask(words(100), words(400)), ask(words(64), words(400))], training=False
    )
    assert features.example.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(features.ids[0], features.ids[2])
    np.testing.assert_array_equal(features.ids[1], features.ids[3])
    assert rows_of(features)[:2] == [(0, 384 - 64 - 3), (128, 400 - 128)]


def one_after_the_other(context, capacity, stride):
    windows, start = [], 0
    while True:
        windows.append((start, min(capacity, context - start)))
        if start + capacity >= context:
            return windows
        start += min(stride, capacity)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20)), max_size=8), st.integers(1, 25))
def test_cutting_many_is_cutting_each(sizes, stride):
    contexts, capacity = (np.array([size[i] for size in sizes], np.int64) for i in (0, 1))
    windows = cut(contexts, capacity, stride)
    for i, (context, room) in enumerate(sizes):
        rows = slice(windows.rows[i], windows.rows[i + 1])
        assert list(zip(windows.start[rows], windows.length[rows], strict=True)) == one_after_the_other(
            context, room, stride
        )
        assert set(windows.question[rows]) == {i}
    assert windows.rows[-1] == len(windows.start)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 20)), min_size=1, max_size=5), st.integers(1, 25))
def test_each_token_has_one_window_with_most_context(sizes, stride):
    contexts, capacity = (np.array([size[i] for size in sizes], np.int64) for i in (0, 1))
    windows = cut(contexts, capacity, stride)
    question = np.repeat(np.arange(len(sizes)), contexts)
    token = np.concatenate([np.arange(size) for size in contexts])
    for i, t, row in zip(question, token, windows.best_row(question, token), strict=True):
        best = None
        for candidate in range(windows.rows[i], windows.rows[i + 1]):
            left = t - windows.start[candidate]
            right = windows.start[candidate] + windows.length[candidate] - 1 - t
            if left < 0 or right < 0:
                continue
            score = min(left, right) + 0.01 * windows.length[candidate]
            if best is None or score > best[0]:
                best = (score, candidate)
        assert row == best[1]


def test_no_window_has_a_token_outside_the_context():
    windows = cut(np.array([5]), np.array([5]), 2)
    assert windows.best_row(np.array([0, 0]), np.array([-1, 5])).tolist() == [-1, -1]


# Rows against the tokenizer's own


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_the_tokenizer(kind):
    tokens = separated(kind)
    questions = [ask(TEXTS[i][:40], " ".join(TEXTS[i:] + TEXTS[:i]) * (i % 3 + 1), str(i)) for i in range(len(TEXTS))]
    questions += [ask("What?", f"\ufeff  {TEXTS[1]}  \n{TEXTS[5]}")]
    max_length, stride = 160, 32
    family = SpanQA((), SpanQA.Options(max_length=max_length, doc_stride=stride, max_query_length=100))
    features = family.features(tokens, questions, training=False)
    cuts = features.facts["cuts"]
    row = 0
    for i, question in enumerate(questions):
        asked = len(tokens(question.question, add_special_tokens=False)["input_ids"])
        own = tokens(
            question.question,
            question.context,
            max_length=max_length,
            truncation="only_second",
            stride=max_length - asked - tokens.num_special_tokens_to_add(pair=True) - stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        assert len(own["input_ids"]) == cuts.windows.rows[i + 1] - cuts.windows.rows[i]
        for j, ids in enumerate(own["input_ids"]):
            assert features.ids[row].tolist() == ids
            if features.segments is not None:
                assert features.segments[row].tolist() == own["token_type_ids"][j]
            inside = [at for at, owner in enumerate(own.sequence_ids(j)) if owner == 1]
            assert inside == list(range(cuts.header[row], cuts.header[row] + cuts.windows.length[row]))
            first = cuts.contexts.ids.offsets[cuts.which[i]] + cuts.windows.start[row]
            span = slice(first, first + cuts.windows.length[row])
            offsets = zip(cuts.contexts.begin[span].tolist(), cuts.contexts.end[span].tolist(), strict=True)
            assert [own["offset_mapping"][j][at] for at in inside] == list(offsets)
            row += 1
    assert row == len(features)


def test_each_distinct_context_is_tokenised_once():
    questions = [ask(words(3, i), words(50, i % 2), str(i)) for i in range(10)]
    features = SpanQA((), SpanQA.Options()).features(word_tokenizer("mbert"), questions, training=False)
    assert len(features.facts["cuts"].contexts.texts) == 2
    assert features.facts["cuts"].which.tolist() == [0, 1] * 5


def test_other_settings_of_the_tokenizer_do_not_matter():
    tokens = word_tokenizer("mbert")
    questions = [ask(words(3), words(40)), ask(words(4), words(500))]
    family = SpanQA((), SpanQA.Options())
    before = family.features(tokens, questions, training=False)
    tokens.backend_tokenizer.enable_truncation(8)
    tokens.backend_tokenizer.enable_padding(length=600)
    after = family.features(tokens, questions, training=False)
    np.testing.assert_array_equal(before.ids.values, after.ids.values)


# Characters


@st.composite
def tokenised_texts(draw):
    texts, ids, begin, end = [], [], [], []
    for _ in range(draw(st.integers(1, 4))):
        at, count = 0, draw(st.integers(0, 6))
        for _ in range(count):
            begin.append(at + draw(st.integers(0, 2)))
            end.append(begin[-1] + draw(st.integers(0, 3)))
            at = end[-1]
        texts.append("x" * (at + draw(st.integers(0, 2))))
        ids.append([7] * count)
    return Texts(texts, Ragged.of(ids), np.array(begin, np.int64), np.array(end, np.int64))


@given(tokenised_texts(), st.data())
def test_token_spans_of_characters_equal_a_plain_search(texts, data):
    which = data.draw(st.integers(0, len(texts.texts) - 1))
    begin = data.draw(st.integers(0, len(texts.texts[which])))
    end = data.draw(st.integers(begin, len(texts.texts[which])))
    low, high = texts.ids.offsets[which], texts.ids.offsets[which + 1]
    spans = list(zip(texts.begin[low:high], texts.end[low:high], strict=True))
    late = [i for i, (_, e) in enumerate(spans) if e > begin]
    early = [i for i, (b, _) in enumerate(spans) if b < end]
    expected = (late[0], early[-1]) if late and early and late[0] <= early[-1] else (0, -1)
    first, last = token_spans(texts, np.array([which]), np.array([begin]), np.array([end]))
    assert (first[0], last[0]) == expected


def test_no_questions_make_no_tokens_and_no_rows():
    texts, which = tokenise(word_tokenizer("mbert"), [])
    assert len(texts.ids) == len(texts.begin) == len(which) == 0
    assert len(SpanQA((), SpanQA.Options()).features(word_tokenizer("mbert"), [], training=False)) == 0


# What a user gets wrong


@pytest.mark.parametrize(("question", "context", "name"), [("", "w1", "question"), ("w1", " \n\u3000", "context")])
def test_empty_texts_are_an_error_that_names_the_question(question, context, name):
    questions = [ask("w1", "w2"), ask(question, context, "56be4db0")]
    with pytest.raises(DataError, match=f"'56be4db0': empty {name}"):
        SpanQA((), SpanQA.Options()).features(word_tokenizer("mbert"), questions, training=False)


def test_lone_surrogates_are_an_error():
    with pytest.raises(DataError, match="surrogate"):
        SpanQA((), SpanQA.Options()).features(word_tokenizer("mbert"), [ask("w1", "w2 \ud800")], training=False)


def test_a_length_without_room_for_a_context_is_refused():
    family = SpanQA((), SpanQA.Options(max_length=67))
    with pytest.raises(UsageError, match="no room for a context beside a question of 64 tokens"):
        family.features(word_tokenizer("mbert"), [ask("w1", "w2")], training=False)
    assert len(SpanQA((), SpanQA.Options(max_length=68)).features(word_tokenizer("mbert"), [], training=False)) == 0


@pytest.mark.parametrize("option", [{"doc_stride": 0}, {"n_best": 0}, {"max_answer_length": -1}, {"decode": "legacy"}])
def test_unusable_options_of_span_qa_are_refused_by_name(option):
    with pytest.raises(UsageError, match=next(iter(option))):
        SpanQA.Options(**option)
