"""First-party intermediate data in other languages, read from excerpts of the real files in their published formats."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from data_folders import write_parquet

from harness import Choice, Pair, Question
from harness.core.errors import DataError
from harness.data._checks import lost_answers
from harness.data.sources import LoadedSplit, load_examples
from harness.registry.default import get_registry
from harness.training.via import in_languages

NLI = ("contradiction", "entailment", "neutral")


def rows_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def place(folder: Path, name: str, source: Path) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / name)


def load(folder: Path, name: str, *codes: str) -> LoadedSplit:
    task = in_languages(get_registry().intermediate(name), codes)
    return load_examples(task, task.train, data_dir=folder, offline=True)


def squad_file(rows: list[dict[str, Any]]) -> str:
    """SQuAD's JSON, an article a row."""
    data = [
        {
            "title": row["title"],
            "paragraphs": [
                {
                    "context": row["context"],
                    "qas": [
                        {
                            "id": row["id"],
                            "question": row["question"],
                            "answers": [
                                {"text": text, "answer_start": start}
                                for text, start in zip(
                                    row["answers"]["text"], row["answers"]["answer_start"], strict=True
                                )
                            ],
                        }
                    ],
                }
            ],
        }
        for row in rows
    ]
    return json.dumps({"version": "1.1", "data": data}, ensure_ascii=False)


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


def test_ocnli_reads_both_layouts_and_leaves_unlabelled_rows_out(shared_data: Path, tmp_path: Path) -> None:
    place(tmp_path, "ocnli/train.50k.json", shared_data / "extra/ocnli_zh/train.3k.jsonl")
    with (tmp_path / "ocnli/train.50k.json").open("a", encoding="utf-8") as file:
        file.write('{"sentence1": "甲", "sentence2": "乙", "label": "-"}\n')
    loaded = load(tmp_path, "nli", "zh")
    assert (len(loaded.examples), loaded.rows) == (1_000, 1_001)  # no label, no example
    first = loaded.examples[0]
    assert isinstance(first, Pair) and first.id == "zh:0" and first.label == "contradiction"
    assert first.b == "全国政协委员无权提出建议"
    write_parquet(
        tmp_path / "clue/clue/ocnli/train-00000-of-00001.parquet",
        {"sentence1": ["甲", "丙"], "sentence2": ["乙", "丁"], "label": pa.array([0, -1], pa.int64()), "idx": [0, 1]},
    )
    assert load(tmp_path, "nli", "zh").examples == [Pair("zh:0", "甲", "乙", "neutral")]


def test_kornli_reads_its_files_and_notes_that_its_dev_set_is_xnli(shared_data: Path, tmp_path: Path) -> None:
    rows = rows_of(shared_data / "extra/kornli_ko/xnli.dev.0-599.jsonl")
    lines = ["\t".join((row["sentence1"], row["sentence2"], row["label"])) for row in rows]
    header = "sentence1\tsentence2\tgold_label"
    write(tmp_path, "kornli/xnli.dev.ko.tsv", "\n".join([header, *lines]) + "\n")
    write(tmp_path, "kornli/multinli.train.ko.tsv", "\n".join([header, *lines[:400]]) + "\n")
    write(tmp_path, "kornli/snli_1.0_train.ko.tsv", "\n".join([header, *lines[400:], "가\t나\t-"]) + "\n")
    task = get_registry().intermediate("nli")
    dev = load_examples(task, task.languages["ko"]["dev"], data_dir=tmp_path, offline=True)
    assert len(dev.examples) == 600 and Counter(e.label for e in dev.examples) == dict.fromkeys(NLI, 200)  # type: ignore[attr-defined]
    assert "XNLI" in dev.notes[0]
    train = load(tmp_path, "nli", "ko")
    assert (len(train.examples), train.rows, train.expected) == (600, 601, 942_854)
    assert train.notes == ("ko: machine translation (KorNLI, of MNLI and SNLI)",)
    assert train.examples[0].b == rows[0]["sentence2"]  # type: ignore[attr-defined]
    write(tmp_path, "kornli/multinli.train.ko.tsv", f"{header}\n가\t나\n")
    with pytest.raises(DataError, match=r"multinli\.train\.ko\.tsv:2: expected 3 columns, found 2"):
        load(tmp_path, "nli", "ko")


def test_jnli_is_read_and_follows_other_languages_of_its_task(shared_data: Path, tmp_path: Path) -> None:
    place(tmp_path, "jglue/jnli-v1.3/train-v1.3.json", shared_data / "extra/jglue_ja/jnli.valid-v1.3.0-599.jsonl")
    place(tmp_path, "ocnli/train.50k.json", shared_data / "extra/ocnli_zh/train.3k.jsonl")
    japanese = load(tmp_path, "nli", "ja").examples
    assert len(japanese) == 600 and {example.label for example in japanese} == set(NLI)  # type: ignore[attr-defined]
    both = load(tmp_path, "nli", "zh", "ja")
    assert len(both.examples) == 1_600 and both.examples[1_000] == Pair(
        "ja:1000",
        japanese[0].a,  # type: ignore[attr-defined]
        japanese[0].b,  # type: ignore[attr-defined]
        japanese[0].label,  # type: ignore[attr-defined]
    )


