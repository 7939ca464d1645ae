"""Metrics against golden values of the reference functions, seqeval, and plain slow versions written here."""

from __future__ import annotations

import re
import string
import unicodedata
import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.scoring.intervals import percentiles
from harness.scoring.metrics import METRICS, get_metric
from harness.scoring.metrics.answers import mlqa_tokens, squad_tokens
from harness.scoring.metrics.base import AdditiveMetric, Metric, percent

UPOS = "ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X".split()
QUICK = settings(max_examples=100, deadline=None)


def sentences(tags):
    """Pairs of gold and predicted sentences of equal lengths."""
    words = st.lists(st.tuples(st.sampled_from(tags), st.sampled_from(tags)), max_size=9)
    return st.lists(words, min_size=1, max_size=5).map(
        lambda rows: ([[a for a, _ in row] for row in rows], [[b for _, b in row] for row in rows])
    )


def legacy_chunks(tags):
    """The chunk rules of the seqeval releases of 2020, one tag at a time."""
    chunks, previous, kind_before, begin = set(), "O", "", 0
    for i, tag in enumerate([*tags, "O"]):
        prefix, kind = tag[0], tag.split("-")[-1]
        ends = (
            previous in "ES" or (previous in "BI" and prefix in "BSO") or (previous not in "O." and kind_before != kind)
        )
        starts = (
            prefix in "BS"
            or (previous, prefix) in {(a, b) for a in "ESO" for b in "EI"}
            or (prefix not in "O." and kind_before != kind)
        )
        if ends:
            chunks.add((kind_before, begin, i - 1))
        if starts:
            begin = i
        previous, kind_before = prefix, kind
    return chunks


def f1(hits, predicted, gold):
    return 200 * hits / (predicted + gold) if predicted + gold else 0.0


def test_accuracy_counts_equal_labels():
    scored = get_metric("accuracy").compute(["a", "b", "c", "a"], ["a", "b", "b", "c"], "en")
    assert scored == {"accuracy": 50.0}
    assert get_metric("accuracy").compute([3, 1], [3, 2], "de") == {"accuracy": 50.0}


def test_accuracy_of_sentences_counts_tags():
    gold, predicted = [["A", "B", "C"], ["A"]], [["A", "B", "B"], ["B"]]
    metric = get_metric("accuracy")
    assert metric.compute(gold, predicted, "en") == {"accuracy": 50.0}
    assert metric.statistics(gold, predicted, "en").tolist() == [[2, 3], [0, 1]]


def test_accuracy_f1_of_the_positive_class():
    gold = ["duplicate", "duplicate", "not_duplicate", "not_duplicate", "duplicate"]
    predicted = ["duplicate", "not_duplicate", "duplicate", "not_duplicate", "duplicate"]
    metric = get_metric("accuracy_f1")
    assert metric.primary == ("accuracy", "f1")
    scored = metric.compute(gold, predicted, "en")
    assert scored["accuracy"] == pytest.approx(60)
    assert scored["f1"] == scored["precision"] == scored["recall"] == pytest.approx(200 / 3)
    other = get_metric("accuracy_f1:not_duplicate").compute(gold, predicted, "en")
    assert other["f1"] == pytest.approx(50)


@settings(QUICK)
@given(st.lists(st.tuples(st.sampled_from("01"), st.sampled_from("01")), min_size=1, max_size=30))
def test_accuracy_f1_equals_sklearn(rows):
    from sklearn.metrics import accuracy_score, f1_score

    gold, predicted = ([row[side] for row in rows] for side in (0, 1))
    scored = get_metric("accuracy_f1").compute(gold, predicted, "en")
    assert scored["accuracy"] == pytest.approx(100 * accuracy_score(gold, predicted))
    assert scored["f1"] == pytest.approx(100 * f1_score(gold, predicted, pos_label="1", zero_division=0))


