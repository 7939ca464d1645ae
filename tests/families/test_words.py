"""The tokens of words: as they stand in running text, every word at one place of its own, whatever the words are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import cutting, save_model
from tokenizer_schemes import MARKED, SCHEMES, SCRIPTS, UNMARKED, scheme

from harness.core.errors import DataError, UsageError
from harness.data import readers
from harness.data.perturb import make_variant
from harness.data.sources import load_examples
from harness.data.subset import fingerprint, written_fingerprint
from harness.families.running_text import as_written, written
from harness.families.tagging import Tagging
from harness.families.words import _aligned
from harness.registry.default import get_registry
from harness.types.examples import Tagged
from harness.types.units import UnitExamples

TAGS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "X")
ODD = [
    "",
    " ",
    "\u200c",
    "\ufeff",
    "\ufe0f",
    "❤\ufe0f",
    "👩\u200d👩\u200d👧",
    "20 000",
    "Quốc hội",
    "Q.1",
    '."',
    "...",
    "e\u0301",
    "\u0301",
    "हूँ",
    "\u202bلم\u202c",
    "می\u200cخواهم",
    "ﷺ",
    "don",
    "'t",
    "</s>",
    "x" * 300,
]
VOCABULARY = " ".join(SCRIPTS).split() + ODD
words_in_sentences = st.lists(
    st.lists(st.sampled_from(VOCABULARY) | st.text(st.characters(codec="utf-8"), max_size=8), max_size=20),
    min_size=1,
    max_size=4,
)


def family(**options):
    return Tagging(TAGS, Tagging.Options(**options))


def sentence(*words, tags=None, written=()):
    return Tagged("s", tuple(words), tags, tuple(written))


BERLIN = sentence(*"Angela Merkel lives in Berlin .".split())
BERLIN_WRITTEN = sentence(*BERLIN.words, written=("Angela", " Merkel", " lives", " in", " Berlin", "."))


def marked_rows(name, example, **options):
    """The tokens of the only row, those that are predicted at with a star before them."""
    tokens = scheme(name)
    features = family(**options).features(tokens, [example], training=False)
    assert len(features) == 1
    places = set(features.aligned["first"][0][0].tolist())
    return [
        "*" * (place in places) + token
        for place, token in enumerate(tokens.convert_ids_to_tokens(features.ids[0].tolist()))
    ]


# Rows


@pytest.mark.parametrize("name", UNMARKED)
def test_a_row_is_the_tokenizers_own_row_of_the_running_text(name):
    task, tokens = family(extra_separator=False), scheme(name)
    for example, text in (
        (BERLIN, "Angela Merkel lives in Berlin ."),
        (BERLIN_WRITTEN, "Angela Merkel lives in Berlin."),
    ):
        features = task.features(tokens, [example], training=False)
        assert features.ids[0].tolist() == tokens(text)["input_ids"]
    assert task.treatment(tokens) == {"words": "in_text"}


def test_a_word_is_predicted_at_its_first_letter_and_not_at_the_space_before_it():
    example = sentence("Berlin", "7", ".", "a", written=("Berlin", " 7", ".", " a"))
    assert marked_rows("characters", example) == ["<s>", "*B", *"erlin", " ", "*7", "*.", " ", "*a", "</s>"]
    assert marked_rows("eurobert", example, extra_separator=False)[1:6] == ["*Ber", "lin", "Ġ", "*7", "*."]


@pytest.mark.parametrize("name", MARKED)
def test_rows_of_tokenizers_that_mark_words_by_themselves_do_not_change(name):
    examples = [
        *(sentence(*text.split(), tags=("O",) * len(text.split())) for text in SCRIPTS),
        sentence(*ODD, tags=("X",) * len(ODD)),
        sentence(*BERLIN.words, tags=("O",) * 6, written=BERLIN_WRITTEN.written),
    ]
    tokens = scheme(name)
    assert family().treatment(tokens) == {}
    for training in (False, True):
        now, alone = (
            family(max_length=30, words=how).features(tokens, examples, training=training) for how in ("auto", "alone")
        )
        assert now.ids.values.tobytes() == alone.ids.values.tobytes()
        assert now.ids.offsets.tolist() == alone.ids.offsets.tolist()
        assert {name: column[0].values.tolist() for name, column in now.aligned.items()} == {
            name: column[0].values.tolist() for name, column in alone.aligned.items()
        }
    row = [tokens.cls_token_id]
    for word in BERLIN.words:
        row += tokens(word, add_special_tokens=False)["input_ids"]
    assert now.ids[len(now) - 1].tolist()[: len(row)] == row


@pytest.mark.parametrize("name", UNMARKED)
def test_words_may_still_be_tokenised_alone(name):
    tokens, task = scheme(name), family(words="alone", extra_separator=False)
    assert task.treatment(tokens) == {}
    row = [tokens.cls_token_id]
    for word in BERLIN.words:
        row += tokens(word, add_special_tokens=False)["input_ids"]
    assert task.features(tokens, [BERLIN], training=False).ids[0].tolist() == [*row, tokens.sep_token_id]


def test_xlmr_may_read_running_text_too():
    """An ablation: Chinese words without the mark before each of them."""
    chinese = sentence("委员会", "没有", "说")
    assert "".join(marked_rows("xlmr", chinese)).count("▁") == 3
    assert "".join(marked_rows("xlmr", chinese, words="in_text")).count("▁") == 1
    assert family(words="in_text").treatment(scheme("xlmr")) == {"words": "in_text"}


def test_words_that_share_a_token_get_tokens_of_their_own():
    tokens = scheme("gpt2")
    word = max((token for token in tokens.get_vocab() if token.isascii() and token.isalpha()), key=len)
    assert len(word) > 3 and tokens.tokenize(word) == [word]
    example = sentence(word[:2], word[2:], "the", written=(word[:2], word[2:], " the"))
    features = family(extra_separator=False).features(tokens, [example], training=False)
    places, ids = features.aligned["first"][0][0].tolist(), features.ids[0].tolist()
    ends = [*places[1:], ids.index(tokens.sep_token_id)]
    own = ["".join(tokens.convert_ids_to_tokens(ids[a:b])) for a, b in zip(places, ends, strict=True)]
    assert own == [word[:2], word[2:], "Ġthe"]


def test_only_the_words_that_share_a_token_are_tokenised_again():
    """In the middle of a sentence, where the words before and after keep the tokens that the text has for them."""
    tokens = scheme("gpt2")
    known = (token[1:] for token in tokens.get_vocab() if token.startswith("Ġ") and token[1:].isascii())
    word = max((token for token in known if token.isalpha()), key=len)
    assert len(word) > 3 and tokens.tokenize(f" {word}") == [f"Ġ{word}"]
    example = sentence("the", word[:2], word[2:], "the", written=("the", f" {word[:2]}", word[2:], " the"))
    features = family(extra_separator=False).features(tokens, [example], training=False)
    places, ids = features.aligned["first"][0][0].tolist(), features.ids[0].tolist()
    ends = [*places[1:], ids.index(tokens.sep_token_id)]
    own = ["".join(tokens.convert_ids_to_tokens(ids[a:b])) for a, b in zip(places, ends, strict=True)]
    assert [tokens_of_it.replace("Ġ", "") for tokens_of_it in own] == ["the", word[:2], word[2:], "the"]
    words, alone = _aligned(tokens, [example.written])
    assert alone.tolist() == [True, False, False, True] and words.lengths[1:3].tolist() == [0, 0]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=15), st.booleans(), st.sampled_from(UNMARKED))
def test_tokens_are_those_of_the_running_text_wherever_these_keep_to_words(words, spaced, name):
    """An alignment of its own, with lists and loops, finds every token of the text under the word that it shows."""
    tokens = scheme(name)
    pieces = written(words) if spaced else tuple(f"{' ' * (i % 2)}{word}" for i, word in enumerate(words))
    text = "".join(pieces)
    owner = [number for number, piece in enumerate(pieces) for _ in piece]
    encoding = tokens.backend_tokenizer.encode(text, add_special_tokens=False)
    shown = [{owner[at] for at in range(begin, end) if text[at] != " "} for begin, end in encoding.offsets]
    kept = all(len(of) < 2 for of in shown) and set(range(len(words))) == set().union(*shown)
    features = family(max_length=2000, extra_separator=False).features(
        tokens, [sentence(*words, written=pieces)], training=False
    )
    if (
        not kept
        or tokens.eos_token_id in encoding.ids
        or encoding.ids[-1:] == tokens.encode(" ", add_special_tokens=False)
    ):
        return
    ids = encoding.ids
    assert features.ids[0].tolist()[1 : 1 + len(ids)] == ids
    places = [place - 1 for place in features.aligned["first"][0][0].tolist()]
    assert places == [next(i for i, of in enumerate(shown) if of == {number}) for number in range(len(words))]


# Every word has its place


@settings(max_examples=300, deadline=None)
@given(words_in_sentences, st.sampled_from(SCHEMES), st.sampled_from(("auto", "alone", "in_text")), st.integers(9, 40))
def test_labels_at_the_places_of_words_decode_to_the_labels_of_the_words(sentences, name, how, max_length):
    """Long sentences in pieces, words longer than a piece, words without tokens: none is lost, none shares its place."""
    rng = np.random.default_rng(len(sentences))
    examples = [
        Tagged(str(i), tuple(words), tuple(rng.choice(TAGS, len(words)).tolist())) for i, words in enumerate(sentences)
    ]
    task, tokens = family(max_length=max_length, words=how), scheme(name)
    features = task.features(tokens, examples, training=True)
    assert not len(features) or features.lengths.max() <= max_length
    first, labels = features.aligned["first"][0], features.aligned["labels"][0]
    by_token = [np.full(length, -1) for length in features.lengths]
    for row, tags in enumerate(by_token):
        places = first[row]
        assert (np.diff(places) > 0).all() and (places > 0).all() and (places < len(tags) - 1).all()
        tags[places] = labels[row]
    outputs = [tags[first[row]] for row, tags in enumerate(by_token)]
    assert task.decode(features, {"tags": outputs}, examples) == [list(example.tags) for example in examples]


@pytest.mark.parametrize("name", SCHEMES)
def test_no_word_of_real_sentences_is_lost(name, shared_data):
    import pyarrow.parquet as parquet

    examples = []
    for folder in ("udpos.Vietnamese", "udpos.Chinese", "udpos.Thai", "udpos.Persian", "udpos.Hindi", "PAN-X.ja"):
        file = next((shared_data / "google/xtreme" / folder).glob("*-*.parquet"))
        for i, words in enumerate(parquet.read_table(file).column("tokens").to_pylist()[:40]):
            examples.append(Tagged(f"{folder}-{i}", tuple(words), tuple(TAGS[n % 6] for n in range(len(words)))))
    task = family(max_length=40)
    features = task.features(scheme(name), examples, training=True)
    labels = features.aligned["labels"][0]
    assert len(features) > len(examples)
    assert task.decode(features, {"tags": [labels[row] for row in range(len(features))]}, examples) == [
        list(example.tags) for example in examples
    ]


@pytest.mark.parametrize("name", ["gemma", "metaspace_never", "characters"])
def test_a_word_without_tokens_is_the_unknown_token(name):
    tokens = scheme(name)
    for odd in ("", " ", "</s>"):
        ids = family().features(tokens, [sentence("the", odd, "the")], training=False)
        place = ids.aligned["first"][0][0][1]
        assert ids.ids[0][place] == tokens.unk_token_id or odd == "</s>"
        assert tokens.sep_token_id not in ids.ids[0][1:place]


# What running text looks like


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("Angela Merkel lives in Berlin .", "Angela Merkel lives in Berlin ."),
        ("Комитет не сказал", "Комитет не сказал"),
        ("위원회는 다음 회의가", "위원회는 다음 회의가"),
        ("委员会 没有 说 2 次 会议 。", "委员会没有说2次会议。"),
        ("คณะ กรรมการ ไม่ ได้ บอก", "คณะกรรมการไม่ได้บอก"),
        ("次 の 会議", "次の会議"),
        ("D R E A M の 対 抗 戦", "DREAMの対抗戦"),
        ("2 0 1 1 年 2 月", "2011年2月"),
        ("彼 は New York に 住む", "彼はNew Yorkに住む"),
        ("ဗမာ စာ", "ဗမာစာ"),
        ("", ""),
    ],
)
def test_words_are_a_space_apart_but_not_in_scripts_without_spaces(words, text):
    assert "".join(written(words.split())) == text


def test_the_source_has_the_last_word_on_spaces():
    assert as_written(BERLIN_WRITTEN) == BERLIN_WRITTEN.written
    with pytest.raises(DataError, match="'s' has 6 words, 1 as they are written"):
        as_written(sentence(*BERLIN.words, written=("Angela",)))


CONLLU = """\
# text = Vámonos al mar, 20 000 (dijo).
1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_
1\tVamos\tir\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No
2\tnos\tnosotros\tPRON\t_\t_\t1\tobj\t_\t_
3-4\tal\t_\t_\t_\t_\t_\t_\t_\t_
3\ta\ta\tADP\t_\t_\t5\tcase\t_\tSpaceAfter=No
4\tel\tel\tDET\t_\t_\t5\tdet\t_\t_
5\tmar\tmar\tNOUN\t_\t_\t1\tobl\t_\tGloss=sea|SpaceAfter=No
6\t,\t,\tPUNCT\t_\t_\t1\tpunct\t_\t_
6.1\tnada\t_\tX\t_\t_\t_\t_\t1:dep\tSpaceAfter=No
7\t20 000\t20000\tNUM\t_\t_\t1\tdep\t_\t_
8\t(\t(\tPUNCT\t_\t_\t1\tpunct\t_\tSpaceAfter=No
9-10\tdijo\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
9\tdi\tdecir\tVERB\t_\t_\t1\tdep\t_\t_
10\tjo\tyo\tPRON\t_\t_\t9\tobj\t_\t_
11\t)\t)\tPUNCT\t_\t_\t1\tpunct\t_\tSpaceAfter=No
12\t.\t.\tPUNCT\t_\t_\t1\tpunct\t_\t_

