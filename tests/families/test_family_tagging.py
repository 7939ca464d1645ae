"""Tagging: the reference's splitting and alignment, and one tag for every word whatever the words are."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import KINDS, TEXTS, cutting, save_model, tokenizer

from harness.core.errors import DataError, ModelError, UsageError
from harness.families.tagging import Tagging, split
from harness.inference.features import Ragged
from harness.types.examples import Tagged
from harness.types.units import UnitExamples

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
ODD = [
    "",
    " ",
    "\u200c",
    "\ufeff",
    "\u200d",
    "New York",
    "\u202bلم\u202c",
    "👩‍👩‍👧",
    "می\u200cخواهم",
    "é",
    "ﷺ",
    "</s>",
    "x" * 700,
]


REFERENCE = dict.fromkeys(KINDS, "auto") | {"llama": "alone", "qwen2": "alone"}
"""With which option words are tokenised as the reference does it: one by one."""


def family(labels=TAGS, **options):
    return Tagging(labels, Tagging.Options(**options))


def sentence(*words, tags=None):
    return Tagged("s", tuple(words), tags)


def made_sentences(count=20):
    rng = np.random.default_rng(0)
    vocabulary = " ".join(TEXTS).split() + ODD[1:4]
    sentences = []
    for number in range(count):
        words = tuple(rng.choice(vocabulary, rng.integers(0, 40)))
        sentences.append(Tagged(str(number), words, tuple(rng.choice(TAGS, len(words)))))
    return sentences


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    return {kind: save_model(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.fixture(scope="session")
def real_sentences(shared_data):
    import pyarrow.parquet as parquet

    sentences = []
    for name in ("udpos.Hindi", "udpos.Persian", "PAN-X.zh", "PAN-X.th", "PAN-X.ar"):
        file = next((shared_data / "google/xtreme" / name).glob("validation-*.parquet"))
        words = parquet.read_table(file).column("tokens").to_pylist()[:25]
        sentences += [Tagged(f"{name}-{i}", tuple(row), None) for i, row in enumerate(words)]
    return sentences


def reference_pieces(tokens, words, max_length, separators):
    """PROTOCOL 4.3 steps A and B, word by word: (ids of a row, places of first sub-tokens) for each piece."""
    plain = tokens("a", return_special_tokens_mask=True)
    inner = plain["special_tokens_mask"].index(0)
    last = len(plain["input_ids"]) - 1 - plain["special_tokens_mask"][::-1].index(0)
    before, after = plain["input_ids"][:inner], plain["input_ids"][last + 1 :]
    after = after + after[:1] * (separators - len(after)) if separators else after
    budget = max_length - len(before) - len(after)
    unknown = tokens.unk_token_id if tokens.unk_token_id is not None else tokens.eos_token_id
    pieces: list[list[list[int]]] = []
    count = budget + 1
    for word in words:
        ids = tokens(word, add_special_tokens=False)["input_ids"]
        ids = [unknown] if not 0 < len(ids) <= budget else ids
        if tokens.unk_token_id is not None and tokens.eos_token_id is not None:
            ids = [unknown if token == tokens.eos_token_id else token for token in ids]
        if count + len(ids) > budget:
            pieces.append([])
            count = 0
        pieces[-1].append(ids)
        count += len(ids)
    rows = []
    for piece in pieces:
        starts = np.cumsum([0, *map(len, piece)])[:-1] + len(before)
        rows.append((before + list(chain.from_iterable(piece)) + after, starts.tolist()))
    return rows


# Rows


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_those_of_the_reference(kind, real_sentences):
    tokens, sentences = tokenizer(kind), [*real_sentences, *made_sentences(), sentence(*ODD)]
    features = family(max_length=40, words=REFERENCE[kind]).features(tokens, sentences, training=False)
    expected, example = [], []
    for number, one in enumerate(sentences):
        rows = reference_pieces(tokens, one.words, 40, separators=2 if kind == "xlmr" else 0)
        expected += rows
        example += [number] * len(rows)
    first = features.aligned["first"][0]
    assert len(expected) > len(sentences), "some sentences must be split"
    assert [features.ids[i].tolist() for i in range(len(features))] == [ids for ids, _ in expected]
    assert [first[i].tolist() for i in range(len(features))] == [places for _, places in expected]
    assert features.example.tolist() == example


def test_a_long_sentence_is_split_and_merged_as_in_the_protocol():
    """PROTOCOL 14.5: budget 5, sub-tokens 2, 2, 2, 6, 1, 0, 5, 1: pieces [w1 w2] [w3 UNK w5 UNK] [w7] [w8]."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    base = Tokenizer(
        models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2} | {c: 3 + i for i, c in enumerate("abcdefgh")})
    )
    base.normalizer = normalizers.Replace("-", "")
    base.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    special = [("[CLS]", 1), ("[SEP]", 2)]
    base.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]", special)
    tokens = PreTrainedTokenizerFast(tokenizer_object=base, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]")
    words = ["aa", "bb", "cc", "dddddd", "e", "-", "ggggg", "h"]
    assert [len(tokens(word, add_special_tokens=False)["input_ids"]) for word in words] == [2, 2, 2, 6, 1, 0, 5, 1]
    task = family(max_length=7)
    features = task.features(tokens, [sentence(*words)], training=False)
    rows = [tokens.convert_ids_to_tokens(features.ids[i].tolist())[1:-1] for i in range(len(features))]
    assert rows == [list("aabb"), ["c", "c", "[UNK]", "e", "[UNK]"], list("ggggg"), ["h"]]
    assert features.aligned["first"][0].lengths.tolist() == [2, 4, 1, 1]
    tags = [np.array([1, 2, 0, 0]), np.array([0, 1, 3, 4]), np.array([2, 0, 0, 0]), np.array([3, 0, 0, 0])]
    merged = task.decode(features, {"tags": tags}, [sentence(*words)])
    assert merged == [["B-PER", "I-PER", "O", "B-PER", "B-LOC", "I-LOC", "I-PER", "B-LOC"]]


