"""Question answering: the best span as a plain search finds it, exact answers, labels that decode to the answer."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import KINDS, TEXTS, cutting, save_model, separated, tokenizer
from test_family_span_qa_windows import ask, word_tokenizer, words

from harness.core.errors import ModelError
from harness.families._answer_decoding import _BLANK, sliced
from harness.families.span_qa import NO_SPAN, SpanQA, located
from harness.types.examples import Answer, Question
from harness.types.units import UnitExamples

SMALL = {"max_length": 12, "doc_stride": 3, "max_query_length": 4}


def family(**options):
    return SpanQA((), SpanQA.Options(**options))


def labelled(context, answer, question="What is it?", name="q"):
    return Question(name, question, context, (Answer(answer, context.index(answer)),))


def unit(examples, language="en"):
    return UnitExamples("xquad", language, "test", examples)


def scripted(features, start, end):
    """A model that answers with these logits for all rows at once, and with huge ones on padding."""

    def forward(input_ids, attention_mask, **_):
        padded = torch.full((2, *input_ids.shape), 1e4)
        for side, rows in enumerate((start, end)):
            for row, logits in enumerate(rows):
                padded[side, row, : len(logits)] = torch.as_tensor(logits)
        return SimpleNamespace(start_logits=padded[0], end_logits=padded[1])

    forward.config = SimpleNamespace(pad_token_id=0)
    return forward


def outputs(qa, features, start, end):
    batch = {name: torch.from_numpy(a) for name, a in features.batch(np.arange(len(features)), 0).items()}
    return {name: list(value.numpy()) for name, value in qa.outputs(scripted(features, start, end), batch).items()}


def random_logits(features, rng, ties=False):
    draw = (lambda n: rng.integers(-3, 4, n).astype(np.float32)) if ties else (lambda n: rng.normal(size=n))
    return [[draw(n) for n in features.lengths] for _ in range(2)]


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return {kind: save_model(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.fixture(scope="session")
def xquad(shared_data):
    import pyarrow.parquet as parquet

    def read(language, count=None):
        rows = parquet.read_table(shared_data / f"google/xtreme/XQuAD.{language}/validation-00000-of-00001.parquet")
        return [question_of(row) for row in rows.slice(0, count).to_pylist()]

    return read


def question_of(row):
    answers = zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
    found = tuple(Answer(text, start) for text, start in answers)
    return Question(row["id"], row["question"], row["context"], found, impossible=not found)


# The best span


def plain_best(features, question, start, end, options):
    """The best span of one question, searched as PROTOCOL 5.3 describes it: lists, loops, a stable sort."""
    cuts = features.facts["cuts"]
    windows = cuts.windows
    rows = range(windows.rows[question], windows.rows[question + 1])
    candidates = []
    for row in rows:
        first, count, header = (int(a[row]) for a in (windows.start, windows.length, cuts.header))
        ranked = [
            sorted(range(len(logits[row])), key=lambda at, v=logits[row]: -v[at])[: options.n_best]
            for logits in (start, end)
        ]
        for a in ranked[0]:
            for b in ranked[1]:
                if not header <= a < header + count or not header <= b < header + count:
                    continue
                if b < a or b - a + 1 > options.max_answer_length:
                    continue
                token = first + a - header
                shorter_side = {
                    other: min(token - windows.start[other], windows.start[other] + windows.length[other] - 1 - token)
                    + 0.01 * windows.length[other]
                    for other in rows
                    if windows.start[other] <= token < windows.start[other] + windows.length[other]
                }
                if max(shorter_side, key=shorter_side.get) != row:
                    continue
                score = float(start[row][a]) + float(end[row][b])
                candidates.append((score, token, first + b - header))
    null = min(float(start[row][0]) + float(end[row][0]) for row in rows)
    return max(candidates, key=lambda c: c[0], default=None), null


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 25)), min_size=1, max_size=5),
    st.integers(1, 6),
    st.integers(1, 5),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_spans_are_those_of_a_plain_search(sizes, n_best, max_answer_length, ties, seed):
    qa = family(**SMALL, n_best=n_best, max_answer_length=max_answer_length)
    questions = [ask(words(q), words(c, 50 * i), str(i)) for i, (q, c) in enumerate(sizes)]
    features = qa.features(WORDS["mbert"], questions, training=False)
    start, end = random_logits(features, np.random.default_rng(seed), ties)
    start, end = ([np.float32(row) for row in side] for side in (start, end))
    found = outputs(qa, features, start, end)
    texts = qa.decode(features, found, questions)
    answers = qa.answers(features, found)
    for i, question in enumerate(questions):
        best, null = plain_best(features, i, start, end, qa.options)
        if best is None:
            assert texts[i] == "" and answers[i].null_minus_best == NO_SPAN
        else:
            assert texts[i] == " ".join(question.context.split()[best[1] : best[2] + 1])
            assert answers[i].null_minus_best == null - best[0]


WORDS = {kind: word_tokenizer(kind) for kind in ("mbert", "xlmr")}


def test_of_equal_scores_the_first_window_and_rank_win():
    qa = family(**SMALL, n_best=3, max_answer_length=3)
    features = qa.features(WORDS["mbert"], [ask("w1 w2", words(12))], training=False)
    flat = [np.zeros(n) for n in features.lengths]
    header = features.facts["cuts"].header[0]
    start, end = [row.copy() for row in flat], [row.copy() for row in flat]
    for row in range(len(features)):
        start[row][header] = end[row][header] = 1
    assert qa.decode(features, outputs(qa, features, start, end), [])[0] == "w0"


def test_the_n_best_are_counted_over_the_whole_row():
    """Positions in the question use up ranks, as in the reference: with n_best 1 nothing is left."""
    context = words(5)
    qa = family(**SMALL, n_best=1)
    features = qa.features(WORDS["mbert"], [ask("w1 w2", context)], training=False)
    start, end = np.zeros(features.lengths[0]), np.zeros(features.lengths[0])
    start[1], start[6], end[6] = 9, 8, 9
    assert qa.decode(features, outputs(qa, features, [start], [end]), []) == [""]
    two = family(**SMALL, n_best=2)
    assert two.decode(features, outputs(two, features, [start], [end]), []) == ["w2"]


def test_padding_is_never_chosen():
    questions = [ask("w1", words(2)), ask("w1", words(7))]
    qa = family(**SMALL)
    features = qa.features(WORDS["mbert"], questions, training=False)
    found = outputs(qa, features, *random_logits(features, np.random.default_rng(0)))
    assert all(np.shape(found[name]) == (2, 20) for name in ("start", "end", "start_at", "end_at"))
    for name in ("start", "end"):
        for row, length in enumerate(features.lengths):
            assert sorted(found[f"{name}_at"][row][:length]) == list(range(length))
            assert np.isneginf(found[name][row][length:]).all()


def test_scores_that_are_not_numbers_are_an_error():
    qa = family(**SMALL)
    features = qa.features(WORDS["mbert"], [ask("w1", words(3))], training=False)
    logits = [np.full(features.lengths[0], np.nan)]
    with pytest.raises(ModelError, match="not finite"):
        qa.decode(features, outputs(qa, features, logits, logits), [])


# Exact answers


SCRIPTS = {
    "en": "In 1066, Duke William II conquered England; his force was c. 7,000 men.",
    "bom": "\ufeffSuper Bowl 50 was  played\tin  Santa Clara.\n",
    "ar": "في عام 1066، غزا الدوق وليام الثاني إنجلترا.",
    "zh": "1066年，威廉二世征服了英格兰（约7,000人）。",
    "th": "คณะกรรมการไม่ได้บอกว่าการประชุมครั้งต่อไปจะจัดขึ้นเมื่อใด ปี ๒๕๖๓",
    "hi": "समिति ने यह नहीं बताया कि अगली बैठक कब होगी।",
    "emoji": "👩‍👩‍👧 x́ ﬁ ½ Å \u00a0\u202f ™",
}


@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_exact_pieces_of_the_context(kind):
    qa = family(max_length=64, doc_stride=16, max_query_length=30, max_answer_length=8)
    questions = [
        ask("?", context * copies, f"{name}{copies}") for name, context in SCRIPTS.items() for copies in (1, 9)
    ]
    features = qa.features(separated(kind), questions, training=False)
    for seed in range(5):
        start, end = random_logits(features, np.random.default_rng(seed))
        for question, answer in zip(
            questions, qa.decode(features, outputs(qa, features, start, end), questions), strict=True
        ):
            assert answer in question.context
            assert answer and answer == answer.strip().strip("\ufeff")


def test_blank_is_all_white_space_and_the_byte_order_mark():
    assert set(_BLANK.tolist()) == {code for code in range(0x110000) if chr(code).isspace()} | {0xFEFF}


@pytest.mark.parametrize(
    ("text", "piece", "expected"),
    [
        ("a b c", (1, 3), "b"),
        ("a b c", (0, 2), "a"),
        ("ab\ufeff \u3000", (0, 5), "ab"),
        ("\ufeffab", (0, 2), "a"),
        ("  ", (0, 2), ""),
        ("x \u3000y", (0, 4), "x \u3000y"),
    ],
)
def test_slices_of_a_context_are_stripped_of_spaces_and_marks_at_their_ends(text, piece, expected):
    assert sliced(text, *piece) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_answers_do_not_depend_on_batches(kind, models):
    qa = family(max_length=96, doc_stride=32, max_query_length=40)
    model = qa.load(str(models[kind]))
    questions = [ask(TEXTS[i][:30], " ".join(TEXTS[: i + 1]), str(i)) for i in range(len(TEXTS))]
    runs = []
    for budget in (1, 300, 100_000):
        forward = cutting(budget)(model, separated(kind))
        (prediction,) = qa.predict(forward, [unit(questions)])
        runs.append(prediction.predictions)
        assert all(answer in question.context for answer, question in zip(runs[-1], questions, strict=True))
    assert runs[0] == runs[1] == runs[2]
    # The same without batches, windows or reductions of ours, for a context that fits one row.
    encoded = separated(kind)(
        questions[0].question, questions[0].context, return_offsets_mapping=True, return_tensors="pt"
    )
    offsets = encoded.pop("offset_mapping")[0].tolist()
    inside = [at for at, owner in enumerate(encoded.sequence_ids(0)) if owner == 1]
    with torch.inference_mode():
        logits = model(**encoded)
    start, end = logits.start_logits[0], logits.end_logits[0]
    best = {set_: set(set_.topk(min(20, len(set_))).indices.tolist()) for set_ in (start, end)}
    pairs = [(a, b) for a in inside for b in inside if a <= b < a + 30 and a in best[start] and b in best[end]]
    a, b = max(pairs, key=lambda pair: float(start[pair[0]] + end[pair[1]]))
    assert runs[0][0] == sliced(questions[0].context, offsets[a][0], offsets[b][1])


def test_answers_to_real_questions_lie_in_their_contexts_whatever_the_batch(xquad, minilm):
    from harness.models.load import load_tokenizer

    qa = family(max_length=128, doc_stride=64)
    units = [unit(xquad(language, 5), language) for language in ("en", "zh", "ar")]
    forward = cutting(4096)(qa.load(str(minilm)), load_tokenizer(minilm))
    predictions = list(qa.predict(forward, units))
    assert [prediction.unit.language for prediction in predictions] == ["en", "zh", "ar"]
    for prediction in predictions:
        assert len(prediction.predictions) == 5 and not prediction.facts
        for answer, question in zip(prediction.predictions, prediction.unit.examples, strict=True):
            assert answer and answer in question.context
    (alone,) = qa.predict(forward, [units[0]])
    assert alone.predictions == predictions[0].predictions


# Training


def spans_of(features, questions):
    """Text and example of each training row that holds the answer."""
    cuts, labels = features.facts["cuts"], features.columns
    for row in np.flatnonzero(labels["start_positions"]):
        shift = cuts.contexts.ids.offsets[cuts.which[cuts.windows.question[row]]]
        shift += cuts.windows.start[row] - cuts.header[row]
        first, last = (shift + labels[name][row] for name in ("start_positions", "end_positions"))
        question = questions[features.example[row]]
        yield question, question.context[cuts.contexts.begin[first] : cuts.contexts.end[last]]


@pytest.mark.parametrize("source", ["rajpurkar/squad/plain_text/train", "google/xtreme/tydiqa/train"])
def test_labels_decode_to_the_answer(shared_data, minilm, source):
    import pyarrow.parquet as parquet

    from harness.models.load import load_tokenizer

    rows = parquet.read_table(shared_data / f"{source}-00000-of-00001.parquet").to_pylist()
    questions = [question_of(row) for row in rows]
    features = family().features(load_tokenizer(minilm), questions, training=True)
    held = list(spans_of(features, questions))
    exact = [sliced(text, 0, len(text)) == question.answers[0].text.strip() for question, text in held]
    assert all(question.answers[0].text.strip() in text for question, text in held)
    assert np.mean(exact) > 0.97
    assert len({question.id for question, _ in held}) > 0.99 * len(questions)


@pytest.fixture(scope="session")
def latin(minilm, tmp_path_factory):
    """The tokenizer of a real English model that transliterates three scripts."""
    from harness.models.load import load_tokenizer
    from harness.models.transliterate import transliterate, transliteration

    folder = tmp_path_factory.mktemp("latin") / "model"
    transliterate(minilm, [transliteration(name) for name in ("cyrl-latn", "arab-latn", "deva-latn")], folder)
    return load_tokenizer(folder)


def questions_in(folder, language):
    import pyarrow.parquet as parquet

    path = folder / f"google/xtreme/XQuAD.{language}/validation-00000-of-00001.parquet"
    return [question_of(row) for row in parquet.read_table(path).to_pylist()]


@pytest.mark.parametrize("language", ["ru", "ar", "hi"])
def test_answers_to_transliterated_text_decode_to_the_original_script(corpus, latin, language):
    questions = questions_in(corpus, language)
    held = list(spans_of(family().features(latin, questions, training=True), questions))
    assert len(held) == len(questions) and not any("a" <= letter <= "z" for _, text in held for letter in text)
    assert all(sliced(text, 0, len(text)) == question.answers[0].text.strip() for question, text in held)


def test_answers_to_real_transliterated_questions_decode_to_the_original_script(shared_data, latin):
    questions = questions_in(shared_data, "ar")
    features = family().features(latin, questions, training=True)
    held = list(spans_of(features, questions))
    exact = [sliced(text, 0, len(text)) == question.answers[0].text.strip() for question, text in held]
    assert np.mean(exact) > 0.97 and len({question.id for question, _ in held}) > 0.99 * len(questions)
    # The same by the answers themselves: logits that are highest at the labels.
    tests = family().features(latin, questions[:40], training=False)
    rows = family().features(latin, questions[:40], training=True)
    logits = [[np.zeros(n, np.float32) for n in tests.lengths] for _ in range(2)]
    for row in np.flatnonzero(rows.columns["start_positions"]):
        for side, name in zip(logits, ("start_positions", "end_positions"), strict=True):
            side[row][rows.columns[name][row]] = 9.0
    answers = family().decode(tests, outputs(family(), tests, *logits), questions[:40])
    right = [answer == question.answers[0].text.strip() for answer, question in zip(answers, questions, strict=False)]
    assert np.mean(right) > 0.9 and all(answer in q.context for answer, q in zip(answers, questions, strict=False))
    assert set(features.example.tolist()) == set(range(len(questions)))


@pytest.mark.parametrize("kind", KINDS)
def test_labels_in_every_script_become_spans_that_hold_the_answer(kind):
    questions = [labelled(text, text[7:18].strip(), name=str(i)) for i, text in enumerate(TEXTS)]
    features = family().features(separated(kind), questions, training=True)
    held = list(spans_of(features, questions))
    assert len(held) == len(questions)
    assert all(question.answers[0].text in text for question, text in held)
    assert all(len(text) < len(question.context) for question, text in held)


def test_windows_without_the_whole_answer_point_to_position_0():
    context = words(40)
    features = family(**SMALL).features(WORDS["mbert"], [labelled(context, "w10 w11", "w1 w2")], training=True)
    windows = features.facts["cuts"].windows
    header = 4
    for row in range(len(features)):
        first, last = 10 - windows.start[row], 11 - windows.start[row]
        whole = first >= 0 and last < windows.length[row]
        expected = (first + header, last + header) if whole else (0, 0)
        assert (features.columns["start_positions"][row], features.columns["end_positions"][row]) == expected
    assert (features.columns["start_positions"] > 0).sum() in range(1, len(features))


def test_unusable_examples_are_left_out_with_a_warning(caplog):
    context = "The Norse settled in Normandy in 911."
    questions = [
        labelled(context, "Normandy", name="kept"),
        Question("shifted", "Where?", context, (Answer("Normandy", 2),)),
        Question("absent", "Where?", context, (Answer("Brittany", 21),)),
        Question("stripped", "Where?", context, (Answer("", 0),)),
        Question("unlabelled", "Where?", context, ()),
        Question("impossible", "Why?", context, (), impossible=True),
        Question("blank", " ", context, (Answer("911", 33),)),
    ]
    features = family().features(tokenizer("bert"), questions, training=True)
    assert features.example.tolist() == [0, 1]
    assert {text for _, text in spans_of(features, questions)} == {"Normandy"}
    assert "5 of 7 training questions left out" in caplog.text
    with_none = family(no_answer=True).features(tokenizer("bert"), questions, training=True)
    assert with_none.example.tolist() == [0, 1, 5]
    assert with_none.columns["start_positions"][2] == with_none.columns["end_positions"][2] == 0
    assert len(family().features(tokenizer("bert"), questions[2:5], training=True)) == 0


@pytest.mark.parametrize(("start", "expected"), [(4, (4, 6)), (5, (4, 6)), (9, (10, 12)), (-3, (0, 2)), (99, (10, 12))])
def test_shifted_answers_go_to_the_nearest_place(start, expected):
    question = Question("q", "?", "ab, ab; no ab", (Answer("ab", start),))
    question = Question("q", "?", "ab  ab    ab", question.answers)
    assert located(question) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_loss_is_that_of_the_model(kind, models):
    qa = family()
    model = qa.load(str(models[kind])).eval()
    questions = [labelled(text, text[7:18].strip(), name=str(i)) for i, text in enumerate(TEXTS)]
    features = qa.features(separated(kind), questions, training=True)

    def batch_of(rows):
        return {name: torch.from_numpy(a) for name, a in features.batch(np.array(rows), 0).items()}

    with torch.inference_mode():
        own = [float(model(**batch_of([row])).loss) for row in range(len(features))]
        total, count = qa.loss(model, batch_of(range(len(features))))
    assert int(count) == len(features)
    np.testing.assert_allclose(float(total), sum(own), rtol=1e-4)


def test_a_small_model_learns_to_answer(models):
    qa = family()
    tokens = tokenizer("xlmr")
    model = qa.load(str(models["xlmr"]))
    questions = [
        labelled(text, text.split()[-1] if " " in text else text[2:5], name=str(i)) for i, text in enumerate(TEXTS)
    ]
    features = qa.features(tokens, questions, training=True)
    batch = {name: torch.from_numpy(a) for name, a in features.batch(np.arange(len(features)), 1).items()}
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    torch.manual_seed(0)
    for _ in range(80):
        total, count = qa.loss(model, batch)
        (total / count).backward()
        optimizer.step()
        optimizer.zero_grad()
    (prediction,) = qa.predict(cutting(4096)(model, tokens), [unit(questions)])
    right = [q.answers[0].text in a for q, a in zip(questions, prediction.predictions, strict=True)]
    assert np.mean(right) > 0.85


# Models


def test_causal_language_models_keep_their_weights(tmp_path):
    """transformers calls their body "transformer" in this head only: loaded naively it is random, without an error."""
    from transformers import AutoModelForCausalLM, AutoModelForQuestionAnswering, Qwen2Config

    from harness.models.heads import load_head

    size = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 16}
    original = AutoModelForCausalLM.from_config(Qwen2Config(vocab_size=50, hidden_size=16, **size))
    original.save_pretrained(tmp_path / "lm")
    expected = original.model.layers[0].mlp.up_proj.weight
    model = family().load(str(tmp_path / "lm"))
    assert torch.equal(model.transformer.layers[0].mlp.up_proj.weight, expected)
    model.save_pretrained(tmp_path / "qa")
    elsewhere = AutoModelForQuestionAnswering.from_pretrained(tmp_path / "qa")
    assert torch.equal(elsewhere.transformer.layers[0].mlp.up_proj.weight, expected)
    assert torch.equal(elsewhere.qa_outputs.weight, model.qa_outputs.weight)
    classifier = load_head("SequenceClassification", str(tmp_path / "qa"), ("a", "b", "c"))
    assert torch.equal(classifier.model.layers[0].mlp.up_proj.weight, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_head_of_span_qa_is_kept_as_it_was_saved(kind, models, tmp_path):
    model = family().load(str(models[kind]))
    torch.nn.init.normal_(model.qa_outputs.weight)
    model.save_pretrained(tmp_path)
    assert torch.equal(family().load(str(tmp_path)).qa_outputs.weight, model.qa_outputs.weight)


# No answer (SQuAD v2.0)


@pytest.mark.parametrize(("threshold", "expected"), [(-5.0, ""), (-4.0, "w3 w4"), (0.0, "w3 w4"), (3.0, "w3 w4")])
def test_no_answer_where_its_score_exceeds_the_best_by_more_than_the_threshold(threshold, expected):
    qa = family(no_answer=True, null_threshold=threshold)
    features = qa.features(WORDS["mbert"], [ask("w1", words(6))], training=False)
    start, end = np.zeros(features.lengths[0]), np.zeros(features.lengths[0])
    start[0], end[0], start[6], end[7] = 1, 2, 3, 4
    found = outputs(qa, features, [start], [end])
    assert qa.decode(features, found, []) == [expected]
    assert [(answer.text, answer.null_minus_best) for answer in qa.answers(features, found)] == [("w3 w4", -4.0)]


def test_the_score_of_no_answer_is_the_smallest_of_the_windows():
    qa = family(**SMALL, no_answer=True)
    features = qa.features(WORDS["mbert"], [ask("w1", words(12))], training=False)
    assert len(features) == 3
    start, end = ([np.zeros(n) for n in features.lengths] for _ in range(2))
    for row, null in enumerate((5, -7, 2)):
        start[row][0] = null
    assert qa.answers(features, outputs(qa, features, start, end))[0].null_minus_best == -7
    assert qa.decode(features, outputs(qa, features, start, end), []) != [""]


def test_facts_hold_what_a_best_threshold_needs(models):
    questions = [ask(TEXTS[i][:30], " ".join(TEXTS), str(i)) for i in range(6)]
    predictions = {}
    for threshold in (-1e8, 0.0, 1e8):
        qa = family(max_length=128, no_answer=True, null_threshold=threshold)
        forward = cutting(4096)(qa.load(str(models["bert"])), tokenizer("bert"))
        (prediction,) = qa.predict(forward, [unit(questions)])
        json.dumps(prediction.facts, allow_nan=False)
        predictions[threshold] = prediction
        gaps = prediction.facts["null_minus_best"]
        assert prediction.predictions == [
            "" if gap > threshold else best for gap, best in zip(gaps, prediction.facts["best"], strict=True)
        ]
    assert set(predictions[-1e8].predictions) == {""}
    assert all(predictions[1e8].predictions)
    assert predictions[0.0].facts == predictions[1e8].facts


# Legacy projection


@pytest.mark.parametrize(
    ("kind", "context", "detokenised", "expected"),
    [
        # Pieces of mBERT are spaced characters, so Chinese works; XLM-R's are not, and the whole stretch comes back.
        ("bert", "他在北京，中国。", "北 京", "北京"),
        ("xlmr", "他在北京，中国。", "北京", "他在北京，中国。"),
        ("xlmr", "about 7,000 men", "7,000", "7,000"),
        ("xlmr", "about (7,000) men", "7,000", "(7,000)"),
        ("bert", "about (7,000) men", "7 , 000", "7,000"),
        ("bert", "Steve Smith's team", "Steve Smith", "Steve Smith"),
        ("xlmr", "Steve Smith's team", "Steve Smith", "Steve Smith"),
        ("bert", "at the café.", "[UNK]", "café."),
    ],
)
def test_a_detokenised_answer_is_projected_onto_the_words_of_its_context(kind, context, detokenised, expected):
    from harness.families._answer_decoding import Projection

    projection = Projection(separated(kind))
    wanted = next(piece for piece in (expected, detokenised.replace(" ", "")) if piece in context)
    begin = context.index(wanted)
    words = projection.words(context, begin, begin + len(wanted) - 1)
    assert projection.project(detokenised, words) == expected


def test_projection_undoes_lower_casing(minilm):
    from harness.families._answer_decoding import Projection
    from harness.models.load import load_tokenizer

    tokens = load_tokenizer(minilm)
    projection = Projection(tokens)
    context = "The  Café\tde\u202fFlore, in Paris."
    ids = tokens("Café de Flore", add_special_tokens=False)["input_ids"]
    assert projection.detokenised(ids) == "cafe de flore"
    words = projection.words(context, context.index("Café"), context.index("Flore"))
    assert words == "Café de Flore,"
    assert projection.project("cafe de flore", words) == "Café de Flore"


def test_legacy_decoding_of_real_questions_returns_whole_words_around_the_exact_answers(xquad, minilm):
    from harness.models.load import load_tokenizer

    tokens = load_tokenizer(minilm)
    questions = xquad("en", 200)
    plain, legacy = family(), family(decode="legacy_projection")
    features = plain.features(tokens, questions, training=False)
    found = outputs(plain, features, *random_logits(features, np.random.default_rng(3)))
    cut_out = plain.decode(features, found, questions)
    projected = legacy.decode(legacy.features(tokens, questions, training=False), found, questions)
    same = np.mean([a == b for a, b in zip(cut_out, projected, strict=True)])
    assert 0.5 < same < 1  # spans that begin inside a word come back as whole words
    for question, exact, answer in zip(questions, cut_out, projected, strict=True):
        assert answer in " ".join(question.context.split())
        assert answer in exact or exact in answer or " ".join(exact.split()) == answer


def test_projection_is_left_out_for_the_languages_that_say_so(models):
    context = TEXTS[5] * 3
    questions = [ask("会议何时举行？", context)]
    answers = {}
    for skipped in ("", "zh, ja"):
        qa = family(decode="legacy_projection", skip_projection_for=skipped, max_answer_length=3)
        forward = cutting(4096)(qa.load(str(models["xlmr"])), tokenizer("xlmr"))
        for prediction in qa.predict(forward, [unit(questions, "zh"), unit(questions, "en")]):
            answers[skipped, prediction.unit.language] = prediction.predictions[0]
    assert answers["", "zh"] == answers["", "en"] == answers["zh, ja", "en"] == context
    assert answers["zh, ja", "zh"] in context and len(answers["zh, ja", "zh"]) < 20


# Baselines


def test_baselines_guess_spans_of_the_context_as_long_as_those_of_training():
    train = [labelled("Duke William II of Normandy", answer) for answer in ("Duke", "William II", "Duke William II")]
    contexts = ["In 1066 he came.", "\ufeff 在北京，中国。", "x"]
    examples = [ask("?", context, str(i)) for i, context in enumerate(contexts)]
    assert family().guess("majority", train, unit(examples), 0) == ["In 1066", "在", "x"]
    assert family().guess("majority", [], unit(examples), 0) == ["In 1066 he", "在北", "x"]
    random = family().guess("random", train, unit(examples * 40), 1)
    assert random == family().guess("random", train, unit(examples * 40), 1)
    assert random != family().guess("random", train, unit(examples * 40), 2)
    assert random != family().guess("random", train, unit(examples * 40, "sw"), 1)
    assert all(guess in question.context for guess, question in zip(random, examples * 40, strict=True))
    assert max(len(guess.split()) for guess in random) > 2


def test_the_majority_may_have_no_answer():
    impossible = [Question(str(i), "?", "x y", (), impossible=True) for i in range(3)]
    train = [labelled("Duke William II", "Duke"), *impossible]
    examples = [ask("?", "In 1066 he came.")]
    assert family(no_answer=True).guess("majority", train, unit(examples), 0) == [""]
    assert family(no_answer=True).guess("majority", train[:2], unit(examples), 0) == ["In"]
    assert family().guess("majority", train, unit(examples), 0) == ["In"]
