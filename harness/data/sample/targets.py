"""The files of the nine XTREME tasks and of their English training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path

from harness.data.sample.bitext import parallel, pools
from harness.data.sample.inference import inferences
from harness.data.sample.lexicon import LANGUAGES
from harness.data.sample.paraphrase import Paraphrase, paraphrases
from harness.data.sample.questions import questions
from harness.data.sample.sizes import Size
from harness.data.sample.tables import COLUMNS, NLI, Row, write_lines, write_table
from harness.data.sample.tagging import entity_row, named, part_of_speech_row, statements
from harness.data.sample.world import World
from harness.types.languages import iso639_3, language_name

XTREME = "google/xtreme"
TATOEBA_CODES = {"sw": "swh", "zh": "cmn"}  # individual languages, where ISO 639-3 also has a macrolanguage
TRANSLATED = ('origin = "machine_translation"', 'system = "the grammar of the sample corpus"')
TASKS = {
    "xnli": "ar de en es fr hi ru sw zh",
    "pawsx": "de en es fr ko zh",
    "panx": "ar de en es fr hi ko ru sw zh",
    "udpos": "ar de en es fr hi ko ru zh",
    "xquad": "ar de en es hi ru zh",
    "mlqa": "ar de en es hi zh",
    "tydiqa": "ar en ko ru sw",
    "bucc2018": "de fr ru zh",
    "tatoeba": "ar de es fr hi ko ru sw zh",
}


def write_targets(folder: Path, seed: int, size: Size) -> None:
    """Writes every file of the target tasks. A test set says the same in all languages."""
    _pairs(folder, seed, size)
    _tags(folder, seed, size)
    _questions(folder, seed, size)
    _bitext(folder, seed, size)


def _pairs(folder: Path, seed: int, size: Size) -> None:
    train = list(inferences(World(seed, "mnli/train"), size.train))
    rows = [nli_row(*item.texts("en"), item.label, i) for i, item in enumerate(train)]
    write_table(folder, "nyu-mll/glue/mnli/train", "mnli", rows)
    for code in TASKS["xnli"].split():
        if code != "en":
            texts = [(*item.texts(code), NLI.index(item.label)) for item in train]
            rows = [dict(zip(COLUMNS["snli"], row, strict=True)) for row in texts]
            write_table(folder, f"facebook/xnli/{code}/train", "snli", rows)
    for split, count in (("validation", size.dev), ("test", size.test)):
        made = list(inferences(World(seed, f"xnli/{split}"), count))
        rows = []
        for item, code in product(made, TASKS["xnli"].split()):
            one, two = item.texts(code)
            rows.append({"language": code, "sentence1": one, "sentence2": two, "gold_label": item.label})
        write_table(folder, f"{XTREME}/XNLI/{split}", "xnli", rows)
    english: list[Row] = [dict(zip(("premise", "hypothesis"), item.texts("en"), strict=True)) for item in made]
    _translations(folder, "xnli", "test-en", {code: english for code in TASKS["xnli"].split() if code != "en"})
    matched = inferences(World(seed, "mnli/validation"), size.dev)
    rows = [nli_row(*item.texts("en"), item.label, i) for i, item in enumerate(matched)]
    write_table(folder, "nyu-mll/glue/mnli/validation_matched", "mnli", rows)
    for split, count in (("train", size.train), ("validation", size.dev), ("test", size.test)):
        items = list(paraphrases(World(seed, f"pawsx/{split}"), count))
        for code in ("en",) if split == "train" else TASKS["pawsx"].split():
            texts = [(*item.texts(code), item.same) for item in items]
            rows = [{"sentence1": one, "sentence2": two, "label": str(int(same))} for one, two, same in texts]
            write_table(folder, f"{XTREME}/PAWS-X.{code}/{split}", "pawsx", rows)
        others = [code for code in TASKS["pawsx"].split() if code != "en"]
        if split == "train":
            _translations(folder, "pawsx", split, {code: _paraphrase_rows(items, code) for code in others})
        if split == "test":
            texts_only = [{k: v for k, v in row.items() if k != "label"} for row in _paraphrase_rows(items, "en")]
            _translations(folder, "pawsx", "test-en", dict.fromkeys(others, texts_only))


def _paraphrase_rows(items: Sequence[Paraphrase], code: str) -> list[Row]:
    names = ("sentence1", "sentence2", "label")
    return [dict(zip(names, (*item.texts(code), str(int(item.same))), strict=True)) for item in items]


def _translations(folder: Path, task: str, name: str, rows: Mapping[str, Sequence[Row]]) -> None:
    """A task's training data in other languages, or its test text in English, where users put translations."""
    write_lines(folder / "translated" / task / "about.toml", TRANSLATED)
    for code, own in rows.items():
        lines = [json.dumps({**row, "source": str(number)}, ensure_ascii=False) for number, row in enumerate(own)]
        write_lines(folder / "translated" / task / code / f"{name}.jsonl", lines)


