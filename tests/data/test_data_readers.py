from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from data_folders import copied
from hypothesis import given
from hypothesis import strategies as st

from harness import Answer, GoldPair, Question, Sentence, readers
from harness.core.errors import DataError
from harness.data._lines import lines
from harness.data.sources import load_examples, split_status
from harness.data.subset import limited
from harness.registry.default import get_registry

WORDS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\t\n\r\ufeff"), min_size=1).filter(
    str.strip
)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def test_lines_keep_unusual_separators(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "\ufeffone\r\ntwo\u2028still two\n\nfour\x85still four")
    assert list(lines(path)) == [(1, "one"), (2, "two\u2028still two"), (3, ""), (4, "four\x85still four")]
    path.write_bytes(b"fine\nb\xff\n")
    with pytest.raises(DataError, match=r"a:2: not UTF-8"):
        list(lines(path))


@given(st.lists(st.lists(st.tuples(WORDS, WORDS), min_size=1), max_size=5))
def test_tagged_reads_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, sentences: Any) -> None:
    path = tmp_path_factory.mktemp("tagged") / "a.tsv"
    write(path, "\n\n".join("\n".join(f"{word}\t{tag}" for word, tag in sentence) for sentence in sentences))
    assert [list(zip(row["tokens"], row["tags"], strict=True)) for row in readers.tagged(path)] == sentences


def test_tagged_files_of_xtreme_equal_the_copy_in_the_layout_of_the_hub(shared_data: Path, tmp_path: Path) -> None:
    """XTREME's own export against the copy in the Hub's layout, which was made from the same file."""
    udpos = get_registry().task("udpos")
    own = tmp_path / "own/udpos"
    own.mkdir(parents=True)
    (own / "dev-hi.tsv").write_bytes((shared_data / "xtreme_download/udpos/dev-hi.tsv").read_bytes())
    (own / "test-th.tsv").write_bytes((shared_data / "xtreme_download/udpos/test-th.tsv").read_bytes())

    split = udpos.languages["hi"]["dev"]
    hindi = load_examples(udpos, split, data_dir=own.parent, offline=True)
    assert (hindi.rows, hindi.expected, hindi.excerpt, hindi.notes) == (1659, 1659, False, ("XTREME's own files",))
    assert hindi.examples[:800] == load_examples(udpos, split, data_dir=shared_data, offline=True).examples

    split = udpos.languages["th"]["test"]
    thai = load_examples(udpos, split, data_dir=own.parent, offline=True).examples
    with_tags = load_examples(udpos, split, data_dir=shared_data, offline=True).examples
    assert [sentence.words for sentence in thai] == [sentence.words for sentence in with_tags]
    assert all(sentence.tags is None for sentence in thai)
    both = load_examples(udpos, split, data_dir=f"{own.parent}:{shared_data}", offline=True)
    assert both.examples[0].tags is None  # the nearer folder wins, before the better source


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tX\nb\n", "a.tsv:2: expected a word, a tab and a tag, found 'b'"),
        ("a\nb\tX\n", "a.tsv:2: expected a word, found"),
        ("a\tX\tY\n", "a.tsv:1: expected"),
    ],
)
def test_a_broken_line_of_a_tagged_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(readers.tagged(write(tmp_path / "a.tsv", text)))


CONLLU = """\
# text = Er geht zum Haus.
1\tEr\ter\tPRON\t_\t_\t2\tnsubj\t_\t_
2\tgeht\tgehen\tVERB\t_\t_\t0\troot\t_\t_
3-4\tzum\t_\t_\t_\t_\t_\t_\t_\t_
3\tzu\tzu\tADP\t_\t_\t5\tcase\t_\t_
4\tdem\tder\tDET\t_\t_\t5\tdet\t_\t_
5\tHaus\tHaus\tNOUN\t_\t_\t2\tobl\t_\tSpaceAfter=No
5.1\tnichts\t_\tX\t_\t_\t_\t_\t2:dep\t_
6\t.\t.\tPUNCT\t_\t_\t2\tpunct\t_\t_

1-2\tdámelo\t_\t_\t_\t_\t_\t_\t_\t_
1\tme\tyo\tPRON\t_\t_\t2\tiobj\t_\t_
2\tda\tdar\tVERB\t_\t_\t0\troot\t_\t_

1\t_\t_\tNOUN\t_\t_\t0\troot\t_\t_
2\tsaid\tsay\tVERB\t_\t_\t1\tdep\t_\t_
3\t_\t_\tNOUN\t_\t_\t1\tdep\t_\t_

1\t_\t_\tNOUN\t_\t_\t0\troot\t_\t_
2\the\the\tPRON\t_\t_\t1\tdep\t_\t_
3\tsaid\tsay\tVERB\t_\t_\t1\tdep\t_\t_
4\t_\t_\tNOUN\t_\t_\t1\tdep\t_\t_
"""