sizes = st.lists(st.lists(st.integers(1, 9), max_size=30), max_size=12)


@given(sizes, st.integers(9, 25))
def test_every_word_is_in_one_piece_that_fits_and_is_full(sentences, room):
    lengths = np.array([n for one in sentences for n in one], np.int64)
    words_in = np.array([len(one) for one in sentences], np.int64)
    piece_of_word, sentence_of_piece = split(lengths, words_in, room)
    sentence_of_word = np.repeat(np.arange(len(sentences)), words_in)
    assert len(piece_of_word) == len(lengths)
    assert (np.diff(piece_of_word, prepend=-1) >= 0).all() and (np.diff(piece_of_word, prepend=-1) <= 1).all()
    assert sentence_of_piece[piece_of_word].tolist() == sentence_of_word.tolist()
    assert sorted(set(piece_of_word.tolist())) == list(range(len(sentence_of_piece)))
    held = np.bincount(piece_of_word, weights=lengths, minlength=len(sentence_of_piece))
    assert (held <= room).all()
    opens = np.flatnonzero(np.diff(piece_of_word, prepend=-1))
    for word in opens[1:]:
        if sentence_of_word[word] == sentence_of_word[word - 1]:
            assert held[piece_of_word[word - 1]] + lengths[word] > room


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(max_size=12) | st.sampled_from(ODD), max_size=25), max_size=6), st.sampled_from(KINDS))
def test_no_word_is_ever_lost(sentences, kind):
    examples = [Tagged(str(i), tuple(words), None) for i, words in enumerate(sentences)]
    try:
        features = family(max_length=16).features(tokenizer(kind), examples, training=False)
    except DataError:
        assert any("\ud800" <= letter <= "\udfff" for words in sentences for word in words for letter in word)
        return
    assert not len(features) or 1 <= features.lengths.max() <= 16
    words_in_row = features.aligned["first"][0].lengths
    found = np.bincount(features.example, weights=words_in_row, minlength=len(examples))
    assert found.tolist() == [len(words) for words in sentences]


@pytest.mark.parametrize(("extra", "separators", "budget"), [(True, 2, 125), (False, 1, 126)])
def test_xlmr_rows_end_with_two_separators(extra, separators, budget):
    tokens = tokenizer("xlmr")
    single = next(c for c in "abcdefgh" if len(tokens(c, add_special_tokens=False)["input_ids"]) == 1)
    features = family(extra_separator=extra).features(tokens, [sentence(*[single] * 2001)], training=False)
    assert features.aligned["first"][0].lengths.tolist() == [budget] * (2001 // budget) + [2001 % budget]
    assert features.lengths.max() == 128
    for row in range(len(features)):
        assert features.ids[row][0] == tokens.cls_token_id
        assert (features.ids[row] == tokens.sep_token_id).sum() == separators
        assert (features.ids[row][-separators:] == tokens.sep_token_id).all()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "xlmr"])