"""


@pytest.fixture
def treebank(tmp_path):
    path = tmp_path / "ud-treebanks-v2.5/UD_Spanish-Made/es_made-ud-test.conllu"
    path.parent.mkdir(parents=True)
    path.write_text(CONLLU, encoding="utf-8")
    return path


def test_treebanks_tell_where_the_spaces_are(treebank):
    (row,) = readers.conllu(treebank)
    assert "".join(row["written"]) == "Vámonos al mar, 20 000 (dijo)."
    assert [piece.strip() for piece in row["written"]] == row["tokens"]


def test_words_of_the_benchmark_keep_their_text(treebank, tmp_path):
    """XTREME's words have no spaces inside; the running text has."""
    task = get_registry().task("udpos")
    loaded = load_examples(task, task.languages["es"]["test"], data_dir=tmp_path, offline=True)
    (example,) = loaded.examples
    assert example.words[4:6] == ("20000", "(") and example.written[4:6] == (" 20 000", " (")
    features = family(extra_separator=False).features(scheme("eurobert"), [example], training=False)
    assert features.ids[0].tolist() == scheme("eurobert")("Vámonos al mar, 20 000 (dijo).")["input_ids"]


def test_the_fingerprint_of_data_does_not_depend_on_how_words_are_written():
    plain = [Tagged("1", ("Das", "Haus", "."), ("DET", "NOUN", "PUNCT")), Tagged("2", ("委员会",), None)]
    told = [Tagged("1", plain[0].words, plain[0].tags, ("Das", " Haus", ".")), plain[1]]
    other = [Tagged("1", plain[0].words, plain[0].tags, ("Das", " Haus", " .")), plain[1]]
    assert fingerprint(plain) == fingerprint(told) == fingerprint(other) == "1caaf7a8afdbca94c5bd0d12a720b42e"
    assert written_fingerprint(plain) is None
    assert len({written_fingerprint(told), written_fingerprint(other), None}) == 3