@settings(QUICK)
@given(st.lists(st.tuples(st.integers(0, 5), st.none() | st.integers(0, 5)), min_size=1, max_size=30))
def test_weighted_f1_equals_sklearn(rows):
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    gold, predicted = [row[0] for row in rows], [-1 if row[1] is None else row[1] for row in rows]
    scored = get_metric("weighted_f1").compute(gold, [row[1] for row in rows], "en")
    precision, recall, f1, _ = precision_recall_fscore_support(gold, predicted, average="weighted", zero_division=0)
    assert scored == pytest.approx({"f1": 100 * f1, "precision": 100 * precision, "accuracy": 100 * recall})
    assert scored["accuracy"] == pytest.approx(100 * accuracy_score(gold, predicted))


def test_legacy_pos_f1_equals_its_golden_value():
    gold = [["DET", "NOUN", "NOUN", "VERB", "SCONJ", "SCONJ", "PUNCT"], ["PROPN", "PROPN", "X"]]
    predicted = [["DET", "NOUN", "VERB", "VERB", "SCONJ", "CCONJ", "PUNCT"], ["PROPN", "NOUN", "X"]]
    scored = get_metric("udpos_f1").compute(gold, predicted, "en")
    assert scored["f1"] == pytest.approx(47.0588, abs=1e-4)
    assert scored["precision"] == pytest.approx(44.4444, abs=1e-4)
    assert scored["recall"] == pytest.approx(50)
    assert scored["accuracy"] == pytest.approx(70)


def test_legacy_pos_f1_is_not_token_accuracy():
    scored = get_metric("udpos_f1").compute([["NOUN", "NOUN", "VERB"]], [["NOUN", "VERB", "VERB"]], "en")
    assert scored["f1"] == 0
    assert scored["accuracy"] == pytest.approx(200 / 3)


def test_each_word_tagged_sym_or_sconj_is_a_chunk():
    metric = get_metric("udpos_f1")
    assert metric.statistics([["SYM"] * 3, ["NOUN"] * 3], [["SYM"] * 3, ["NOUN"] * 3], "en")[:, 2].tolist() == [3, 1]


@settings(QUICK)
@given(sentences([*UPOS, "O"]))
def test_legacy_chunks_equal_the_rules_one_by_one(pair):
    gold, predicted = pair
    table = get_metric("udpos_f1").statistics(gold, predicted, "en")
    for row, right, guess in zip(table, gold, predicted, strict=True):
        true, found = legacy_chunks(right), legacy_chunks(guess)
        matching = sum(a == b for a, b in zip(right, guess, strict=True))
        assert row.tolist() == [len(true & found), len(found), len(true), matching, len(right)]


def test_ner_f1_equals_its_golden_value():
    gold = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-ORG"]]
    predicted = [["I-PER", "I-PER", "O", "I-LOC"], ["B-ORG", "I-ORG"]]
    for name in ("ner_f1", "udpos_f1"):
        assert get_metric(name).compute(gold, predicted, "en")["f1"] == pytest.approx(66.6667, abs=1e-4)


IOB2 = ["O", "O", *(f"{prefix}-{kind}" for prefix in "BI" for kind in ("PER", "ORG", "LOC"))]
COMPOUND = [*IOB2, "I-A-B", "B-A-B", "B--", "I-O", "B-B", "I-per"]


def by_seqeval(gold, predicted):
    """The numbers of seqeval's own functions, one by one."""
    from seqeval.metrics import f1_score, precision_score, recall_score

    functions = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: 100 * float(function(gold, predicted)) for name, function in functions.items()}


@settings(QUICK)
@given(st.one_of(sentences(IOB2), sentences(COMPOUND)))
def test_entity_scores_are_those_of_seqeval_and_the_sums_of_sentences_agree(pair):
    gold, predicted = pair
    metric, expected = get_metric("ner_f1"), by_seqeval(gold, predicted)
    values = metric.compute(gold, predicted, "en")
    assert {name: values[name] for name in expected} == expected
    sums = metric.finish(metric.statistics(gold, predicted, "en").sum(axis=0))
    assert {name: float(value) for name, value in sums.items()} == pytest.approx(values)


@settings(QUICK)
@given(sentences([*UPOS, "O"]))
def test_part_of_speech_scores_are_those_of_seqeval_on_prefixed_tags_and_the_sums_agree(pair):
    prefixed = [[[f"{tag[0]}-{tag}" for tag in tags] for tags in side] for side in pair]
    metric, expected = get_metric("udpos_f1"), by_seqeval(*prefixed)
    values = metric.compute(*pair, "en")
    assert {name: values[name] for name in expected} == expected
    sums = metric.finish(metric.statistics(*pair, "en").sum(axis=0))
    assert {name: float(value) for name, value in sums.items()} == pytest.approx(values)


