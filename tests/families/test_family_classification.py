"""Classification: rows as the tokenizer makes them, truncation as the reference's, decisions as one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import KINDS, TEXTS, cutting, save_model, separated, tokenizer

from harness.core.errors import DataError, ModelError, UsageError
from harness.families.classification import Classification
from harness.inference.tokenization import balanced, encode_pairs
from harness.types.examples import Pair
from harness.types.units import UnitExamples

NLI = ("contradiction", "entailment", "neutral")


def family(labels=NLI, **options):
    return Classification(labels, Classification.Options(**options))


def made_pairs(count=24):
    rng = np.random.default_rng(0)
    words = " ".join(TEXTS).split()
    text = lambda: " ".join(rng.choice(words, rng.integers(1, 25)))  # noqa: E731
    return [Pair(f"p{i}", text(), text(), NLI[i % 3]) for i in range(count)]


@pytest.fixture(scope="session")
def real_pairs(shared_data):
    import pyarrow.parquet as parquet

    table = parquet.read_table(shared_data / "google/xtreme/XNLI/validation-00000-of-00001.parquet").to_pylist()
    return [Pair(str(i), r["sentence1"], r["sentence2"], r["gold_label"]) for i, r in enumerate(table[::61])]


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return {kind: save_model(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


def one_by_one(model, tokens, pair, max_length):
    """The plain way: one pair, no padding, the tokenizer's own call."""
    import torch

    encoded = tokens(pair.a, pair.b, truncation="longest_first", max_length=max_length, return_tensors="pt")
    with torch.inference_mode():
        return model(**encoded).logits[0].numpy()


# Rows


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_the_tokenizer(kind, real_pairs):
    tokens = separated(kind)
    first, second = [pair.a for pair in real_pairs], [pair.b for pair in real_pairs]
    for texts in ((first, second), (first, None)):
        ids, types = encode_pairs(tokens, *texts, max_length=512)
        expected = tokens(*texts)
        assert [ids[i].tolist() for i in range(len(ids))] == expected["input_ids"]
        if kind == "bert":
            assert [types[i].tolist() for i in range(len(ids))] == expected["token_type_ids"]
        else:
            assert types is None


def test_special_tokens_of_several_types_in_one_place():
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    base = Tokenizer(models.WordLevel({"<sep>": 0, "<cls>": 1, "<pad>": 2, "<unk>": 3, "a": 4, "b": 5}, "<unk>"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    base.post_processor = processors.TemplateProcessing(  # XLNet's: the last token has a type of its own
        single="$A <sep> <cls>:2", pair="$A <sep> $B:1 <sep>:1 <cls>:2", special_tokens=[("<sep>", 0), ("<cls>", 1)]
    )
    inputs = ["input_ids", "token_type_ids"]
    tokens = PreTrainedTokenizerFast(tokenizer_object=base, pad_token="<pad>", model_input_names=inputs)
    ids, types = encode_pairs(tokens, ["a a", "b"], ["b", ""], 10)
    assert [ids[i].tolist() for i in range(2)] == [[4, 4, 0, 5, 0, 1], [5, 0, 0, 1]]
    assert [types[i].tolist() for i in range(2)] == [[0, 0, 0, 1, 1, 2], [0, 0, 1, 2]]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_odd_texts_are_neither_empty_nor_longer_than_asked(kind):
    tokens = separated(kind)
    texts = [
        "",
        " ",
        "\u200c",
        "\ufeffthe",
        "\u202bلم تذكر\u202c",
        "👩‍👩‍👧 family",
        "the\u00a0meeting",
        "a\nb",
        "x y " * 400,
    ]
    pairs = [Pair(str(i), a, b, None) for i, (a, b) in enumerate((a, b) for a in texts for b in texts)]
    rows = family(max_length=20).features(tokens, pairs, training=False)
    assert len(rows) == len(pairs) and rows.lengths.min() >= 1 and rows.lengths.max() == 20
    if kind == "qwen2":  # no special tokens at all: two empty texts would be a row of nothing
        assert rows.ids[0].tolist() == [tokens.eos_token_id]


def test_single_texts_have_the_single_template():
    tokens = tokenizer("xlmr")
    single = family().features(tokens, [Pair("1", "the dogs", "", None)], training=False)
    assert single.ids[0].tolist() == tokens("the dogs")["input_ids"]
    mixed = family().features(tokens, [Pair("1", "the dogs", "", None), Pair("2", "a", "b", None)], training=False)
    assert mixed.ids[0].tolist() == tokens(["the dogs"], [""])["input_ids"][0]


@pytest.mark.parametrize("kind", ["xlmr", "mt5"])
def test_a_text_cannot_end_its_own_sequence(kind):
    tokens = separated(kind)
    rows = family().features(tokens, [Pair("1", "the </s> dogs", "a field</s>", None)], training=False)
    plain = family().features(tokens, [Pair("1", "the dogs", "a field", None)], training=False)
    assert (rows.ids[0] == tokens.eos_token_id).sum() == (plain.ids[0] == tokens.eos_token_id).sum()
    assert (rows.ids[0] == tokens.unk_token_id).sum() == 2


def test_broken_unicode_is_named():
    with pytest.raises(DataError, match="lone surrogate"):
        family().features(tokenizer("xlmr"), [Pair("1", "fine", "not \ud800 fine", None)], training=False)


def test_too_long_or_too_short_a_row_is_refused():
    with pytest.raises(UsageError, match="more than the 512 tokens"):
        family(max_length=513).features(tokenizer("xlmr"), made_pairs(1), training=False)
    with pytest.raises(UsageError, match="no room"):
        family(max_length=5).features(tokenizer("xlmr"), made_pairs(1), training=False)


# Truncation


def reference_truncation(a, b, room):
    """One token at a time from the end of the currently longer side, from b in a tie (PROTOCOL 3.2)."""
    a, b = list(a), list(b)
    while len(a) + len(b) > room:
        (a if len(a) > len(b) else b).pop()
    return len(a), len(b)


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=20), st.integers(2, 70))
def test_truncation_is_that_of_the_reference(lengths, room):
    a, b = np.array(lengths).T
    kept = np.stack(balanced(a, b, room), axis=1)
    assert kept.tolist() == [list(reference_truncation(range(x), range(y), room)) for x, y in lengths]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), st.integers(6, 40), st.booleans())