def test_perturbed_words_keep_the_spaces_of_the_text():
    (changed,) = make_variant(
        "case", [sentence("Das", "20000", "ist", "gut", written=("Das", " 20 000", " ist", "gut"))]
    ).examples
    assert changed.words == ("DAS", "20000", "IST", "GUT")
    assert changed.written == ("DAS", " 20 000", " IST", "GUT")
    (unknown,) = make_variant("case", [sentence("Das", "ist")]).examples
    assert unknown.written == ()


# Other places that take texts apart into words


@pytest.mark.parametrize("name", ["xlmr", "tiny", "llama2", "roberta", "gpt2", "eurobert", "gemma", "bytes"])
def test_no_token_that_is_learned_crosses_words(name):
    from harness.models.vocabulary import learn_merges

    tokens = scheme(name)
    merges = learn_merges(tokens, [text for text in SCRIPTS if " " in text] * 3, 40)
    learned = ["".join(tokens.convert_ids_to_tokens([*left, *right])) for left, right in merges]
    assert len(learned) > 10
    assert [token for token in learned if set("▁Ġ ") & set(token.lstrip("▁Ġ "))] == []


@pytest.mark.parametrize("name", ["xlmr", "bert", "gpt2", "gemma"])
def test_tokens_of_a_word_are_counted_in_the_text_that_the_model_reads(name):
    from harness.analysis.breakdown._context import TaskContext, UnitContext
    from harness.analysis.breakdown.attributes import tokens_per_word

    examples = [BERLIN_WRITTEN, BERLIN, sentence("Два", "слова")]
    tokens = scheme(name)
    context = UnitContext(TaskContext("panx", tuple, lambda: tokens), "en")
    features = family(extra_separator=False).features(tokens, examples, training=False)
    special = tokens.num_special_tokens_to_add(pair=False)
    expected = [(features.lengths[i] - special) / len(example.words) for i, example in enumerate(examples)]
    assert tokens_per_word(examples, context) == expected


# What is recorded


@pytest.mark.parametrize(("kind", "facts"), [("xlmr", {}), ("bert", {}), ("qwen2", {"words": "in_text"})])
def test_a_unit_records_that_its_words_were_read_in_running_text(kind, facts, tmp_path):
    folder = save_model(kind, tmp_path / kind)
    from harness.models.load import load_tokenizer

    task = family()
    forward = cutting(500)(task.load(str(folder)), load_tokenizer(folder))
    unit = UnitExamples("panx", "en", "test", [BERLIN])
    (prediction,) = task.predict(forward, [unit])
    assert prediction.facts == facts and len(prediction.predictions[0]) == 6


def test_unknown_ways_to_treat_words_are_refused():
    with pytest.raises(UsageError, match="option words: 'auto', 'alone' or 'in_text' expected, not 'glued'"):
        Tagging.Options(words="glued")