def test_conllu_fuses_multiword_tokens(tmp_path: Path) -> None:
    rows = list(readers.conllu(write(tmp_path / "de_made-ud-test.conllu", CONLLU)))
    assert [(row["tokens"], row["tags"]) for row in rows] == [
        # zu and dem are equally deep: the precedence of tags prefers the adposition
        (["Er", "geht", "zum", "Haus", "."], ["PRON", "VERB", "ADP", "NOUN", "PUNCT"]),
        # the verb is above the pronoun, whatever their order
        (["dámelo"], ["VERB"]),
        # two of three words withheld: gone; two of four: kept
        (["_", "he", "said", "_"], ["NOUN", "PRON", "VERB", "NOUN"]),
    ]


# Multiword tokens of UD_Turkish-IMST (dev), as the treebank splits them, by their sentence in XTREME's own export. The
# second word hangs on the first, but in "edilmesidir", whose "dir" hangs on a word that is below "edilmesi".
TURKISH = {
    (4, "boyundaki"): ("boyunda NOUN", "ki ADP"),
    (18, "maddedeki"): ("maddede NOUN", "ki ADP"),
    (21, "duyarlıdır"): ("duyarlı ADJ", "dır AUX"),
    (24, "denizdeki"): ("denizde NOUN", "ki ADP"),
    (31, "doğaldı"): ("doğal ADJ", "dı AUX"),
    (39, "farkındayız"): ("farkında NOUN", "yız AUX"),
    (42, "haklılar"): ("haklı ADJ", "lar AUX"),
    (48, "sektördeki"): ("sektörde NOUN", "ki ADP"),
    (48, "antropologsunuz"): ("antropolog NOUN", "sunuz AUX"),
    (49, "önemli"): ("önem NOUN", "li ADP"),
    (49, "edilmesidir"): ("edilmesi VERB", "dir AUX"),
}
BELOW = {"dir": "teşvik", "teşvik": "hissetmesi", "hissetmesi": "edilmesi"}


def treebank_sentence(row: int, tokens: Sequence[str], tags: Sequence[str]) -> str:
    """A sentence of the export as CoNLL-U, its multiword tokens split."""
    words: list[tuple[str, str]] = []
    spans: dict[int, tuple[int, str]] = {}
    for token, tag in zip(tokens, tags, strict=True):
        parts = TURKISH.get((row, token), (f"{token} {tag}",))
        if len(parts) > 1:
            spans[len(words) + 1] = (len(words) + len(parts), token)
        words += [(form, upos) for form, upos in (part.split() for part in parts)]
    number = {form: place for place, (form, _) in enumerate(words, start=1)}
    lines = []
    for place, (form, upos) in enumerate(words, start=1):
        inside = [first for first, (last, _) in spans.items() if first < place <= last]
        head = number.get(BELOW.get(form, ""), inside[0] if inside else 0)
        if place in spans:
            lines.append("\t".join([f"{place}-{spans[place][0]}", spans[place][1], *"________"]))
        lines.append("\t".join([str(place), form, "_", upos, "_", "_", str(head), "dep", "_", "_"]))
    return "\n".join(lines) + "\n\n"


def test_treebanks_are_fused_as_xtreme_fused_them(shared_data: Path, tmp_path: Path) -> None:
    """Turkish: what comes out of the split words is the reference's own export, words and tags."""
    task = get_registry().task("udpos")
    export = load_examples(task, task.languages["tr"]["dev"], data_dir=shared_data, offline=True).examples
    rows = sorted({row for row, _ in TURKISH})
    text = "".join(treebank_sentence(row, export[row].words, export[row].tags) for row in rows)
    assert text.count("\n") > sum(len(export[row].words) for row in rows) + 2 * len(TURKISH)
    write(tmp_path / "ud-treebanks-v2.5/UD_Turkish-IMST/tr_imst-ud-dev.conllu", text)
    loaded = load_examples(task, task.languages["tr"]["dev"], data_dir=tmp_path, offline=True)
    assert loaded.notes == ("UD v2.5, multiword tokens whole",)
    assert [(one.words, one.tags) for one in loaded.examples] == [(export[row].words, export[row].tags) for row in rows]


