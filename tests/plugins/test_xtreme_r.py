"""XTREME-R: its lists, its data, and a run of all ten tasks on the sample corpus."""

from __future__ import annotations

import json
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import Candidate, Match, Query
from harness.cli.main import main
from harness.core.errors import DataError
from harness.data.sources import load_examples, split_status
from harness.registry.default import get_registry
from harness.report.report import make_report
from harness.results.run_view import view
from harness.scoring.aggregate import aggregate
from harness.scoring.scores import Estimate, UnitScore
from harness.training.sources import training_tasks
from harness.types.sources import FileData, Split

FAST = ["--limit", "6", "--train-limit", "12", "--set", "max_steps=2", "--set", "batch=4", "--offline"]
EXTRA = {
    "panx": "qu pl uk az lt pa gu ro",
    "udpos": "lt pl uk wo ro",
    "tatoeba": "az lt pl uk ro",
    "xquad": "ro",
    "xnli": "",
    "mlqa": "",
    "tydiqa": "",
}
NEW = {
    "xcopa": "et ht id it qu sw ta th tr vi zh",
    "lareqa": "ar de el en es hi ru th tr vi zh",
    "mewslix": "ar de en es fa ja pl ro ta tr uk",
}
ALL = (
    "af ar az bg bn de el en es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu ro ru "
    "sw ta te th tl tr uk ur vi wo yo zh"
)
Cli = Callable[..., tuple[int, str, str]]


# the benchmark


def test_tasks_of_xtreme_r_have_the_published_languages() -> None:
    xtreme, xtreme_r = (get_registry().benchmark(name).tasks for name in ("xtreme", "xtreme-r"))
    assert {name: len(codes) for name, codes in xtreme_r.items()} == {
        "xnli": 15, "xcopa": 11, "udpos": 38, "panx": 48, "xquad": 12, "mlqa": 7, "tydiqa": 9, "tatoeba": 41,
        "mewslix": 11, "lareqa": 11,
    }  # fmt: skip
    for name, added in EXTRA.items():
        assert xtreme_r[name] == (*xtreme[name], *added.split())
    for name, codes in NEW.items():
        assert xtreme_r[name] == tuple(codes.split()) == tuple(get_registry().task(name).languages)
    assert sorted({code for codes in xtreme_r.values() for code in codes}) == ALL.split()


def test_groups_of_xtreme_r_are_those_of_its_public_scorer() -> None:
    benchmark = get_registry().benchmark("xtreme-r")
    public = {
        "classification": {"xnli", "xcopa"},
        "tagging": {"udpos", "panx"},
        "qa": {"xquad", "mlqa", "tydiqa"},
        "retrieval": {"tatoeba", "mewslix"},
        "multi_choice": {"xcopa"},
    }
    assert {name: set(tasks) for name, tasks in benchmark.groups.items() if name in public} == public
    assert "not defined by the public scorer" in benchmark.rule


def test_every_task_has_the_data_and_the_training_that_it_names() -> None:
    registry = get_registry()
    for name, codes in registry.benchmark("xtreme-r").tasks.items():
        task = registry.task(name)
        assert all(task.languages[code]["test"].sources for code in codes)
        if name != "tatoeba":
            assert training_tasks(task, registry)
    assert [task.name for task in training_tasks(registry.task("xcopa"), registry)] == ["socialiqa", "copa"]
    assert registry.benchmark("xtreme-r").train == {"tatoeba": ("squad",)}


def test_part_of_speech_data_by_release() -> None:
    task = get_registry().task("udpos")
    for code in get_registry().benchmark("xtreme-r").tasks["udpos"]:
        best = task.languages[code]["test"].sources[0]
        release = "2.7" if code in EXTRA["udpos"].split() else "2.5"
        assert isinstance(best, FileData)
        assert best.files == (f"ud-treebanks-v{release}/UD_*/{code}_*-ud-test.conllu",)
        assert best.note == f"UD v{release}, multiword tokens whole"
    hub = get_registry().task("udpos_hub")
    assert all(
        [type(source).__name__ for source in split.sources] == ["HubData"]
        for table in hub.languages.values()
        for split in table.values()
    )
    assert len(hub.languages) == 33


