from __future__ import annotations

import ast
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

import harness
from harness import Choice, IntermediateTask, Pair, Question, Split, Tagged, TargetTask, Translation
from harness.data._checks import lost_answers, shifted_answers
from harness.data._parquet import Column
from harness.data.sources import load_examples, split_status
from harness.registry.default import get_registry
from harness.types.sources import HubData

TARGETS = "pawsx xnli panx udpos bucc2018 tatoeba xquad mlqa tydiqa".split()
MORE = (
    "lareqa mewslix multi30k tatoeba_mteb topics tydiqa_gen udpos_hub xcopa xnli_cloze xquad_gen".split()
)  # see test_xtreme_r.py and test_published_tatoeba.py
INTERMEDIATE = (
    "anli_plus captions ccg commonsenseqa copa cosmosqa dbpedia14 hellaswag mlm mnli nli pawsx qqp scenes socialiqa "
    "squad squad2 squad_gen topics_seen".split()
)
WITHOUT_EXCERPTS = "anli_plus captions ccg copa dbpedia14 mlm scenes topics_seen".split()
WITH_EXCERPTS = [name for name in INTERMEDIATE if name not in WITHOUT_EXCERPTS]
SHARED = {
    "pawsx": ("dev: de en es zh", ""),
    "xnli": ("dev: ar de en es fr sw tr zh", "test: de en sw zh"),
    "panx": ("dev: ar de en es fr hi ja ru sw th tr vi zh", "test: ar de en es fr hi ja ru sw th tr vi yo zh"),
    "udpos": ("dev: de en es fa hi ja ru tr vi zh", "test: de en es fa ja th vi yo zh"),
    "bucc2018": ("dev: zh", ""),
    "tatoeba": ("", "test: ar de es et fr hi ja ru sw tr vi zh"),
    "xquad": ("", "test: ar de en es vi zh"),
    "mlqa": ("dev: de en es zh", ""),
    "tydiqa": ("dev: en", "test: en fi id ko sw"),
}


def target(name: str) -> TargetTask:
    return get_registry().task(name)


def examples(data: Path, task: TargetTask | IntermediateTask, split: Split) -> list:
    return load_examples(task, split, data_dir=data, offline=True).examples


@pytest.mark.parametrize("name", TARGETS)
def test_every_language_of_the_excerpts_loads(shared_data: Path, name: str) -> None:
    task = target(name)
    kind = get_registry().family(task.family).examples[0]
    for listed in filter(None, SHARED[name]):
        split, _, codes = listed.partition(": ")
        splits = {code: table[split] for code, table in task.languages.items() if split in table}
        present = [code for code in splits if split_status(splits[code], shared_data).rows]
        assert sorted(present) == codes.split()
        for code in present:
            loaded = load_examples(task, splits[code], data_dir=shared_data, offline=True)
            assert isinstance(loaded.examples[0], kind)
            assert not list(lost_answers(loaded.examples))
            assert shifted_answers(loaded.examples) == 0
            if name != "bucc2018":
                assert len(loaded.examples) == loaded.rows
    if isinstance(task.train, Split):
        assert len(examples(shared_data, task, task.train)) == split_status(task.train, shared_data).rows


@pytest.mark.parametrize("name", TARGETS)
def test_languages_and_order_are_those_of_the_benchmark(name: str) -> None:
    xtreme, xtreme_r = (get_registry().benchmark(benchmark).tasks for benchmark in ("xtreme", "xtreme-r"))
    assert tuple(target(name).languages) == xtreme_r.get(name, xtreme[name])
    assert tuple(target(name).languages)[: len(xtreme[name])] == xtreme[name]
    assert all("test" in splits for splits in target(name).languages.values())