def test_translations_of_mnli_are_read_in_both_layouts(tmp_path: Path) -> None:
    write(
        tmp_path,
        "xnli/XNLI-MT-1.0/multinli/multinli.train.es.tsv",
        'premise\thypo\tlabel\nUna "cita\tdos\tcontradictory\nuno\tdos\tneutral\n',
    )
    assert load(tmp_path, "mnli", "es").examples == [
        Pair("es:0", 'Una "cita', "dos", "contradiction"),
        Pair("es:1", "uno", "dos", "neutral"),
    ]
    columns = {"premise": ["eins"], "hypothesis": ["zwei"], "label": pa.array([1], pa.int64())}
    write_parquet(tmp_path / "facebook/xnli/de/train-00000-of-00001.parquet", columns)
    assert load(tmp_path, "mnli", "de").examples == [Pair("de:0", "eins", "zwei", "neutral")]


def test_pawsx_trains_in_other_languages_and_shares_the_english_source_of_its_target(
    shared_data: Path, tmp_path: Path
) -> None:
    rows = {"sentence1": ["eins"], "sentence2": ["zwei"], "label": pa.array([1], pa.int64())}
    write_parquet(tmp_path / "google-research-datasets/paws-x/de/train-00000-of-00001.parquet", rows)
    assert load(tmp_path, "pawsx", "de").examples == [Pair("de:0", "eins", "zwei", "1")]
    registry = get_registry()
    target, own = registry.task("pawsx"), registry.intermediate("pawsx")
    assert (own.train.sources, own.labels) == (target.train.sources, target.labels)  # type: ignore[union-attr]
    english = load_examples(own, own.train, data_dir=shared_data, offline=True)
    assert len(english.examples) == 1_000 and "rows are missing" in english.notes[0]


@pytest.mark.parametrize(
    ("code", "excerpt", "file", "repo", "count"),
    [
        ("ar", "arcd_ar/arcd-train", "arcd/arcd-train.json", "hsseinmz/arcd/plain_text", 600),
        (
            "es",
            "squad_es/dev-v1.1-es_small.0-799",
            "squad_es/SQuAD-es-v1.1/train-v1.1-es.json",
            "ccasimiro/squad_es/v1.1.0",
            800,
        ),
        ("zh", "cmrc2018_zh/cmrc2018_trial", "cmrc2018/cmrc2018_train.json", "hfl/cmrc2018/data", 500),
        ("ja", "jglue_ja/jsquad.valid.0-599", "jglue/jsquad-v1.3/train-v1.3.json", "", 600),
    ],
)
def test_questions_of_each_language_are_read_with_answers_where_they_stand(
    shared_data: Path, tmp_path: Path, code: str, excerpt: str, file: str, repo: str, count: int
) -> None:
    rows = rows_of(shared_data / f"extra/{excerpt}.jsonl")
    write(tmp_path, file, squad_file(rows))
    loaded = load(tmp_path, "squad", code)
    assert len(loaded.examples) == count and not list(lost_answers(loaded.examples))
    first = loaded.examples[0]
    assert isinstance(first, Question) and first.id == f"{code}:{rows[0]['id']}"
    assert first.context[first.answers[0].start :].startswith(first.answers[0].text)
    if repo:
        (tmp_path / file).unlink()
        table = {name: [row[name] for row in rows[:9]] for name in ("id", "title", "context", "question", "answers")}
        write_parquet(tmp_path / repo / "train-00000-of-00001.parquet", table)
        assert load(tmp_path, "squad", code).examples == loaded.examples[:9]


def test_a_translation_keeps_its_ids_apart_from_english(shared_data: Path, tmp_path: Path) -> None:
    shutil.copytree(shared_data / "rajpurkar/squad", tmp_path / "rajpurkar/squad", copy_function=shutil.copyfile)
    task = get_registry().intermediate("squad")
    english = load_examples(task, task.train, data_dir=tmp_path, offline=True).examples
    spanish = rows_of(shared_data / "extra/squad_es/dev-v1.1-es_small.0-799.jsonl")
    spanish[0]["id"] = english[0].id  # type: ignore[attr-defined]
    write(tmp_path, "squad_es/SQuAD-es-v1.1/train-v1.1-es.json", squad_file(spanish))
    assert len(load(tmp_path, "squad", "en", "es").examples) == len(english) + 800