# the data


def test_treebanks_from_the_archive_as_released(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "made" / "ud-treebanks-v2.7"
    for name, word in (
        ("UD_Polish-PDB/pl_pdb", "kot"),
        ("UD_Polish-LFG/pl_lfg", "pies"),
        ("UD_Wolof-WTB/wo_wtb", "xaj"),
    ):
        (root / name).parent.mkdir(parents=True)
        Path(f"{root / name}-ud-test.conllu").write_text(f"1\t{word}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n")
    data = tmp_path / "data"
    data.mkdir()
    with tarfile.open(data / "ud-treebanks-v2.7.tgz", "w:gz") as archive:
        archive.add(root, root.name)
    task = get_registry().task("udpos")
    for code, words in (("pl", ["pies", "kot"]), ("wo", ["xaj"])):
        loaded = load_examples(task, task.languages[code]["test"], data_dir=data, offline=True)
        assert [sentence.words for sentence in loaded.examples] == [(word,) for word in words]
        assert loaded.notes == ("UD v2.7, multiword tokens whole",)
    assert len(list((tmp_path / "cache/treebanks").iterdir())) == 1
    (data / "ud-treebanks-v2.7.tgz").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"ud-treebanks-v2\.7\.tgz: not a whole tar archive"):
        load_examples(task, task.languages["pl"]["test"], data_dir=data, offline=True)


def test_a_score_says_which_copy_of_the_treebanks_it_is_of(shared_data: Path, tmp_path: Path, cli: Cli) -> None:
    """In the record and under the table: the treebanks, or the Hub's copy of them."""
    row = "1\twort\t_\tNOUN\t_\t_\t0\troot\t_\t_\n\n"
    path = tmp_path / "ud/ud-treebanks-v2.5/UD_German-GSD/de_gsd-ud-test.conllu"
    path.parent.mkdir(parents=True)
    path.write_text(row * 3)
    for data, wanted in ((tmp_path / "ud", "UD v2.5, multiword tokens whole"), (shared_data, "the Hub's copy has")):
        out = tmp_path / f"run-{data.name}"
        words = ("--model", "baseline:random", "--task", "udpos[de]", "--data-dir", data, "--limit", "3", "--out", out)
        code, shown, err = cli("eval", *words, "--offline")
        assert code == 0, err
        (note,) = record(out)["units"]["udpos/de/test"]["data"]["notes"]
        assert note.startswith(wanted) and f"note: udpos[de]: {note}" in " ".join(shown.split())


def test_xcopa_reads_whole_splits_of_two_options_with_a_question(shared_data: Path) -> None:
    task = get_registry().task("xcopa")
    for code in ("et", "id", "it", "sw", "tr", "zh"):
        loaded = {
            name: load_examples(task, split, data_dir=shared_data, offline=True)
            for name, split in task.languages[code].items()
        }
        assert {name: (split.rows, split.excerpt) for name, split in loaded.items()} == {
            "dev": (100, False),
            "test": (500, False),
        }
        for choice in loaded["test"].examples:
            assert choice.answer in (0, 1) and len(choice.options) == 2
            assert choice.prompt.endswith((" What was the cause?", " What was the effect?"))