def test_no_sentences_at_all_score_0():
    assert set(get_metric("ner_f1").compute([], [], "en").values()) == {0.0}


def test_sentences_that_are_tuples_score_as_lists_do():
    gold, predicted = [("B-PER", "O"), ()], [("B-PER", "B-LOC"), ()]
    lists = [[*tags] for tags in gold], [[*tags] for tags in predicted]
    assert get_metric("ner_f1").compute(gold, predicted, "en") == get_metric("ner_f1").compute(*lists, "en")


def test_no_entities_anywhere_scores_0():
    assert get_metric("ner_f1").compute([["O"]], [["O"]], "en") == {
        "f1": 0.0,
        "precision": 0.0,
        "recall": 0.0,
        "accuracy": 100.0,
    }


def test_unequal_sentences_are_refused():
    with pytest.raises(ValueError, match="length"):
        get_metric("ner_f1").statistics([["O", "O"]], [["O"]], "en")


@pytest.mark.parametrize(
    ("predicted", "gold", "language", "exact", "overlap"),
    [
        ("The Eiffel Tower.", "Eiffel tower", "en", 1, 1),
        ("1990年5月", "1990年5月3日", "zh", 0, 0.8),
        ("在北京，中国", "北京", "zh", 0, 0.571429),
        ("البطولات الكبرى", "بطولات كبرى", "ar", 1, 1),
        ("سالم", "سم", "ar", 0, 0),
        ("der Die Hund", "Hund", "de", 1, 1),
        ("của là Hà Nội", "Hà Nội", "vi", 1, 1),
        ("“Hola”, el mundo", "hola mundo", "es", 1, 1),
        ("दिल्ली।", "दिल्ली", "hi", 1, 1),
    ],
)
def test_scores_of_mlqa_answers_equal_their_golden_values(predicted, gold, language, exact, overlap):
    scored = get_metric("mlqa").compute([[gold]], [predicted], language)
    assert scored["exact_match"] == 100 * exact
    assert scored["f1"] == pytest.approx(100 * overlap, abs=1e-4)


def test_tokens_of_mlqa_equal_the_golden_normalisation():
    assert " ".join(mlqa_tokens("1990年5月3日", "zh")) == "1990 年 5 月 3 日"
    assert " ".join(mlqa_tokens("在北京，中国", "zh")) == "在 北 京 中 国"
    assert " ".join(mlqa_tokens("سالم", "ar")) == "س م"


def test_mlqa_refuses_other_languages():
    with pytest.raises(UsageError, match="'fr'"):
        get_metric("mlqa").compute([["a"]], ["a"], "fr")


@pytest.mark.parametrize(
    ("predicted", "gold", "exact", "overlap"),
    [
        ("The Eiffel Tower.", "Eiffel tower", 1, 1),
        ("“308”", "308", 0, 0),
        ("1990年5月", "1990年5月3日", 0, 0),
        ("दिल्ली।", "दिल्ली", 0, 0),
        ("A", "the", 1, 0),
        ("der Hund", "Hund", 0, 0.666667),
        ("308 points", "308", 0, 0.666667),
    ],
)
def test_scores_of_squad_answers_equal_their_golden_values(predicted, gold, exact, overlap):
    scored = get_metric("squad").compute([[gold]], [predicted], "xx")
    assert scored["exact_match"] == 100 * exact
    assert scored["f1"] == pytest.approx(100 * overlap, abs=1e-4)


def test_the_best_of_several_gold_answers_counts():
    scored = get_metric("squad").compute([["in Paris", "Paris", "Lyon"]], ["Paris"], "en")
    assert scored == {"exact_match": 100.0, "f1": 100.0}


def test_questions_without_answer_want_none():
    metric = get_metric("squad2")
    assert metric.compute([[], []], ["", "Paris"], "en") == {"exact_match": 50.0, "f1": 50.0}
    # SQuAD v2.0: an answer of nothing but articles counts as no answer, and both numbers agree on it
    assert metric.compute([["the"]], ["a"], "en") == {"exact_match": 100.0, "f1": 100.0}