def test_hellaswag_in_russian_and_persian_is_read_without_its_marks(shared_data: Path, tmp_path: Path) -> None:
    for code in ("ru", "fa"):
        source = shared_data / f"extra/hellaswag_ru_fa/hellaswag_val_500_{code}.0-199.jsonl"
        place(tmp_path, f"hellaswag_ru_fa/hellaswag_val_500_{code}_edited.jsonl", source)
    loaded = load(tmp_path, "hellaswag", "ru", "fa")
    assert len(loaded.examples) == 400 and "validation set" in loaded.notes[0]
    first = loaded.examples[0]
    assert isinstance(first, Choice) and len(first.options) == 4 and first.answer == 2
    assert first.prompt.startswith("Как оправиться от эмоциональной измены Простите себя. Простить других")
    assert not any("[" in text for example in loaded.examples for text in (example.prompt, *example.options))  # type: ignore[attr-defined]


def test_jcommonsenseqa_reads_five_options_and_the_right_one(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "extra/jglue_ja/jcommonsenseqa.train-v1.3.0-999.jsonl"
    place(tmp_path, "jglue/jcommonsenseqa-v1.3/train-v1.3.json", source)
    loaded = load(tmp_path, "commonsenseqa", "ja")
    assert len(loaded.examples) == 1_000 and loaded.expected == 8_939
    options = ("世界", "写真集", "絵本", "論文", "図鑑")
    question = "主に子ども向けのもので、イラストのついた物語が書かれているものはどれ？"
    assert loaded.examples[0] == Choice("ja:0", question, options, 2)


def test_translated_folders_for_tasks_without_sources_of_their_own(tmp_path: Path) -> None:
    """One JSON object a line, in the columns of the task's own source."""
    write(tmp_path, "translated/qqp/de/train.jsonl", '{"question1": "Wo?", "question2": "Wann?", "label": 0}\n')
    assert load(tmp_path, "qqp", "de").examples == [Pair("de:0", "Wo?", "Wann?", "not_duplicate")]
    write(tmp_path, "translated/anli_plus/sw/train.jsonl", '{"premise": "a", "hypothesis": "b", "label": 2}\n')
    assert load(tmp_path, "anli_plus", "sw").examples == [Pair("sw:0", "a", "b", "contradiction")]
    squad = {"id": "1", "context": "ein Satz", "question": "Was?", "answers": {"text": ["Satz"], "answer_start": [4]}}
    write(tmp_path, "translated/squad2/de/train.jsonl", json.dumps(squad) + "\n")
    assert load(tmp_path, "squad2", "de").examples[0].answers[0].text == "Satz"  # type: ignore[attr-defined]
    write(tmp_path, "translated/ccg/de/train.jsonl", '{"tokens": ["Er", "schläft"], "tags": ["NP", "S\\\\NP"]}\n')
    assert load(tmp_path, "ccg", "de").examples[0].tags == ("NP", "S\\NP")  # type: ignore[attr-defined]
    story = {
        "context": "c",
        "question": "q",
        "answer0": "w",
        "answer1": "x",
        "answer2": "y",
        "answer3": "z",
        "label": 3,
    }
    write(tmp_path, "translated/cosmosqa/sw/train.jsonl", json.dumps(story) + "\n")
    assert load(tmp_path, "cosmosqa", "sw").examples == [Choice("sw:0", "c q", ("w", "x", "y", "z"), 3)]


def test_socialiqa_and_copa_read_the_examples_of_the_real_data(shared_data: Path, tmp_path: Path) -> None:
    registry = get_registry()
    social, copa = registry.intermediate("socialiqa"), registry.intermediate("copa")
    train = load_examples(social, social.train, data_dir=shared_data, offline=True)
    assert train.examples[0] == Choice(
        "0",
        "bailey was a nice person so she called the family together. What will happen to Others?",
        ("talk to the family", "hate bailey", "thank bailey"),
        2,
    )
    assert (len(train.examples), train.expected) == (1_000, 33_410)
    loaded = load_examples(copa, copa.train, data_dir=shared_data, offline=True)
    assert (loaded.rows, loaded.expected) == (400, 400) and loaded.examples[0] == Choice(
        "0",
        "My body cast a shadow over the grass. What was the cause?",
        ("The sun was rising.", "The grass was cut."),
        0,
    )
    original = {"context": "c.", "question": "q?", "answerA": "x", "answerB": "y", "answerC": "z", "correct": "B"}
    write(tmp_path, "siqa/socialIQa_v1.4_trn.jsonl", json.dumps(original) + "\n")
    assert load(tmp_path, "socialiqa").examples == [Choice("0", "c. q?", ("x", "y", "z"), 1)]
    superglue = {"premise": "p.", "choice1": "x", "choice2": "y", "question": "effect", "idx": 0, "label": 1}
    write(tmp_path, "copa/train.jsonl", json.dumps(superglue) + "\n")
    assert load(tmp_path, "copa").examples == [Choice("0", "p. What was the effect?", ("x", "y"), 1)]