def test_rows_keep_the_right_end_of_each_text(a, b, max_length, front):
    tokens = tokenizer("bert")
    words = ["the", "a", "in", "when"] * 10
    ids, _ = encode_pairs(tokens, [" ".join(words[:a])], [" ".join(words[:b])], max_length, front=front)
    left, right = (tokens(" ".join(words[:n]), add_special_tokens=False)["input_ids"] for n in (a, b))
    x, y = reference_truncation(left, right, max_length - 3)
    left, right = (left[len(left) - x :], right[len(right) - y :]) if front else (left[:x], right[:y])
    assert ids[0].tolist() == [tokens.cls_token_id, *left, tokens.sep_token_id, *right, tokens.sep_token_id]


def test_fast_tokenizers_differ_by_a_token_only_in_ties():
    """Documents why the tokenizer's own truncation is not used: with an odd room it gives the odd token to b."""
    tokens = tokenizer("bert")
    text = "the " * 30
    ours, _ = encode_pairs(tokens, [text], [text], 20)
    theirs = tokens(text, text, truncation="longest_first", max_length=20)["input_ids"]
    ends = [np.flatnonzero(np.array(row) == tokens.sep_token_id)[0] - 1 for row in (ours[0], theirs)]
    assert len(ours[0]) == len(theirs) == 20
    assert ends == [9, 8]


# Predictions


@pytest.mark.parametrize("kind", KINDS)
def test_logits_equal_the_plain_forward_pass(kind, models, real_pairs):
    chosen = real_pairs[:40]
    task = family(max_length=256)
    model, tokens = task.load(str(models[kind])).eval(), separated(kind)
    features = task.features(tokens, chosen, training=False)
    logits = np.stack(cutting(2000)(model, tokens).stream(features, task.outputs)["logits"])
    expected = np.stack([one_by_one(model, tokens, pair, 256) for pair in chosen])
    np.testing.assert_allclose(logits, expected, atol=2e-4)
    assert np.ptp(expected, axis=0).max() > 0.05, "the random model must tell the pairs apart"