def plain_squad(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def plain_mlqa(text):
    text = "".join(c for c in text.lower() if c not in string.punctuation and unicodedata.category(c)[0] != "P")
    out = ""
    for c in text:
        out += f" {c} " if "\u4e00" <= c <= "\u9fa5" else c
    return out.split()


def plain_f1(a, b):
    shared = sum(min(Counter(a)[word], Counter(b)[word]) for word in set(a) & set(b))
    if not shared:
        return 0.0
    precision, recall = shared / len(a), shared / len(b)
    return 2 * precision * recall / (precision + recall)


ANSWER = st.lists(
    st.sampled_from(["the", "A", "cat", "Cat.", "“x”", "北京", "5月", "، ", "\u2028", "n't", "-", "é"]), max_size=5
).flatmap(lambda words: st.sampled_from(["".join(words), " ".join(words)]))


@settings(QUICK)
@given(st.lists(ANSWER, min_size=1, max_size=3), st.one_of(ANSWER, st.text(max_size=12)))
def test_answers_equal_the_plain_version(gold, predicted):
    for name, language, tokens in (("squad", "th", plain_squad), ("mlqa", "zh", plain_mlqa)):
        scored = get_metric(name).compute([gold], [predicted], language)
        guess, right = tokens(predicted), [tokens(answer) for answer in gold]
        assert scored["exact_match"] == 100 * (guess in right)
        assert scored["f1"] == pytest.approx(100 * max(plain_f1(guess, answer) for answer in right))


@settings(QUICK)
@given(st.text(max_size=20))
def test_normalising_any_text_is_stable(text):
    for language in ("en", "es", "de", "vi", "ar", "hi", "zh"):
        assert all(token and not token.isspace() for token in mlqa_tokens(text, language))
    assert squad_tokens(text) == tuple(plain_squad(text))


def test_mining_f1_equals_its_golden_value():
    gold = {"s0-t0", "s1-t1", "s3-t4"}
    predicted = {"s1-t1", "s0-t0"}
    items = sorted(gold | predicted)
    scored = get_metric("mining_f1").compute([i in gold for i in items], [i in predicted for i in items], "de")
    assert scored == pytest.approx({"precision": 100.0, "recall": 200 / 3, "f1": 80.0})


@settings(QUICK)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_mining_f1_is_the_harmonic_mean(rows):
    gold, predicted = ([row[side] for row in rows] for side in (0, 1))
    hits = sum(a and b for a, b in rows)
    scored = get_metric("mining_f1").compute(gold, predicted, "de")
    assert scored["f1"] == pytest.approx(f1(hits, sum(predicted), sum(gold)))
    assert min(scored["precision"], scored["recall"]) - 1e-9 <= scored["f1"]


def test_average_precision_equals_its_golden_values():
    metric = get_metric("average_precision")
    assert metric.compute([["3", "7"]], [["3", "1", "7"]], "en")["map@20"] == pytest.approx(83.3333, abs=1e-4)
    relevant = [f"r{i}" for i in range(11)]
    ranking = [f"n{i}" for i in range(9)] + relevant
    assert metric.compute([relevant], [ranking], "en")["map@20"] == pytest.approx(37.1005, abs=1e-4)


def test_reciprocal_rank_equals_its_golden_value():
    metric = get_metric("reciprocal_rank")
    assert metric.primary == ("map@20",)
    values = metric.compute([["Q1"], ["Q2"], ["Q3"]], [["Q9", "Q1"], ["Q2"], []], "tr")
    assert values == dict.fromkeys(("map@20", "mrr@20"), 50.0)


@pytest.mark.parametrize("name", ["reciprocal_rank", "average_precision"])
def test_ranks_beyond_20_do_not_count(name):
    ranking = [f"Q{i}" for i in range(1, 30)]
    metric = get_metric(name)
    assert metric.compute([["Q20"]], [ranking], "tr")["map@20"] == 5.0
    assert metric.compute([["Q21"]], [ranking], "tr")["map@20"] == 0.0


RED_CIRCLE = (
    '{"shapes": [{"kind": "circle", "colour": "red", "size": "big", "x": 9, "y": 9, "radius": 6}],'
    ' "said": {"looks": [["circle", "red", "big"]], "relation": "", "count": 0}, "given": []}'
)
SAMPLES = {
    "accuracy": (["a", "b", "b"], ["a", "a", "b"]),
    "macro_f1": (["a", "b", "b"], ["a", "a", "b"]),
    "accuracy_f1": (["1", "0", "1"], ["1", "1", "0"]),
    "weighted_f1": ([0, 1, 2], [0, 0, 2]),
    "udpos_f1": ([["NOUN"], ["SYM", "X"]], [["NOUN"], ["X", "X"]]),
    "ner_f1": ([["B-PER"], ["O"]], [["I-PER"], ["B-LOC"]]),
    "squad": ([["a cat"], ["dog"]], ["cat", "dogs"]),
    "squad2": ([[], ["dog"]], ["cat", "dog"]),
    "mlqa": ([["a cat"], ["dog"]], ["cat", "dogs"]),
    "mining_f1": ([True, False, True], [True, True, False]),
    "reciprocal_rank": ([["Q1"], ["Q2"]], [["Q3", "Q1"], []]),
    "caption_match": (
        [
            {"caption": "A dog.", "others": ["a cat"], "language": "en"},
            {"caption": "一只狗", "others": [], "language": "zh"},
        ],
        ["A Cat", "一只猫"],
    ),
    "scene_slots": (
        [{"facts": RED_CIRCLE, "language": code, "caption": ""} for code in ("en", "de")],
        ["There is a big blue circle.", "Hier ist ein großer roter Kreis."],
    ),
    "average_precision": ([["Q1", "Q4"], ["Q2"]], [["Q3", "Q1"], []]),
}


@pytest.mark.parametrize("name", METRICS)
def test_finish_takes_sums_of_any_shape(name):
    """The bootstrap hands over a matrix of sums: every row must come out as it would alone."""
    gold, predicted = SAMPLES[name]
    metric = get_metric(name)
    table = metric.statistics(gold, predicted, "en")
    assert len(table) == len(gold)
    sums = np.stack([table.sum(axis=0), 3 * table[0], 0 * table[0]])
    together = metric.finish(sums)
    assert set(metric.primary) <= set(together)
    for row in range(len(sums)):
        alone = metric.finish(sums[row])
        assert {key: values[row] for key, values in together.items()} == alone
        assert all(0 <= value <= 100 for value in alone.values())


def test_unknown_metric_is_a_usage_error_with_a_suggestion():
    with pytest.raises(UsageError) as caught:
        get_metric("acuracy")
    assert "'accuracy'" in caught.value.hint


def test_a_plugin_can_bring_its_own_metric():
    assert get_metric("harness.scoring.metrics.accuracy:Accuracy").name == "accuracy"
    with pytest.raises(UsageError, match="not a metric"):
        get_metric("harness.core.errors:DataError")


class BeforeTheSplit(Metric):
    """Written as an additive metric was when there was one class of metrics."""

    name = "length"
    primary = ("length",)

    def statistics(self, gold, predicted, language):
        return np.array([[len(text), 1] for text in gold], dtype=np.float64)

    def finish(self, sums):
        return {"length": 100 * sums[..., 0] / sums[..., 1]}


class WholeBeforeTheSplit(BeforeTheSplit):
    """The same, said to be of the other kind."""

    additive = False

    def compute(self, gold, predicted, language):
        return {"length": 1.0}


def test_metrics_written_before_additive_ones_had_a_class_are_what_they_were():
    summed = get_metric(f"{__name__}:BeforeTheSplit")
    assert isinstance(summed, AdditiveMetric) and isinstance(summed, BeforeTheSplit)
    assert type(summed).__name__ == "BeforeTheSplit" and summed.proportions == ()
    assert summed.compute(["a", "bcd"], ["", ""], "en") == {"length": 200.0}
    whole = get_metric(f"{__name__}:WholeBeforeTheSplit")
    assert not isinstance(whole, AdditiveMetric)
    assert whole.compute(["a"], [""], "en") == {"length": 1.0}


def test_types_are_read_as_seqeval_reads_them():
    entity, legacy = get_metric("ner_f1"), get_metric("udpos_f1")
    read = {"B-PER": "PER", "I-a-b": "a-b", "B-X": "X", "BX": "X", "B-": "_", "O": "_"}
    assert {tag: entity.chunk_type(tag) for tag in read} == read
    read = {"NOUN": "NOUN", "X": "X", "B-X": "X", "B-a-b": "b"}
    assert {tag: legacy.chunk_type(tag) for tag in read} == read
    assert [legacy.spelt(tag) for tag in ("NOUN", "X", "PROPN")] == ["N-NOUN", "X-X", "P-PROPN"]


STATISTICS = {
    "accuracy of one label": ("accuracy", ["a"], ["a"], [[1, 1]]),
    "accuracy of one sentence": ("accuracy", [["a", "b", "c"]], [["a", "b", "b"]], [[2, 3]]),
    "an answer not given": ("squad", [["a cat"]], [None], [[0, 0, 1]]),
    "an answer where none is right": ("squad2", [[]], ["cat"], [[0, 0, 1]]),
    "no answer where none is right": ("squad2", [[]], [""], [[1, 1, 1]]),
    "half an answer": ("squad", [["black cat", "red dog"]], ["black dog"], [[0, 0.5, 1]]),
    "the same answer": ("squad", [["red dog", "a black cat"]], ["the black cat"], [[1, 1, 1]]),
}


@pytest.mark.parametrize("case", STATISTICS)
def test_the_statistics_of_one_item_are_these(case):
    name, gold, predicted, expected = STATISTICS[case]
    assert get_metric(name).statistics(gold, predicted, "en").tolist() == expected


@pytest.mark.filterwarnings("error")
def test_a_share_of_nothing_is_0_and_no_division():
    assert percent(np.array([1.0, 3.0, 0.0]), np.array([4.0, 0.0, 0.0])).tolist() == [25.0, 0.0, 0.0]


def test_the_standard_error_is_that_of_a_sample():
    assert percentiles(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))[0] == pytest.approx(2.5**0.5)