def test_words_of_a_treebank_are_the_words_of_the_export(shared_data: Path, tmp_path: Path) -> None:
    """Thai has no multiword tokens: the treebank's 1,000 sentences and XTREME's own file are the same words."""
    task = get_registry().task("udpos_hub")
    treebank = load_examples(task, task.languages["th"]["test"], data_dir=shared_data, offline=True).examples
    text = "".join(treebank_sentence(-1, sentence.words, sentence.tags) for sentence in treebank)
    path = write(tmp_path / "th_pud-ud-test.conllu", text)
    rows = list(readers.conllu(path))
    export = list(readers.tagged(shared_data / "xtreme_download/udpos/test-th.tsv"))
    assert len(rows) == 1000 and [row["tokens"] for row in rows] == [row["tokens"] for row in export]
    assert [tuple(row["tags"]) for row in rows] == [sentence.tags for sentence in treebank]


def test_tags_of_fused_conllu_tokens_follow_the_precedence_of_their_language(tmp_path: Path) -> None:
    text = (
        "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n"
        "1\tde\tde\tADP\t_\t_\t3\tcase\t{first}\t_\n"
        "2\tle\tle\t{tag}\t_\t_\t3\tdet\t{second}\t_\n"
        "3\tchat\tchat\tNOUN\t_\t_\t0\troot\t_\t_\n"
        "4\tdort\tdormir\tVERB\t_\t_\t3\tacl\t_\t_\n"
    )

    def tag_of(name: str, **values: str) -> str:
        path = write(tmp_path / name, text.format(**{"first": "_", "second": "_", "tag": "DET", **values}))
        return next(iter(readers.conllu(path)))["tags"][0]

    assert tag_of("fr_made-ud-dev.conllu") == "ADP"
    assert tag_of("fr_made-ud-dev.conllu", tag="PRON") == "PRON"
    assert tag_of("it_made-ud-dev.conllu", tag="NUM") == "ADP"  # NUM is not in the Italian list
    assert tag_of("de_made-ud-dev.conllu", tag="NUM") == "NUM"
    # a second head, below the first, gives "de" one ancestor more than "le"
    assert tag_of("fr_made-ud-dev.conllu", first="3:case|4:case", tag="SCONJ") == "SCONJ"
    # an empty node is no ancestor, so that the two are equally high
    assert tag_of("fr_made-ud-dev.conllu", first="3:case|3.1:case", tag="SCONJ") == "ADP"


def test_a_broken_line_of_a_conllu_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.conllu:2: expected the 10 columns of CoNLL-U, found 2"):
        list(readers.conllu(write(tmp_path / "a.conllu", "# text\n1\tx\n")))
    with pytest.raises(DataError, match=r"a\.conllu:1: 'one' is not the number of a word"):
        list(readers.conllu(write(tmp_path / "a.conllu", "one" + "\t_" * 9)))


def test_udpos_pools_the_treebanks_of_a_language(tmp_path: Path) -> None:
    udpos = get_registry().task("udpos")
    row = "1\t{word}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n"
    root = tmp_path / "ud-treebanks-v2.5"
    write(root / "UD_German-PUD/de_pud-ud-test.conllu", row.format(word="dritter"))
    write(root / "UD_German-GSD/de_gsd-ud-test.conllu", row.format(word="er\u200cs ter"))
    write(root / "UD_German-LIT/de_lit-ud-test.conllu", row.format(word="zweiter"))
    write(root / "UD_German-GSD/de_gsd-ud-dev.conllu", row.format(word="dev"))
    write(root / "UD_Swiss_German-UZH/gsw_uzh-ud-test.conllu", row.format(word="Schwyzer"))
    loaded = load_examples(udpos, udpos.languages["de"]["test"], data_dir=tmp_path, offline=True)
    assert [example.words for example in loaded.examples] == [("erster",), ("zweiter",), ("dritter",)]
    assert (loaded.expected, loaded.notes) == (None, ("UD v2.5, multiword tokens whole",))