def test_rows_declared_by_each_task_equal_the_official_sizes() -> None:
    rows = {
        name: {s: {c: t[s].rows for c, t in target(name).languages.items() if s in t} for s in ("dev", "test")}
        for name in TARGETS
    }
    assert set(rows["xnli"]["dev"].values()) == {2490} and set(rows["xnli"]["test"].values()) == {5010}
    assert set(rows["pawsx"]["test"].values()) == {2000}
    assert Counter(rows["panx"]["test"].values()) == {10_000: 29, 1_000: 13, 100: 6}
    assert sum(rows["tydiqa"]["test"].values()) == 5077
    assert rows["tydiqa"]["dev"] == {"en": 440}
    assert sum(rows["mlqa"]["test"].values()) == 42_245 and sum(rows["mlqa"]["dev"].values()) == 4_199
    assert rows["udpos"]["test"]["el"] == 456  # the Hub's 2,809 include Ancient Greek
    assert [c for c, n in rows["udpos"]["test"].items() if n is None] == [
        *("de", "fr", "ru", "zh", "lt", "pl", "uk", "wo", "ro")
    ]
    assert sorted(set(rows["udpos"]["test"]) - set(rows["udpos"]["dev"])) == ["kk", "th", "tl", "yo"]
    assert {c: n for c, n in rows["tatoeba"]["test"].items() if n != 1000} == {
        "jv": 205, "ka": 746, "kk": 575, "ml": 687, "sw": 390, "ta": 307, "te": 234, "th": 548
    }  # fmt: skip
    assert rows["bucc2018"]["dev"] == {"de": 1038, "fr": 929, "ru": 2374, "zh": 257}
    trains = {name: target(name).train.rows for name in TARGETS if isinstance(target(name).train, Split)}
    assert trains == {"pawsx": 49_401, "xnli": 392_702, "panx": 20_000, "udpos": 21_253, "tydiqa": 3_696}
    assert (target("xquad").train, target("mlqa").train, target("tatoeba").train) == ("squad", "squad", None)
    sizes = {name: (t.train.rows, t.dev.rows) for name, t in get_registry().intermediate_tasks().items()}
    assert sizes["anli_plus"] == (16_946 + 45_460 + 100_459 + 392_702 + 550_152, 1_000 + 1_000 + 1_200 + 9_815 + 10_000)
    assert sizes["squad"] == (87_599, 10_570)


def test_labels_of_xnli_equal_the_real_data_and_are_parallel(shared_data: Path) -> None:
    xnli = target("xnli")
    tests = {code: examples(shared_data, xnli, xnli.languages[code]["test"]) for code in ("de", "en", "sw", "zh")}
    assert Counter(example.label for example in tests["en"]) == dict.fromkeys(xnli.labels, 1670)
    for found in tests.values():  # rows are parallel
        assert [example.label for example in found] == [example.label for example in tests["en"]]
    assert tests["de"][0] == Pair(
        "0",
        "Nun, daran dachte ich nicht einmal, aber ich war so frustriert, dass ich am Ende doch mit ihm redete.",
        "Ich habe nicht wieder mit ihm gesprochen.",
        "contradiction",
    )
    dev = examples(shared_data, xnli, xnli.languages["ar"]["dev"])
    assert Counter(example.label for example in dev) == dict.fromkeys(xnli.labels, 830)
    train = examples(shared_data, xnli, xnli.train)
    assert train[0].a.startswith("Our hearts are particularly heavy") and train[0].label == "entailment"


def test_labels_of_pawsx_equal_the_real_data_and_differ_only_beside_placeholders(shared_data: Path) -> None:
    pawsx = target("pawsx")
    dev = {code: examples(shared_data, pawsx, pawsx.languages[code]["dev"]) for code in ("de", "en")}
    assert dev["de"][0].label == "1" and dev["de"][0].a.startswith("Es war das 6. Event des Turniers")
    differing = [de for de, en in zip(dev["de"], dev["en"], strict=True) if de.label != en.label]
    assert len(differing) == 17 and all("NS" in (e.a, e.b) for e in differing)  # the placeholder of the real data
    assert "rows are missing" in load_examples(pawsx, pawsx.train, data_dir=shared_data, offline=True).notes[0]