def test_guesses_at_masked_tokens_are_counted_from_one_on():
    metric = get_metric("harness.scoring.metrics.masked:MaskedTokens")
    assert metric.primary == ("accuracy",)
    one = metric.compute([None], [(1, 1, np.log(7))], "en")
    assert one == pytest.approx({"accuracy": 100.0, "perplexity": 7.0})
    two = metric.compute([None] * 2, [(3, 1, 3.0), (2, 1, 4.0)], "en")
    assert two == pytest.approx({"accuracy": 40.0, "perplexity": np.exp(7 / 5)})
    none = metric.compute([None] * 2, [(0, 0, 0.0)] * 2, "en")
    assert none["accuracy"] == 0 and none["perplexity"] == np.exp(700.0)  # a record holds finite numbers only
    assert metric.compute([None], [(1, 0, 710.0)], "en")["perplexity"] == np.exp(700.0)
    assert metric.statistics([], [], "en").shape == (0, 3)


def test_a_ranking_is_scored_by_its_relevant_ids_however_many():
    precision, rank = get_metric("average_precision"), get_metric("reciprocal_rank")
    assert precision.compute([["a"], []], [["a"], ["a"]], "en") == {"map@20": 50.0}
    assert precision.compute([["a", "a", "b"]], [["a"]], "en") == {"map@20": 50.0}
    assert precision.compute([["a", "b"]], [["a", "c", "b"]], "en")["map@20"] == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert rank.compute([["a", "b"]], [["c", "b", "a"]], "en") == dict.fromkeys(("map@20", "mrr@20"), 50.0)
    with pytest.raises(ValueError):
        rank.statistics([["a"]], [["a"], ["b"]], "en")


def test_queries_with_several_ids_are_remarked_on():
    rank = get_metric("reciprocal_rank")
    assert rank.remarks([["a"], ["b", "b"], []]) == ()
    (said,) = rank.remarks([["a"], ["a", "b"], ["c", "d"]])
    assert said.startswith("2 queries have several ids")