def test_lareqa_has_the_candidates_of_the_paper(shared_data: Path) -> None:
    task = get_registry().task("lareqa")
    candidates = {"en": 1180, "de": 1276, "es": 1215, "zh": 1196}
    questions: dict[str, set[str]] = {}
    for code, count in candidates.items():
        loaded = load_examples(task, task.languages[code]["test"], data_dir=shared_data, offline=True)
        assert (loaded.rows, loaded.excerpt) == (1190, False)
        assert Counter(type(example) for example in loaded.examples) == {Query: 1190, Candidate: count}
        names = {e.id: e.text for e in loaded.examples if isinstance(e, Candidate)}
        asked = [e for e in loaded.examples if isinstance(e, Query)]
        assert all(len(query.relevant) == 1 and query.relevant[0] in names for query in asked)
        assert not any("\n" in text for text in names.values())
        questions[code] = {query.id for query in asked}
    assert len(set(map(frozenset, questions.values()))) == 1  # the same questions in every language
    task_text = next(e.text for e in loaded.examples if isinstance(e, Candidate))
    sentence = task_text[: len(task_text) // 2]
    assert task_text.find(sentence[:8], 1) > 0  # the sentence, and again within its paragraph
    train = load_examples(task, task.train, data_dir=shared_data, offline=True, limit=50).examples
    assert all(isinstance(pair, Match) and pair.query and len(pair.candidate) > 20 for pair in train)


def test_lareqa_trains_on_the_sentence_of_the_answer() -> None:
    read = get_registry().task("lareqa").example
    context = "The cat ran off. It was found in Rome. It slept."
    row = {"id": "1", "question": "where?", "context": context, "answers": {"text": ["Rome"], "answer_start": [33]}}
    assert read(row) == Match("1", "where?", "It was found in Rome." + context)
    assert read(row | {"answers": {"text": [], "answer_start": []}}) is None


ARTICLE = "Strike in {Espoo}\n\nIn  Espoo, drivers {all} went\non strike, says Espoo. It ended."


def span(text: str, part: str, after: int = 0) -> dict[str, int]:
    start = text.index(part, after)
    return {"start": start, "end": start + len(part)}


def article(language: str, *names: str) -> dict[str, Any]:
    """In the published format (ContextualMentions); the second and the third "Espoo" are mentions."""
    sentence = ARTICLE[ARTICLE.index("In  ") : ARTICLE.index(" It")]
    places = [span(ARTICLE, "Espoo", ARTICLE.index("In  ")), span(ARTICLE, "Espoo", ARTICLE.index("says"))]
    spans = [span(ARTICLE, "Strike in {Espoo}"), span(ARTICLE, sentence), span(ARTICLE, "It ended.")]
    return {
        "context": {
            "document_id": language, "document_title": "", "document_url": "", "language": language, "text": ARTICLE,
            "sentence_spans": spans,
        },
        "mentions": [
            {"example_id": f"{language}{i}", "mention_span": place | {"text": "Espoo"}, "entity_id": name}
            for i, (name, place) in enumerate(zip(names, places, strict=False))
        ],
    }  # fmt: skip


def entity(name: str, *sentences: str) -> dict[str, Any]:
    text = "  ".join(sentences)
    spans = [span(text, sentence) for sentence in sentences]
    described = {"description": text, "description_language": "fi", "description_url": ""}
    return {"entity_id": name, "title": "not used", "sentence_spans": spans, **described}


def write_lines(path: Path, *rows: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def mewslix(tmp_path: Path) -> Path:
    folder = tmp_path / "mewslix"
    write_lines(folder / "wikinews_mentions-test.jsonl", article("de", "Q47034", "Q1"), article("tr", "Q47034"))
    write_lines(
        folder / "candidate_set_entities.jsonl", entity("Q47034", "Espoo is\na city.", "It is big."), entity("Q1")
    )
    pair = article("en", "Q9")
    asked = {"context": pair["context"], "mention": pair["mentions"][0]}
    for name in ("train", "dev"):
        rows = [{"contextual_mention": asked, "entity": entity("Q9", "Somewhere.")}]
        write_lines(folder / f"wikipedia_pairs-{name}.jsonl", *rows)
    return tmp_path


QUERIES = [  # two spaces become one in a single pass, as in the reference: three become two
    "Espoo: In  { Espoo } , drivers (all) went on strike, says Espoo.",
    "Espoo: In Espoo, drivers (all) went on strike, says { Espoo } .",
]


def test_mewslix_in_its_published_format(mewslix: Path) -> None:
    task = get_registry().task("mewslix")
    loaded = {
        code: load_examples(task, task.languages[code]["test"], data_dir=mewslix, offline=True) for code in ("de", "tr")
    }
    assert loaded["de"].examples == [Query("de0", QUERIES[0], ("Q47034",)), Query("de1", QUERIES[1], ("Q1",))]
    assert loaded["tr"].examples == [Query("tr0", QUERIES[0], ("Q47034",))]
    assert (loaded["de"].expected, loaded["tr"].expected) == (1551, 1215)
    assert split_status(task.languages["fa"]["test"], mewslix).state == "missing"
    assert isinstance(task.pool, Split) and task.pool.rows == 1_003_893
    pool = load_examples(task, task.pool, data_dir=mewslix, offline=True).examples
    assert pool == [Candidate("Q47034", "Espoo is a city. It is big."), Candidate("Q1", "")]
    train = load_examples(task, task.train, data_dir=mewslix, offline=True).examples
    assert train == [Match("en0", QUERIES[0], "Somewhere.")]


def test_mewslix_in_the_layout_of_xtreme(mewslix: Path) -> None:
    """XTREME's download keeps the gold entities in files of their own and empties them in the articles."""
    task = get_registry().task("mewslix")
    folder = mewslix / "mewslix"
    write_lines(folder / "wikinews_mentions/test-de.jsonl", article("de", "", ""))
    split = task.languages["de"]["test"]
    (folder / "wikinews_mentions-test.jsonl").unlink()
    bare = load_examples(task, split, data_dir=mewslix, offline=True)
    assert [query.relevant for query in bare.examples] == [(), ()] and bare.notes == ("without gold entities",)
    write_lines(folder / "wikinews_labels/test-de.json", {"de0": ["Q1"], "de1": ["Q2"]})
    assert [q.relevant for q in load_examples(task, split, data_dir=mewslix, offline=True).examples] == [
        ("Q1",),
        ("Q2",),
    ]


def test_mewslix_says_that_the_candidates_are_missing(mewslix: Path, cli: Cli) -> None:
    (mewslix / "mewslix/candidate_set_entities.jsonl").unlink()
    words = ("--model", "tiny", "--task", "mewslix", "--data-dir", mewslix, "--dry-run", "--json", "--offline")
    code, out, _ = cli("eval", *words, "--out", mewslix / "run")
    units = {unit["language"]: unit for unit in json.loads(out)["units"]}
    assert code == 4 and units["de"]["data"] == "missing"
    assert "no candidates" in units["de"]["reason"] and "get-mewsli-x.sh" in units["de"]["reason"]


# scores from files


def test_official_folders_make_an_overall_score(tmp_path: Path, cli: Cli) -> None:
    """Every task of the benchmark in the official layout: overall is the mean of ten, LAReQA counted once."""
    question = {"data": [{"paragraphs": [{"context": "cat dog", "qas": [{"id": "1", "answers": [{"text": "cat"}]}]}]}]}
    files: dict[str, tuple[str, str, str]] = {
        "xnli": ("tsv", "neutral\n", "neutral\n"),
        "xcopa": ("jsonl", '{"label": 1}\n{"label": 0}\n', '{"label": 1}\n{"label": 1}\n'),
        "udpos": ("tsv", "NOUN\n\n", "NOUN\n\n"),
        "panx": ("tsv", "B-PER\n\n", "O\n\n"),
        "xquad": ("json", '{"1": "cat"}', json.dumps(question)),
        "mlqa": ("json", '{"1": "cat"}', json.dumps(question)),
        "tydiqa": ("json", '{"1": "dog"}', json.dumps(question)),
        "tatoeba": ("tsv", "0\n", "0\n"),
        "mewslix": ("json", '{"m": ["Q2", "Q1"]}', '{"m": ["Q1"]}'),
        "lareqa": ("json", '{"q": ["en_1_1", "de_1_1"]}', '{"q": ["en_1_1", "de_1_1", "zh_1_0", "ru_1_0"]}'),
    }
    scores = {"xcopa": 50.0, "panx": 0.0, "tydiqa": 0.0, "mewslix": 50.0, "lareqa": 50.0}
    benchmark = get_registry().benchmark("xtreme-r")
    for task, (extension, *contents) in files.items():
        for code in benchmark.tasks[task]:
            for side, content in zip(("predictions", "labels"), contents, strict=True):
                path = tmp_path / side / task / f"test-{code}.{extension}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
    words = ("--predictions", tmp_path / "predictions", "--labels", tmp_path / "labels", "--benchmark", "xtreme-r")
    code, out, err = cli("score", *words, "--json")
    assert code == 0, err
    found = json.loads(out)
    assert {name: task["score"] for name, task in found["tasks"].items()} == {
        name: pytest.approx(scores.get(name, 100.0)) for name in files
    }
    assert found["overall"] == pytest.approx(65.0)
    assert found["groups"] == {
        "classification": 75.0,
        "tagging": 50.0,
        "qa": pytest.approx(200 / 3),
        "retrieval": 75.0,
        "multi_choice": 50.0,
        "retrieval_with_lareqa": pytest.approx(200 / 3),
    }
    (tmp_path / "predictions/xquad/test-ro.json").unlink()
    code, _, err = cli("score", *words)
    assert code == 4 and "test-ro.json" in err


def test_the_overall_score_is_that_of_published_rows() -> None:
    """Zhang et al. 2024 print overall scores on XTREME-R: the mean of ten tasks, LAReQA once; theirs take F1 alone for QA."""
    benchmark = get_registry().benchmark("xtreme-r")
    published = Path(__file__).resolve().parents[2] / "leaderboards/published/zhang2024_mgte.json"
    compared = 0
    for row in json.loads(published.read_text(encoding="utf-8")):
        means = {(cell["task"], cell["metric"]): cell["value"] for cell in row["cells"] if cell["language"] == "avg"}
        if ("lareqa", "map@20") not in means:
            continue
        scores = {
            name: {
                code: UnitScore(1, {m: Estimate(v) for (task, m), v in means.items() if task == name}) for code in codes
            }
            for name, codes in benchmark.tasks.items()
        }
        single = {name: ("f1",) if len(scores[name][codes[0]].metrics) == 2 else tuple(scores[name][codes[0]].metrics)
                  for name, codes in benchmark.tasks.items()}  # fmt: skip
        assert aggregate(benchmark, scores, single).overall == pytest.approx(means["overall", "score"], abs=0.01)
        scorer = {name: tuple(scores[name][codes[0]].metrics) for name, codes in benchmark.tasks.items()}
        assert (
            aggregate(benchmark, scores, scorer).overall < means["overall", "score"] - 2
        )  # EM and F1, as the scorer does
        compared += 1
    assert compared == 4


# a run


@pytest.fixture(scope="module")
def finished(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "small"
    words = ["eval", "--model", small_model, "--benchmark", "xtreme-r", "--data-dir", corpus, "--out", out, *FAST]
    assert main([str(word) for word in words]) == 0
    return out


def record(run: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((run / "record.json").read_text(encoding="utf-8"))
    return loaded


def test_all_ten_tasks_run_on_the_sample_corpus(finished: Path) -> None:
    found = record(finished)
    assert {key.split("/")[0] for key in found["units"]} == set(get_registry().benchmark("xtreme-r").tasks)
    assert not found["failed"] and "mewslix/fa/test" in found["missing"]
    assert all(unit["score"] for unit in found["units"].values())
    assert not any(unit["data"]["notes"] for unit in found["units"].values())  # those are about copies of real data
    facts = found["units"]["lareqa/de/test"]["facts"]
    assert facts["pool"] == ["ar", "de", "en", "es", "hi", "ru", "zh"]
    labels = json.loads((finished / "labels/lareqa/test-de.json").read_text())
    assert len(labels) == 6
    for answers in labels.values():
        assert sorted(answer.split("_")[0] for answer in answers) == sorted(facts["pool"])
    rankings = json.loads((finished / "predictions/mewslix/test-ar.json").read_text())
    assert all(len(ranking) == 20 and ranking[0].startswith("Q") for ranking in rankings.values())
    assert set(found["units"]["mewslix/ar/test"]["score"]["metrics"]) == {"map@20", "mrr@20"}


def test_stages_are_trained_in_sequence_and_shared(finished: Path) -> None:
    stages = {stage["name"]: stage for stage in record(finished)["stages"]}
    assert stages["copa"]["parent"] == {"stage": stages["socialiqa"]["key"]}
    assert "model" in stages["socialiqa"]["parent"] and stages["socialiqa"]["head"] == "fresh"
    assert stages["copa"]["head"] == "kept"
    assert {"squad", "lareqa", "mewslix"} <= set(stages)


def test_tatoeba_is_fine_tuned_on_squad_here_and_not_elsewhere(
    corpus: Path, small_model: Path, tmp_path: Path, cli: Cli
) -> None:
    words = ("eval", "--model", small_model, "--data-dir", corpus, "--task", "tatoeba[de]", *FAST)
    units = {}
    for benchmark, trained in (("xtreme", []), ("xtreme-r", ["squad"])):
        assert cli(*words, "--benchmark", benchmark, "--out", tmp_path / benchmark)[0] == 0
        found = record(tmp_path / benchmark)
        assert [stage["name"] for stage in found["stages"]] == trained
        units[benchmark] = found["units"]["tatoeba/de/test"]
    assert units["xtreme"]["key"] != units["xtreme-r"]["key"]
    assert units["xtreme"]["data"] == units["xtreme-r"]["data"]


def test_the_files_give_the_same_scores(finished: Path, cli: Cli) -> None:
    code, out, _ = cli("score", finished, "--json")
    assert code == 0
    found = record(finished)["scores"]["tasks"]
    again = json.loads(out)["tasks"]
    for name, task in found.items():
        for metric, values in task["metrics"].items():
            assert again[name]["metrics"][metric]["languages"] == values["languages"], (name, metric)


def mean_average_precision(data: dict[str, Any], predictions: Path) -> tuple[float, dict[str, list[float]]]:
    """mAP@20 over all questions of XQuAD-R files, from the files alone, and the questions' values by language."""
    answers: dict[str, set[str]] = {}
    for code, file in data.items():
        paragraphs = [paragraph for article in file["data"] for paragraph in article["paragraphs"]]
        for number, paragraph in enumerate(paragraphs, start=1):
            for asked in paragraph["qas"]:
                start = asked["answers"][0]["answer_start"]
                ends = np.array([end for _, end in paragraph["sentence_breaks"]])
                sentence = int((ends <= start).sum())
                answers.setdefault(asked["id"], set()).add(f"{code}_{number}_{sentence}")
    values: dict[str, list[float]] = {}
    for code in data:
        for question, ranking in json.loads((predictions / f"test-{code}.json").read_text()).items():
            hits = np.isin(ranking[:20], sorted(answers[question]))
            precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
            values.setdefault(code, []).append((precision * hits).sum() / min(len(answers[question]), 20))
    return 100 * float(np.mean(np.concatenate(list(values.values())))), values


def test_lareqa_is_the_mean_over_all_questions(shared_data: Path, small_model: Path, tmp_path: Path, cli: Cli) -> None:
    """Questions count, not languages: with paragraphs left out, languages have unequal numbers of questions."""
    data = {}
    for code, kept in (("en", 6), ("de", 3), ("zh", 1)):
        data[code] = json.loads((shared_data / f"lareqa/xquad-r/{code}.json").read_text(encoding="utf-8"))
        article = data[code]["data"][0]
        data[code]["data"] = [article | {"paragraphs": [*article["paragraphs"], *data[code]["data"][1]["paragraphs"]]}]
        del data[code]["data"][0]["paragraphs"][kept:]
        write_lines(tmp_path / f"data/lareqa/xquad-r/{code}.json", data[code])
    words = ("--model", small_model, "--train", "never", "--data-dir", tmp_path / "data", "--offline")
    out = tmp_path / "run"
    code, shown, err = cli("eval", *words, "--task", "lareqa[en,de,zh]", "--out", out)
    assert code == 0, err
    micro, values = mean_average_precision(data, out / "predictions/lareqa")
    macro = 100 * float(np.mean([np.mean(one) for one in values.values()]))
    assert micro > 0 and abs(micro - macro) > 0.1
    scored = record(out)["scores"]["tasks"]["lareqa"]
    assert scored["score"] is None and scored["metrics"]["map@20"]["average"] is None
    assert scored["partial"] == scored["metrics"]["map@20"]["partial"] == pytest.approx(micro)
    for language, one in values.items():
        assert scored["metrics"]["map@20"]["languages"][language] == pytest.approx(100 * np.mean(one))
    low, high = record(out)["scores"]["intervals"]["lareqa"]["map@20"]["average"]
    assert low < micro < high
    (table,) = [
        table for table in make_report([view(record(out), "run")], get_registry()).tables if table.name == "by-task"
    ]
    assert table.rows[0][2].value == pytest.approx(micro)
    again = json.loads(cli("score", out, "--json")[1])
    assert again["tasks"]["lareqa"]["partial"] == pytest.approx(micro)
    # fewer candidates and fewer answers than the benchmark's: the run, the record and a new scoring say so
    reason = "lareqa: candidates and answers of 3 of its 11 languages (de, en, zh)"
    assert reason in record(out)["partial"] and f"not benchmark scores: {reason}" in shown
    assert f"not benchmark scores: {reason}" in " ".join(cli("score", out)[2].split())


def test_a_pool_of_other_languages_is_another_result(finished: Path, corpus: Path, small_model: Path, cli: Cli) -> None:
    before = record(finished)["units"]["lareqa/de/test"]
    words = ("eval", "--model", small_model, "--data-dir", corpus, "--out", finished, *FAST)
    assert cli(*words, "--task", "lareqa[de]")[0] == 0
    alone = record(finished)["units"]["lareqa/de/test"]
    assert alone["key"] != before["key"] and alone["facts"]["pool"] == ["de"]
    assert cli(*words, "--task", "lareqa")[0] == 0
    assert record(finished)["units"]["lareqa/de/test"]["score"] == before["score"]
    code, _, err = cli(*words, "--task", "lareqa")
    assert code == 0 and err.count("(kept)") == 7


def test_the_head_of_socialiqa_can_be_dropped(corpus: Path, small_model: Path, tmp_path: Path, cli: Cli) -> None:
    words = ("eval", "--model", small_model, "--data-dir", corpus, "--task", "xcopa[sw]", *FAST)
    assert cli(*words, "--out", tmp_path / "run", "--set", "copa.keep_head=false")[0] == 0
    assert {stage["name"]: stage["head"] for stage in record(tmp_path / "run")["stages"]} == {
        "socialiqa": "fresh",
        "copa": "fresh",
    }


@pytest.mark.parametrize("baseline", ["majority", "random"])
def test_baselines_score_every_unit_of_the_new_tasks(baseline: str, corpus: Path, tmp_path: Path, cli: Cli) -> None:
    words = ("--task", "lareqa,mewslix,xcopa", "--data-dir", corpus, "--limit", "5", "--offline")
    assert cli("eval", "--model", f"baseline:{baseline}", *words, "--out", tmp_path / "run")[0] == 0
    scores = record(tmp_path / "run")["units"]
    assert len(scores) == 7 + 4 + 2 and all(unit["score"] for unit in scores.values())