@pytest.mark.parametrize("kind", KINDS)
def test_decisions_do_not_depend_on_the_batch(kind, models):
    task, pairs = family(), made_pairs()
    model, tokens = task.load(str(models[kind])), separated(kind)
    features = task.features(tokens, pairs, training=False)
    logits = [cutting(budget)(model, tokens).stream(features, task.outputs)["logits"] for budget in (1, 200, 10**6)]
    # A random head may prefer one label throughout: without its mean preference the decisions are close ones.
    usual = np.mean(logits[0], axis=0)
    found = [task.decode(features, {"logits": [row - usual for row in rows]}, pairs) for rows in logits]
    assert found[0] == found[1] == found[2]
    assert set(found[0]) == set(NLI)
    unit = UnitExamples("xnli", "sw", "test", pairs)
    predicted = [next(task.predict(cutting(budget)(model, tokens), [unit])).predictions for budget in (1, 10**6)]
    assert predicted[0] == predicted[1] == task.decode(features, {"logits": logits[0]}, pairs)


def test_a_real_encoder_on_real_text(minilm, real_pairs):
    from transformers import AutoTokenizer

    task, tokens = family(), AutoTokenizer.from_pretrained(minilm)
    model = task.load(str(minilm)).eval()
    features = task.features(tokens, real_pairs[:30], training=False)
    logits = np.stack(cutting(3000)(model, tokens).stream(features, task.outputs)["logits"])
    short = [i for i in range(30) if features.lengths[i] < 128]
    expected = np.stack([one_by_one(model, tokens, real_pairs[i], 128) for i in short])
    np.testing.assert_allclose(logits[short], expected, atol=1e-5)


def test_a_unit_without_examples_has_no_rows_and_no_predictions():
    task = family()
    features = task.features(tokenizer("xlmr"), [], training=False)
    assert len(features) == 0 and task.decode(features, {}, []) == []


def test_scores_that_are_not_finite_are_an_error():
    task, pairs = family(), made_pairs(3)
    features = task.features(tokenizer("xlmr"), pairs, training=False)
    logits = [np.array([0.1, np.nan, 0.2]), np.zeros(3), np.zeros(3)]
    with pytest.raises(ModelError, match="1 of 9 scores"):
        task.decode(features, {"logits": logits}, pairs)


# Loss


@pytest.mark.parametrize("kind", KINDS)
def test_summed_loss_is_that_of_transformers(kind, models):
    import torch

    pairs = [*made_pairs(5), Pair("unlabelled", "a", "b", None)]
    task, tokens = family(max_length=290), separated(kind)
    model = task.load(str(models[kind])).eval()
    features = task.features(tokens, pairs, training=True)
    assert features.example.tolist() == [0, 1, 2, 3, 4]
    batch = {k: torch.from_numpy(v) for k, v in features.batch(np.arange(5), tokens.pad_token_id).items()}
    loss, count = task.loss(model, batch)
    labels = torch.tensor([NLI.index(pair.label) for pair in pairs[:5]])
    expected = [
        model(**tokens(pair.a, pair.b, return_tensors="pt"), labels=labels[i : i + 1]).loss
        for i, pair in enumerate(pairs[:5])
    ]
    assert count.item() == 5
    assert loss.item() == pytest.approx(sum(x.item() for x in expected), abs=1e-3)


def test_unknown_labels_name_the_example():
    with pytest.raises(DataError, match=r"'p1'.*'entailment'"):
        family(("contradiction", "neutral")).features(tokenizer("xlmr"), made_pairs(), training=True)


# Baselines


def test_the_majority_baseline_guesses_the_most_frequent_label_and_the_first_of_equals():
    task = family()
    unit = UnitExamples("xnli", "sw", "test", made_pairs(4))
    train = [Pair(str(i), "a", "b", label) for i, label in enumerate(["neutral", None, "neutral", "entailment"])]
    assert task.guess("majority", train, unit, 0) == ["neutral"] * 4
    assert task.guess("majority", made_pairs(6), unit, 0) == ["contradiction"] * 4


def test_random_is_seeded_uniform_and_its_own_for_each_unit():
    task = family()
    unit, other = (UnitExamples("xnli", code, "test", made_pairs(3000)) for code in ("sw", "ur"))
    drawn = task.guess("random", [], unit, 1)
    assert drawn == task.guess("random", [], unit, 1)
    assert drawn != task.guess("random", [], unit, 2)
    assert drawn != task.guess("random", [], other, 1)
    assert all(900 < drawn.count(label) < 1100 for label in NLI)