def nli_row(premise: str, hypothesis: str, label: str, index: int) -> Row:
    """A row of MNLI."""
    return {"premise": premise, "hypothesis": hypothesis, "label": NLI.index(label), "idx": index}


def _tags(folder: Path, seed: int, size: Size) -> None:
    for split, count in (("train", size.train), ("validation", size.dev), ("test", size.test)):
        facts = list(statements(World(seed, f"udpos/{split}"), count))
        for code in ("en",) if split == "train" else TASKS["udpos"].split():
            rows = [part_of_speech_row(fact, style, code) for fact, style in facts]
            write_table(folder, f"{XTREME}/udpos.{language_name(code)}/{split}", "udpos", rows)
        facts = list(named(World(seed, f"panx/{split}"), count))
        for code in ("en",) if split == "train" else TASKS["panx"].split():
            rows = [entity_row(fact, style, code) for fact, style in facts]
            write_table(folder, f"{XTREME}/PAN-X.{code}/{split}", "panx", rows)
    for code in TASKS["panx"].split():
        if code != "en":  # of the language itself: no translation of the English sentences
            own = named(World(seed, f"panx/train/{code}"), size.dev)
            rows = [entity_row(fact, style, code) for fact, style in own]
            write_table(folder, f"{XTREME}/PAN-X.{code}/train", "panx", rows)


def _questions(folder: Path, seed: int, size: Size) -> None:
    for split, count in (("train", size.train), ("validation", size.dev)):
        rows = [asked.row("en") for asked in questions(World(seed, f"squad/{split}"), count)]
        write_table(folder, f"{XTREME}/SQuAD/{split}", "mlqa", rows)
        write_table(folder, f"rajpurkar/squad/plain_text/{split}", "squad", rows)
    xquad = list(questions(World(seed, "xquad"), size.test))
    for code in TASKS["xquad"].split():
        rows = [{key: value for key, value in asked.row(code).items() if key != "title"} for asked in xquad]
        write_table(folder, f"{XTREME}/XQuAD.{code}/validation", "xquad", rows)
    for split, count in (("validation", size.dev), ("test", size.test)):
        mlqa = list(questions(World(seed, f"mlqa/{split}"), count))
        for code in TASKS["mlqa"].split():
            write_table(folder, f"{XTREME}/MLQA.{code}.{code}/{split}", "mlqa", [asked.row(code) for asked in mlqa])
    for split, english, other in (("train", size.train, size.dev), ("validation", size.test, size.test)):
        rows = []
        for code in TASKS["tydiqa"].split():
            asked_in = list(questions(World(seed, f"tydiqa/{split}"), english if code == "en" else other))
            prefix = language_name(code).lower()
            rows += [asked.row(code) | {"id": f"{prefix}-{asked.key}"} for asked in asked_in]
        write_table(folder, f"{XTREME}/tydiqa/{split}", "mlqa", rows)


def _bitext(folder: Path, seed: int, size: Size) -> None:
    drawn = list(parallel(World(seed, "tatoeba"), size.test, LANGUAGES))
    for code in TASKS["tatoeba"].split():
        name = TATOEBA_CODES.get(code, iso639_3(code))
        tags = {"source_lang": name, "target_lang": "eng"}
        rows = [
            {"source_sentence": texts[code] + "\n", "target_sentence": texts["en"] + "\n"} | tags  # as on the Hub
            for texts in drawn
        ]
        write_table(folder, f"{XTREME}/tatoeba.{name}/validation", "bitext", rows)
    for code in TASKS["bucc2018"].split():
        for split, count in (("dev", size.dev), ("test", size.test)):
            made = pools(World(seed, f"bucc/{code}/{split}"), count, code)
            prefix = folder / "bucc2018" / f"{code}-en" / f"{code}-en.{split}"
            for name, pairs in ((code, made.foreign), ("en", made.english), ("gold", made.gold)):
                write_lines(prefix.with_name(f"{prefix.name}.{name}"), ["\t".join(pair) for pair in pairs])