def test_tagged_tasks_read_the_words_and_tags_of_the_real_data(shared_data: Path) -> None:
    panx, udpos = target("panx"), target("udpos")
    assert examples(shared_data, panx, panx.languages["de"]["test"])[0] == Tagged(
        "0",
        ("Franco", "Ferreiro", "Rubén", "Ramírez", "Hidalgo"),
        ("B-PER", "I-PER", "B-PER", "I-PER", "I-PER"),
    )
    assert panx.labels == ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
    chinese = examples(shared_data, udpos, udpos.languages["zh"]["test"])[0]
    assert chinese.words == ("然而", "，", "這樣", "的", "處理", "也", "衍生", "了", "一些", "問題", "。")
    assert " ".join(chinese.tags) == "ADV PUNCT PRON PART NOUN ADV VERB PART ADJ NOUN PUNCT"
    assert len(udpos.labels) == 17 and list(udpos.labels) == sorted(udpos.labels)
    persian = examples(shared_data, udpos, udpos.languages["fa"]["test"])
    assert not any("\u200c" in word or " " in word for example in persian for word in example.words)


def test_question_tasks_read_the_answers_and_offsets_of_the_real_data(shared_data: Path) -> None:
    xquad, tydiqa = target("xquad"), target("tydiqa")
    spanish = examples(shared_data, xquad, xquad.languages["es"]["test"])
    assert sum(example.context.startswith("\ufeff") for example in spanish) == 19  # offsets count the mark
    english = {e.id: e for e in examples(shared_data, xquad, xquad.languages["en"]["test"])}
    assert set(english) == {example.id for example in spanish}
    assert english["56beb4343aeaaa14008c925b"].answers[0].text == "308"
    first = examples(shared_data, tydiqa, tydiqa.languages["en"]["dev"])[0]
    assert isinstance(first, Question) and first.id == "english--3215621880858840488-2"
    assert (first.answers[0].text, first.answers[0].start) == ("Wound care", 0)
    assert tydiqa.languages["en"]["dev"] == tydiqa.languages["en"]["test"]


def test_tatoeba_strips_line_ends(shared_data: Path) -> None:
    tatoeba = target("tatoeba")
    german = examples(shared_data, tatoeba, tatoeba.languages["de"]["test"])
    assert german[0] == Translation(
        "0", "Maria sagte, sie wisse nicht, wo Tom sei.", "Mary said she didn't know where Tom was."
    )
    for code in ("de", "zh", "sw"):
        found = examples(shared_data, tatoeba, tatoeba.languages[code]["test"])
        assert not any(text != text.rstrip("\n") or not text for e in found for text in (e.foreign, e.english))
        assert len({e.english for e in found}) == len(found)


@pytest.mark.parametrize("name", WITH_EXCERPTS)
def test_every_intermediate_task_loads_its_excerpts_whole(shared_data: Path, name: str) -> None:
    task = get_registry().intermediate(name)
    for split in (task.train, task.dev):
        loaded = load_examples(task, split, data_dir=shared_data, offline=True)
        assert loaded.excerpt and len(loaded.examples) == loaded.rows


def test_first_examples_of_intermediate_tasks_equal_the_real_data(shared_data: Path) -> None:
    registry = get_registry()

    def first(name: str) -> object:
        task = registry.intermediate(name)
        return examples(shared_data, task, task.train)[0]

    assert first("hellaswag") == Choice(
        "0",
        "A man is sitting on a roof. he",
        (
            "is using wrap to wrap a pair of skis.",
            "is ripping level tiles off.",
            "is holding a rubik's cube.",
            "starts pulling up roofing on a roof.",
        ),
        3,
    )
    cosmos = first("cosmosqa")
    assert cosmos.prompt.startswith("Do i need to go for a legal divorce ?")
    assert cosmos.prompt.endswith(" Why is this person asking about divorce ?")
    assert (cosmos.options[1], cosmos.answer) == ("He wants to get married to a different person .", 1)
    csqa = first("commonsenseqa")
    assert (csqa.options, csqa.answer) == (("ignore", "enforce", "authoritarian", "yell at", "avoid"), 0)
    qqp = first("qqp")
    assert (qqp.a[:13], qqp.label) == ("How do I get ", "not_duplicate")
    impossible = first("squad2")
    assert impossible.impossible and impossible.answers == ()
    squad = first("squad")
    assert [answer.start for answer in squad.answers] == [4, 4, 0] and not squad.impossible


