"""Translations as XTREME distributes them, read in their published layouts: tables of pairs, and SQuAD's JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import Choice, Pair, Question, Tagged, readers
from harness.core.errors import DataError
from harness.data.access import DataAccess
from harness.data.pairing import translated_test, unit_partners
from harness.data.sources import LoadedSplit
from harness.data.translations import into_english
from harness.registry.default import get_registry
from harness.training.sources import training_tasks
from harness.training.via import in_languages

CELL = st.text(
    st.characters(blacklist_categories=["Cs", "Zs", "Zl", "Zp", "Cc"], blacklist_characters="\ufeff"), min_size=1
)
LABEL = st.sampled_from(["entailment", "neutral", "contradiction"])
ROWS = [
    ("The dog barks.", "It is loud.", "Der Hund bellt.", "Er ist laut.", "entailment"),
    ("The cat sleeps.", "It runs.", "Die Katze schläft.", "Sie rennt.", "contradictory"),
    ("He sings.", "He eats.", "Er singt.", "Er isst.", "neutral"),
]
FIVE = "".join("\t".join(row) + "\n" for row in ROWS)
THREE = "".join("\t".join(row[2:]) + "\n" for row in ROWS)


def write(folder: Path, name: str, text: str) -> Path:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(text.encode())
    return folder / name


def train(folder: Path, target: str, code: str) -> LoadedSplit:
    [own] = training_tasks(get_registry().task(target), get_registry())
    narrowed = in_languages(own, [code])
    return DataAccess(folder, offline=True).load(narrowed, narrowed.train)


@pytest.mark.parametrize("name", ["xnli", "pawsx"])
def test_five_and_three_columns_of_one_file_give_the_same_examples(tmp_path: Path, name: str) -> None:
    folder = {"xnli": "XNLI-Translated", "pawsx": "PAWSX-Translated"}[name]
    labels = {"xnli": {}, "pawsx": {"entailment": "1", "contradictory": "0", "neutral": "0"}}[name]
    found = []
    for text, columns in ((FIVE, "five"), (THREE, "three"), ("premise\thypothesis\tlabel\n" + THREE, "three")):
        for word, other in labels.items():
            text = text.replace(word, other)
        write(tmp_path, f"xtreme_translations/{folder}/en-de-translated.tsv", text)
        loaded = train(tmp_path, name, "de")
        assert f"en-de-translated.tsv has {columns} columns" in " ".join(loaded.notes)
        assert any("de: machine translation (XTREME's translations)" in note for note in loaded.notes)
        found.append(loaded.examples)
    assert found[0] == found[1] == found[2]
    first, second, _ = found[0]
    assert isinstance(first, Pair) and isinstance(second, Pair)
    assert (first.a, first.b) == ("Der Hund bellt.", "Er ist laut.")  # the translation, not the original
    assert second.label == ("contradiction" if name == "xnli" else "0")


@given(st.lists(st.tuples(CELL, CELL, CELL, CELL, LABEL), min_size=1, max_size=5), st.booleans())
def test_tables_of_pairs_read_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]], original: bool
) -> None:
    path = tmp_path_factory.mktemp("pairs") / "a.tsv"
    path.write_bytes("".join("\t".join(row if original else row[2:]) + "\n" for row in rows).encode())
    read = list(readers.translated_pairs(path))
    assert [(row["a"], row["b"], row["label"]) for row in read] == [row[2:] for row in rows]
    assert [row.get("original") for row in read] == [row[:2] if original else None for row in rows]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tb\tc\tneutral\n", r"a\.tsv:1: 4 columns, expected 3 or 5"),
        ("a,b,neutral\n", r"a\.tsv:1: 1 columns, expected 3 or 5"),
        ("a\tb\tneutral\na\tb\tc\td\tneutral\n", r"a\.tsv:2: 5 columns, 3 in the first line"),
        ("a\tb\tneutral\na\t\tneutral\n", r"a\.tsv:2: an empty column"),
    ],
)
def test_other_tables_are_refused_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(readers.translated_pairs(write(tmp_path, "a.tsv", text)))


def test_pseudo_test_sets_may_be_between_commas(tmp_path: Path) -> None:
    path = write(tmp_path, "en-de-pseudo-translated.csv", '"The dog, barks.",b,"Der Hund, bellt.",d,neutral\n')
    [row] = readers.translated_pairs(path)
    assert row["a"] == "Der Hund, bellt." and row["original"] == ("The dog, barks.", "b")


def squad(*questions: tuple[str, str, list[tuple[str, int]]]) -> str:
    entries: list[Any] = [
        {
            "context": context,
            "qas": [
                {
                    "id": name,
                    "question": "wer?",
                    "answers": [{"text": text, "answer_start": start} for text, start in answers],
                }
            ],
        }
        for name, context, answers in questions
    ]
    return json.dumps({"data": [{"paragraphs": entries}]})


def test_answers_that_are_not_at_their_offset_are_dropped_and_counted(tmp_path: Path) -> None:
    text = squad(
        ("1", "Der Hund bellt.", [("Hund", 4)]),
        ("2", "Der Hund bellt.", [("Hund", 5), ("bellt", 9)]),
        ("3", "Der Hund bellt.", [("Katze", 4)]),
        ("4", "Der Hund bellt.", []),
    )
    write(tmp_path, "xtreme_translations/SQuAD/translate-train/squad.translate.train.en-de.json", text)
    squad_task = get_registry().intermediate("squad")
    narrowed = in_languages(squad_task, ["de"])
    from harness.training.train_on import trained_on

    data = DataAccess(tmp_path, offline=True)
    [own] = trained_on(get_registry().task("xquad"), get_registry(), ["xquad[de]"], data)
    loaded = data.load(own, own.train)
    assert narrowed.name == own.name
    assert [(one.id, len(one.answers)) for one in loaded.examples if isinstance(one, Question)] == [
        ("de:1", 1),
        ("de:2", 1),
        ("de:4", 0),
    ]
    assert "squad.translate.train.en-de.json: 2 answers are not at their offsets and were left out, with 1 of 4" in (
        " ".join(loaded.notes)
    )


def test_test_text_in_english_pairs_by_row_or_by_the_id_of_the_question(tmp_path: Path) -> None:
    xnli, xquad = (get_registry().task(name) for name in ("xnli", "xquad"))
    data = DataAccess(tmp_path, offline=True)
    write(tmp_path, "xtreme_translations/XNLI-Translated/test-de-en-translated.tsv", FIVE)
    german = [Pair(str(i), row[0], row[1], "neutral") for i, row in enumerate(ROWS)]
    test = LoadedSplit(german, 3, None, "test", [], "f")
    english = translated_test(xnli, "de", "test", test, data)
    assert [one.a for one in english.examples if isinstance(one, Pair)] == [row[2] for row in ROWS]
    assert {one.label for one in english.examples if isinstance(one, Pair)} == {"neutral"}
    assert unit_partners(xnli, "de", "test", test, data).counts()["translated"] == 3
    with pytest.raises(DataError, match="3 rows, and test has 4"):
        translated_test(xnli, "de", "test", LoadedSplit(german, 4, None, "test", [], "f"), data)
    translated = squad(("b", "The dog barks.", [("dog", 4)]), ("a", "A cat.", [("cat", 2)]))
    write(tmp_path, "xtreme_translations/XQuAD/xquad.translate.test.de-en.json", translated)
    questions = [Question(name, "wer?", "Text", ()) for name in "ab"]
    found = translated_test(xquad, "de", "test", LoadedSplit(questions, 2, None, "test", [], "f"), data)
    assert [(one.id, one.context) for one in found.examples if isinstance(one, Question)] == [
        ("a", "A cat."),
        ("b", "The dog barks."),
    ]


def test_social_iqa_and_copa_are_read_in_xcopas_languages(tmp_path: Path) -> None:
    copa = {"premise": "Evet.", "choice1": "a", "choice2": "b", "question": "cause", "label": 1}
    write(tmp_path, "xtreme_translations/xcopa_translate_train/xcopa_tr_translate_train.jsonl", json.dumps(copa))
    siqa = {"context": "c", "question": "q", "answerA": "x", "answerB": "y", "answerC": "z", "label": "3"}
    write(tmp_path, "xtreme_translations/siqa_translate_train/train_tr_translate_train.jsonl", json.dumps(siqa))
    for name, answer in (("copa", 1), ("socialiqa", 2)):
        task = in_languages(get_registry().intermediate(name), ["tr"])
        loaded = DataAccess(tmp_path, offline=True).load(task, task.train)
        assert [one.answer for one in loaded.examples if isinstance(one, Choice)] == [answer]
        assert loaded.provenance[0].origin == "machine_translation"


@pytest.mark.parametrize("name", ["panx", "udpos", "udpos_hub"])
def test_english_of_tagged_sentences_needs_no_tags(tmp_path: Path, name: str) -> None:
    task = get_registry().task(name)
    write(tmp_path, f"translated/{name}/de/test-en.jsonl", '{"tokens": ["Ada", "sleeps"], "source": "0"}\n')
    [found] = DataAccess(tmp_path, offline=True).load(task, into_english(task, "de", "test")).examples
    assert isinstance(found, Tagged) and found.words == ("Ada", "sleeps") and found.tags is None