def pool(folder: Path, foreign: str, english: str, gold: str) -> tuple[Path, Path, Path]:
    return write(folder / "p.de", foreign), write(folder / "p.en", english), write(folder / "p.gold", gold)


def test_a_bitext_pool_is_read_as_its_sentences_and_gold_pairs(tmp_path: Path) -> None:
    rows = list(readers.bitext_pool(*pool(tmp_path, "de-1\teins\tzwei\r\n", "en-1\tone\nen-2\t\n", "de-1\ten-2\n")))
    assert rows == [
        {"id": "de-1", "text": "eins\tzwei", "english": False},
        {"id": "en-1", "text": "one", "english": True},
        {"id": "en-2", "text": "", "english": True},
        {"pair": ("de-1", "en-2")},
    ]


@pytest.mark.parametrize(
    ("foreign", "english", "gold", "message"),
    [
        (
            "de-1\teins\nde-2 zwei\n",
            "en-1\tone\n",
            "",
            "p.de:2: expected an id, a tab and a sentence",
        ),
        ("de-1\teins\n", "en-1\tone\nen-1\ttwo\n", "", "p.en:2: the id 'en-1' occurs twice"),
        ("de-1\teins\n", "en-1\tone\n", "de-1\ten-1\nde-1\ten-9\n", "p.gold:2: no sentence of p.en has the id 'en-9'"),
        ("de-1\teins\n", "en-1\tone\n", "de-1 en-1\n", "p.gold:1: expected two ids"),
    ],
)
def test_a_broken_line_of_a_bitext_pool_is_named(
    tmp_path: Path, foreign: str, english: str, gold: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        list(readers.bitext_pool(*pool(tmp_path, foreign, english, gold)))


def test_bucc_is_read_the_same_from_all_layouts(shared_data: Path, tmp_path: Path) -> None:
    bucc = get_registry().task("bucc2018")
    split = bucc.languages["zh"]["dev"]
    loaded = load_examples(bucc, split, data_dir=shared_data, offline=True)
    kinds = [type(example) for example in loaded.examples]
    assert (kinds.count(Sentence), kinds.count(GoldPair)) == (4308 + 6785, 129)
    assert loaded.examples[0] == Sentence(
        "zh-000000001", "辽宁省，简称辽，舊稱奉天省，中國的一个省，省會位于沈阳市。", False
    )
    assert loaded.examples[-129] == GoldPair("zh-000000057", "en-000008530")
    assert (loaded.rows, loaded.expected, loaded.excerpt) == (129, 257, True)  # sizes are counted in gold pairs
    for name, prefix in (("flat", "bucc2018/zh-en.dev"), ("archive", "bucc2018/zh-en/zh-en.sample")):
        for end in ("zh", "en", "gold"):
            text = (shared_data / f"bucc2018/zh-en/zh-en.dev.{end}").read_text(encoding="utf-8")
            write(tmp_path / name / f"{prefix}.{end}", text)
        again = load_examples(bucc, split, data_dir=tmp_path / name, offline=True)
        assert again.fingerprint == loaded.fingerprint
    (tmp_path / "flat/bucc2018/zh-en.dev.gold").unlink()
    withheld = load_examples(bucc, split, data_dir=tmp_path / "flat", offline=True)
    assert (len(withheld.examples), withheld.notes, withheld.excerpt) == (4308 + 6785, ("without gold pairs",), False)


def test_limit_of_a_mining_pool_keeps_its_proportions(shared_data: Path) -> None:
    bucc = get_registry().task("bucc2018")
    loaded = load_examples(bucc, bucc.languages["zh"]["dev"], data_dir=shared_data, offline=True, limit=1000)
    foreign = {e.id for e in loaded.examples if isinstance(e, Sentence) and not e.english}
    english = {e.id for e in loaded.examples if isinstance(e, Sentence) and e.english}
    gold = [e for e in loaded.examples if isinstance(e, GoldPair)]
    assert (len(foreign), len(english), len(gold)) == (1000, round(6785 * 1000 / 4308), round(129 * 1000 / 4308))
    assert all(pair.foreign in foreign and pair.english in english for pair in gold)
    assert loaded.rows == 129


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 15), st.data())
def test_limited_pools_keep_their_order_and_both_sides_of_each_gold_pair(
    foreign: int, english: int, limit: int, data: st.DataObject
) -> None:
    count = data.draw(st.integers(0, min(foreign, english)))
    examples = [
        *(Sentence(f"f{i}", "", False) for i in range(foreign)),
        *(Sentence(f"e{i}", "", True) for i in range(english)),
        *(GoldPair(f"f{i}", f"e{i}") for i in range(count)),
    ]
    kept = limited(list(examples), limit)
    assert kept == [example for example in examples if example in kept]
    ids = {example.id for example in kept if isinstance(example, Sentence)}
    pairs = [example for example in kept if isinstance(example, GoldPair)]
    assert all(pair.foreign in ids and pair.english in ids for pair in pairs)
    lonely = {f"f{i}" for i in range(count)} | {f"e{i}" for i in range(count)}
    assert ids & lonely == {name for pair in pairs for name in (pair.foreign, pair.english)}