def test_other_tokenizers_keep_their_template(kind):
    tokens = tokenizer(kind)
    features = family().features(tokens, [sentence("the")], training=False)
    assert features.ids[0].tolist() == tokens("the")["input_ids"]


# Labels


def test_labels_stand_at_first_subtokens_and_nowhere_else():
    tokens = tokenizer("xlmr")
    examples = [sentence("Заксобрание", "committee", tags=("B-PER", "O")), sentence("no", "tags"), sentence(tags=())]
    features = family().features(tokens, examples, training=True)
    assert len(features) == 1 and features.example.tolist() == [0]
    batch = features.batch(np.array([0]), tokens.pad_token_id)
    by_token = np.full(batch["input_ids"].shape[1], -100)
    by_token[batch["first"][0]] = batch["labels"][0]
    words = [len(tokens(word, add_special_tokens=False)["input_ids"]) for word in examples[0].words]
    assert words[0] > 1
    assert by_token.tolist() == [-100, 1, *[-100] * (words[0] - 1), 0, *[-100] * (words[1] - 1), -100, -100]


def test_unknown_tags_and_missing_tags_name_the_sentence():
    tokens = tokenizer("xlmr")
    with pytest.raises(DataError, match="'s' has the tag 'B-ORG'"):
        family().features(tokens, [sentence("a", "b", tags=("O", "B-ORG"))], training=True)
    with pytest.raises(DataError, match="'s' has 2 words and 1 tags"):
        family().features(tokens, [sentence("a", "b", tags=("O",))], training=True)


@pytest.mark.parametrize("kind", KINDS)
def test_summed_loss_is_that_of_transformers(kind, models):
    import torch

    task, tokens, sentences = family(max_length=60), tokenizer(kind), made_sentences(8)
    model = task.load(str(models[kind])).eval()
    features = task.features(tokens, sentences, training=True)
    rows = np.arange(len(features))
    batch = {k: torch.from_numpy(v) for k, v in features.batch(rows, tokens.pad_token_id).items()}
    loss, count = task.loss(model, batch)
    total, words = 0.0, 0
    for row in rows:
        ids = torch.from_numpy(features.ids[row].astype(np.int64))[None]
        labels = torch.full_like(ids, -100)
        labels[0, features.aligned["first"][0][row]] = torch.from_numpy(features.aligned["labels"][0][row])
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
        total += torch.nn.functional.cross_entropy(logits[0], labels[0], reduction="sum").item()
        words += int((labels != -100).sum())
    assert count.item() == words == sum(len(one.words) for one in sentences)
    assert loss.item() == pytest.approx(total, rel=1e-4)


# Predictions


@pytest.mark.parametrize("kind", KINDS)
def test_tags_equal_the_plain_forward_pass_piece_by_piece(kind, models, real_sentences):
    import torch

    chosen = [*real_sentences[::8], sentence(*ODD), sentence()]
    task, tokens = family(max_length=60, words=REFERENCE[kind]), tokenizer(kind)
    model = task.load(str(models[kind])).eval()
    features = task.features(tokens, chosen, training=False)
    found = task.decode(features, cutting(1500)(model, tokens).stream(features, task.outputs), chosen)
    for one, tags in zip(chosen, found, strict=True):
        expected = []
        for ids, places in reference_pieces(tokens, one.words, 60, separators=2 if kind == "xlmr" else 0):
            with torch.inference_mode():
                mask = torch.ones(1, len(ids), dtype=torch.long)
                logits = model(input_ids=torch.tensor([ids]), attention_mask=mask).logits[0]
            expected += [TAGS[index] for index in logits.argmax(-1)[places].tolist()]
        assert tags == expected
    assert len({tag for tags in found for tag in tags}) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_tags_do_not_depend_on_the_batch(kind, models):
    sentences = [*made_sentences(), sentence(*ODD), sentence(), sentence(*["the"] * 2000)]
    unit = UnitExamples("panx", "fa", "test", sentences)
    task, tokens = family(), tokenizer(kind)
    model = task.load(str(models[kind]))
    found = [next(task.predict(cutting(budget)(model, tokens), [unit])).predictions for budget in (1, 300, 10**5)]
    assert found[0] == found[1] == found[2]
    assert [len(tags) for tags in found[0]] == [len(one.words) for one in sentences]
    assert {tag for tags in found[0] for tag in tags} <= set(TAGS)