def test_readers_of_unlabelled_and_odd_rows() -> None:
    registry = get_registry()

    def read(name: str, **row: object) -> object:
        return registry.intermediate(name).example({"_row": 3, **row})

    anli = {"premise": "p", "hypothesis": "h"}
    assert read("anli_plus", **anli, label=None) is None
    assert read("anli_plus", **anli, label="neutral") == Pair("3", "p", "h", "neutral")
    swag = {"ctx_a": "It rains.", "ctx_b": "the man", "endings": ["runs.", "sings."]}
    assert read("hellaswag", **swag, label="") == Choice("3", "It rains.", ("the man runs.", "the man sings."), None)
    cosmos = {"context": "c", "question": "q", **{f"answer{n}": str(n) for n in range(4)}}
    assert read("cosmosqa", **cosmos, label=-1).answer is None
    csqa = {"id": "i", "question": "q", "choices": {"label": ["A", "B"], "text": ["x", "y"]}}
    assert read("commonsenseqa", **csqa, answerKey="").answer is None
    assert read("commonsenseqa", **csqa, answerKey="B").answer == 1
    xnli = target("xnli").example({"_row": 0, "premise": "p", "hypothesis": "h", "label": None})
    assert xnli == Pair("0", "p", "h", None)


def test_every_plugin_is_complete() -> None:
    registry = get_registry()
    assert sorted(TARGETS + MORE) == sorted(registry.tasks()) and sorted(INTERMEDIATE) == sorted(
        registry.intermediate_tasks()
    )
    for task in (*registry.tasks().values(), *registry.intermediate_tasks().values()):
        assert task.summary and task.licence and task.citation and task.family in registry.families()
        own = [task.train] if isinstance(task.train, Split) else []
        for split in (*own, *(split for table in task.languages.values() for split in table.values())):
            for source in split.sources:
                if isinstance(source, HubData):
                    names = [Column.parse(column).name for column in source.columns]
                    assert names and len(set(names)) == len(names)


def test_plugins_import_public_names_only() -> None:
    root = Path(harness.__file__).parent.parent / "plugins"
    files = [*root.glob("tasks/*.py"), *root.glob("intermediate/*.py")]
    assert len(files) == len(TARGETS) + len(MORE) - 4 + len(
        INTERMEDIATE
    )  # xnli.py, udpos.py, tatoeba.py and topics.py hold two, written_answers.py three
    read: set[Path] = set()
    while files:
        path = files.pop()
        read.add(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0].startswith("harness"):
                assert node.module is not None
                if node.module.startswith("harness_plugins."):  # a module beside it is held to the same rule
                    beside = root.joinpath(*node.module.split(".")[1:]).with_suffix(".py")
                    files += {beside} - read
                    continue
                assert node.module == "harness", path
                assert {alias.name for alias in node.names} <= set(harness.__all__), path
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("harness") for alias in node.names), path
    assert root / "translations_of_xtreme.py" in read


def test_ids_are_positions_where_the_source_has_none(shared_data: Path) -> None:
    panx = target("panx")
    ids = [int(example.id) for example in examples(shared_data, panx, panx.languages["en"]["test"])]
    assert ids[0] == 0 and all(b == a + 1 for a, b in pairwise(ids))