def test_parallel_lines_serve_tatoeba(shared_data: Path, tmp_path: Path) -> None:
    tatoeba = get_registry().task("tatoeba")
    split = tatoeba.languages["sw"]["test"]
    hub = load_examples(tatoeba, split, data_dir=shared_data, offline=True)
    for end, side in (("swh", "foreign"), ("eng", "english")):
        text = "".join(f"{getattr(example, side)}\n" for example in hub.examples)
        write(tmp_path / f"tatoeba/tatoeba.swh-eng.{end}", text)
    files = load_examples(tatoeba, split, data_dir=tmp_path, offline=True)
    assert (files.fingerprint, files.rows, files.excerpt) == (hub.fingerprint, 390, False)
    write(tmp_path / "tatoeba/tatoeba.swh-eng.eng", "only one\n")
    assert "must be parallel" in split_status(split, tmp_path).reason


def test_squad_json_equals_the_hub_copy(shared_data: Path, tmp_path: Path) -> None:
    """XQuAD-R is XQuAD's JSON with sentence breaks added."""
    xquad = get_registry().task("xquad")
    split = xquad.languages["de"]["test"]
    copied(shared_data, tmp_path, "lareqa/xquad-r/de.json")
    (tmp_path / "xquad").mkdir()
    (tmp_path / "lareqa/xquad-r/de.json").rename(tmp_path / "xquad/xquad.de.json")
    own = load_examples(xquad, split, data_dir=tmp_path, offline=True)
    hub = load_examples(xquad, split, data_dir=shared_data, offline=True)
    assert own.rows == hub.rows == 1190
    assert [(e.id, e.question.strip(), e.answers) for e in own.examples] == [
        (e.id, e.question, e.answers) for e in hub.examples
    ]


def test_withheld_answers_are_no_answers(shared_data: Path, tmp_path: Path) -> None:
    tydiqa = get_registry().task("tydiqa")
    copied(shared_data / "xtreme_download", tmp_path, "tydiqa")
    loaded = load_examples(tydiqa, tydiqa.languages["sw"]["test"], data_dir=tmp_path, offline=True)
    assert (loaded.rows, loaded.expected) == (499, 499)
    assert all(example.answers == () and not example.impossible for example in loaded.examples)
    assert loaded.notes == ("answers are withheld in XTREME's download of this set",)


def test_squad_json_of_version_2_and_malformed(tmp_path: Path) -> None:
    entry = {"id": "1", "question": "q", "answers": [], "is_impossible": True}
    other = {"id": "2", "question": "r", "answers": [{"text": "c", "answer_start": 0}]}
    article = {"paragraphs": [{"context": "c", "qas": [entry, other]}]}
    path = write(tmp_path / "squad/dev-v2.0.json", json.dumps({"data": [article]}))
    squad2 = get_registry().intermediate("squad2")
    assert load_examples(squad2, squad2.dev, data_dir=tmp_path, offline=True).examples == [
        Question("1", "q", "c", (), impossible=True),
        Question("2", "r", "c", (Answer("c", 0),)),
    ]
    write(path, '{"data":\n [')
    with pytest.raises(DataError, match=r"dev-v2.0.json:2: not SQuAD JSON"):
        list(readers.squad_json(path))
    write(path, '{"data": [{"paragraphs": [{"qas": [{}]}]}]}')
    with pytest.raises(DataError, match=r"data\[0\]: not a SQuAD article"):
        list(readers.squad_json(path))