def test_a_split_sentence_and_its_parts_have_equally_many_lines(models, tmp_path):
    from harness.scoring.formats.tags import Tags

    task, tokens = family(), tokenizer("xlmr")
    model = task.load(str(models["xlmr"]))
    long = [sentence(*["الاجتماع", "القادم"] * 300), sentence("one", "two")]
    features = task.features(tokens, long, training=False)
    assert len(features) > 2
    found = task.decode(features, cutting(4000)(model, tokens).stream(features, task.outputs), long)
    Tags().write_predictions(tmp_path / "test-ar.tsv", long, found)
    blocks = (tmp_path / "test-ar.tsv").read_text().rstrip("\n").split("\n\n")
    assert [len(block.split("\n")) for block in blocks] == [600, 2]


def test_truncation_loses_words_in_training_and_fills_them_in_evaluation(models):
    tokens = tokenizer("xlmr")
    examples = [sentence(*["the"] * 300, tags=("B-PER",) * 300), sentence("a", tags=("O",))]
    for labels, filler in ((TAGS, "O"), (("NOUN", "X", "B-PER"), "X"), (("B-PER", "NOUN"), "B-PER")):
        task = family(labels, overflow="truncate")
        features = task.features(tokens, examples, training=False)
        assert features.example.tolist() == [0, 1]
        seen = int(features.aligned["first"][0].lengths[0])
        assert 0 < seen < 300
        tags = [np.ones(seen, np.int64), np.array([1] + [0] * (seen - 1))]
        assert task.decode(features, {"tags": tags}, examples) == [
            [labels[1]] * seen + [filler] * (300 - seen),
            [labels[1]],
        ]
    trained = family(overflow="truncate").features(tokens, examples, training=True)
    assert trained.aligned["labels"][0].lengths.tolist() == [seen, 1]


def test_sentences_without_words_have_no_rows_and_no_tags():
    for examples in ([], [sentence()], [sentence(), sentence()]):
        task = family()
        features = task.features(tokenizer("xlmr"), examples, training=False)
        assert len(features) == 0
        assert task.decode(features, {}, examples) == [[]] * len(examples)


def test_scores_that_are_not_finite_are_an_error(models):
    import torch

    task, tokens = family(), tokenizer("xlmr")
    model = task.load(str(models["xlmr"]))
    with torch.no_grad():
        model.classifier.bias[1] = torch.nan
    features = task.features(tokens, [sentence("the", "dogs")], training=False)
    outputs = cutting(100)(model, tokens).stream(features, task.outputs)
    with pytest.raises(ModelError, match="not finite"):
        task.decode(features, outputs, [sentence("the", "dogs")])


def test_unknown_overflow_is_refused():
    with pytest.raises(UsageError, match="overflow"):
        Tagging.Options(overflow="drop")


# Baselines


def test_baselines_tag_every_word():
    task, unit = family(), UnitExamples("panx", "fa", "test", made_sentences())
    train = [sentence("a", "b", "c", tags=("O", "B-LOC", "B-LOC")), sentence("a"), sentence(tags=())]
    majority = task.guess("majority", train, unit, 0)
    assert majority == [["B-LOC"] * len(one.words) for one in unit.examples]
    random = task.guess("random", train, unit, 0)
    assert [len(tags) for tags in random] == [len(one.words) for one in unit.examples]
    assert {tag for tags in random for tag in tags} == set(TAGS)
    assert random == task.guess("random", train, unit, 0) != task.guess("random", train, unit, 1)


def test_ragged_columns_are_padded_apart_from_the_tokens():
    """A row's words and tokens differ in number: both are padded to their own longest row."""
    tokens = tokenizer("bert")
    features = family().features(
        tokens, [sentence("the", "a", tags=("O", "O")), sentence("委员会", tags=("O",))], training=True
    )
    batch = features.batch(np.arange(2), tokens.pad_token_id)
    assert batch["first"].shape == batch["labels"].shape == (2, 2)
    assert batch["labels"].tolist() == [[0, 0], [0, -100]]
    assert isinstance(features.ids, Ragged)
