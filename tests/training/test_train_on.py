"""``--train-on``: tasks trained on other languages than English, on translations of their data or on data of the language."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from data_folders import write_parquet

from harness import Pair
from harness.api import evaluate
from harness.core.errors import DataError, HarnessError, UsageError
from harness.data.sources import load_examples
from harness.leaderboard.export import export_row
from harness.registry.default import get_registry
from harness.results.run_view import view
from harness.run import Run
from harness.training.train_on import parse_train_on
from harness.types.options import EvalOptions

LIMIT = 24


def test_languages_are_read_for_each_task() -> None:
    assert parse_train_on(()) == {}
    assert parse_train_on(("all",)) == {"all": ()} and parse_train_on(("own",)) == {"own": ()}
    assert parse_train_on(("xnli[ar,de]+pawsx[fr]", "squad[zh]")) == {
        "xnli": ("ar", "de"),
        "pawsx": ("fr",),
        "squad": ("zh",),
    }


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (("all", "xnli[de]"), "--train-on all: nothing else can be added"),
        (("xnli[de]", "own"), "--train-on own: nothing else can be added"),
        (("xnli",), "--train-on 'xnli': languages expected"),
        (("xnli[de",), r"--train-on 'xnli\[de', character 8"),
        (("xnli[de]@shuffled",), "no place for an objective"),
        (("xnli[de]", "xnli[ar]"), "the task 'xnli' occurs twice"),
    ],
)
def test_what_cannot_be_read_is_refused(texts: tuple[str, ...], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_train_on(texts)


def test_training_is_not_narrowed_where_there_is_none() -> None:
    with pytest.raises(UsageError, match="--train-on: not with --train never"):
        EvalOptions(train="never", train_on=("xnli[de]",))


def test_a_pair_in_two_languages_has_no_language_of_its_own() -> None:
    with pytest.raises(UsageError, match="--train-on own: not with pairs of two languages"):
        EvalOptions(train_on=("own",), mixed_pairs=True)


@pytest.fixture(scope="module")
def english() -> Callable[[Path], list[dict[str, Any]]]:
    """The English training data of XNLI, as rows of a translation."""
    xnli = get_registry().task("xnli")

    def rows(corpus: Path) -> list[dict[str, Any]]:
        assert not isinstance(xnli.train, str | tuple) and xnli.train is not None
        found = load_examples(xnli, xnli.train, data_dir=corpus, offline=True).examples
        return [
            {"premise": one.a, "hypothesis": one.b, "label": one.label, "source": one.id}
            for one in found
            if isinstance(one, Pair)
        ]

    return rows


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def run(corpus: Path, small_model: Path, tmp_path: Path) -> Callable[..., Run]:
    """Runs a task with data of the test before those of the sample corpus."""
    (tmp_path / "data").mkdir()

    def of(
        task: str,
        *train_on: str,
        limit: int | None = None,
        pair_missing: Any = "error",
        languages: Sequence[str] = ("en", "de"),
        out: str = "",
        **overrides: Any,
    ) -> Run:
        options = EvalOptions(
            data_dir=f"{tmp_path / 'data'}{os.pathsep}{corpus}",
            offline=True,
            device="cpu",
            recipe="tiny",
            limit=8,
            train_limit=limit,
            train_on=train_on,
            pair_missing=pair_missing,
            overrides={"epochs": 1, "batch": 16, **overrides},
        )
        where = tmp_path / (out or f"run-{len(list(tmp_path.iterdir()))}")
        return evaluate(str(small_model), task, languages=list(languages), out=where, options=options)

    return of


def only_stage(run: Run) -> dict[str, Any]:
    [stage] = run.record["stages"]
    return dict(stage)


def setting_of(run: Run) -> str:
    return export_row(run.path, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)["setting"]


def test_english_text_through_the_reader_of_translations_trains_the_bits_of_english(
    corpus: Path, run: Callable[..., Run], tmp_path: Path, english: Any
) -> None:
    write(tmp_path / "data", "translated/xnli/de/train.jsonl", english(corpus))
    plain, own, other = (only_stage(run("xnli", *on)) for on in ((), ("xnli[en]",), ("xnli[de]",)))
    assert [stage["name"] for stage in (plain, own, other)] == ["xnli", "xnli[en]", "xnli[de]"]
    for stage in (own, other):
        assert [stage[name] for name in ("fingerprint", "steps", "loss", "dev_score")] == [
            plain[name] for name in ("fingerprint", "steps", "loss", "dev_score")
        ]
    assert plain["resources"]["labels"] == ["en"] == own["resources"]["labels"]
    assert own["key"] != plain["key"] and "epochs_of" not in plain["options"] and "epoch" not in plain["tasks"][0]
    assert other["resources"]["labels"] == ["de"]
    assert other["resources"]["translations_train"] == [
        {"from": "en", "to": "de", "origin": "machine_translation", "system": ""}
    ]


def test_what_is_said_of_a_translation_afterwards_is_what_the_record_says(
    corpus: Path, run: Callable[..., Run], tmp_path: Path, english: Any
) -> None:
    """The description is no part of a key: nothing is trained or scored anew, and nothing outdated is ranked."""
    rows = english(corpus)
    write(tmp_path / "data", "translated/xnli/de/train.jsonl", rows)
    write(tmp_path / "data", "translated/xnli/sw/train.jsonl", rows)
    about = tmp_path / "data/translated/xnli/about.toml"
    chosen = {"limit": LIMIT, "max_steps": 1, "out": "again"}
    found = {}
    for text in ("", 'origin = "native"', 'origin = "machine_translation"\nsystem = "ours"'):
        about.write_text(text or 'origin = "machine_translation"', encoding="utf-8")
        found[text] = run("xnli", "xnli[de]", epochs_of="all", **chosen)
    first, native, ours = found.values()
    for other in (native, ours):
        for name in ("units", "stages"):
            assert [each["key"] for each in listed(other, name)] == [each["key"] for each in listed(first, name)]
            assert [each["seconds"] for each in listed(other, name)] == [
                each["seconds"] for each in listed(first, name)
            ]
    assert [only_stage(each)["resources"]["translations_train"] for each in (first, native, ours)] == [
        [{"from": "en", "to": "de", "origin": "machine_translation", "system": ""}],
        [],
        [{"from": "en", "to": "de", "origin": "machine_translation", "system": "ours"}],
    ]
    assert [each.record["resources"]["translations_train"] != [] for each in (first, native, ours)] == [
        True,
        False,
        True,
    ]
    [part] = only_stage(ours)["tasks"]
    assert part["data"]["train"]["provenance"] == [
        {"language": "de", "origin": "machine_translation", "system": "ours"}
    ]
    assert setting_of(ours) == "translate_train"


def listed(run: Run, name: str) -> list[dict[str, Any]]:
    values: Any = run.record[name]  # type: ignore[literal-required]
    return list(values.values() if isinstance(values, dict) else values)


def test_an_epoch_is_as_long_as_one_of_english_unless_it_is_of_all(
    corpus: Path, run: Callable[..., Run], tmp_path: Path, english: Any
) -> None:
    rows = english(corpus)
    for code in ("de", "sw"):
        write(tmp_path / "data", f"translated/xnli/{code}/train.jsonl", rows)
    plain, same, three = (
        only_stage(run("xnli", *on, **overrides))
        for on, overrides in (((), {}), (("xnli[en,de,sw]",), {}), (("xnli[en,de,sw]",), {"epochs_of": "all"}))
    )
    assert plain["steps"] == same["steps"] == -(-len(rows) // 16) and three["steps"] == -(-3 * len(rows) // 16)
    assert same["tasks"][0]["epoch"] == len(rows) and same["options"]["epochs_of"] == "english"
    assert same["items"] == three["items"] == [3 * len(rows)]
    assert "epoch" not in three["tasks"][0] and same["key"] != three["key"]
    [limited] = run("xnli", "xnli[en,de]", limit=LIMIT).record["stages"]
    assert limited["steps"] == -(-LIMIT // 16)


def test_all_takes_english_and_whatever_is_translated(
    corpus: Path, run: Callable[..., Run], tmp_path: Path, english: Any
) -> None:
    write(tmp_path / "data", "translated/xnli/qu/train.jsonl", english(corpus))
    found = run("xnli", "all", limit=LIMIT)
    stage = only_stage(found)
    codes = stage["name"].removeprefix("xnli[").removesuffix("]").split(",")
    assert codes[0] == "en" and codes[-1] == "qu" and len(codes) > 3
    assert setting_of(found) == "translate_train_all"
    assert found.record["options"]["train_on"] == ["all"] and view(found.record, "x").model.endswith(" on all")


def test_data_of_the_language_itself_are_labels_and_no_translation(run: Callable[..., Run], tmp_path: Path) -> None:
    words, tags = [["Anna", "wohnt", "in", "Köln"]], [[1, 0, 0, 5]]
    write_parquet(
        tmp_path / "data/unimelb-nlp/wikiann/de/train-00000-of-00001.parquet",
        {"tokens": words * 9, "ner_tags": tags * 9},
    )
    found = run("panx", "panx[de]", limit=LIMIT)
    stage = only_stage(found)
    assert stage["steps"] == 1 and stage["name"] == "panx[de]" and "epoch" not in stage["tasks"][0]
    assert setting_of(found) == "labels:de"


@pytest.mark.parametrize("place", ["translated/udpos/yo", "translated/udpos", "translated"])
def test_native_data_of_ones_own_lie_where_translations_do_and_are_labels(
    run: Callable[..., Run], tmp_path: Path, place: str
) -> None:
    """UD-POS has no training data in Yoruba; whoever tags some puts them there, and says that they are no translation."""
    rows = [
        {"tokens": ["Mo", "fẹ́", "ìwé", str(number)], "tags": ["PRON", "VERB", "NOUN", "NUM"]} for number in range(20)
    ]
    write(tmp_path / "data", "translated/udpos/yo/train.jsonl", rows)
    (tmp_path / "data" / place / "about.toml").write_text('origin = "native"\nsystem = ""\n', encoding="utf-8")
    found = run("udpos", "udpos[yo]")
    stage = only_stage(found)
    assert not found.failed and set(found.record["units"]) == {"udpos/en/test", "udpos/de/test"}
    assert stage["items"] == [20] and stage["steps"] == 2  # its own sentences, not as many as there are in English
    assert stage["resources"]["labels"] == ["yo"] and not stage["resources"]["translations_train"]
    [part] = stage["tasks"]
    assert part["data"]["train"]["provenance"] == [{"language": "yo", "origin": "native", "system": ""}]
    assert "machine translation" not in json.dumps(part["data"])
    assert setting_of(found) == "labels:yo"
    both = run("udpos", "udpos[en,yo]", limit=LIMIT)
    assert setting_of(both) == "labels:en,yo" and only_stage(both)["items"] == [LIMIT]
    with pytest.raises(DataError, match="there is no translation of the training data of 'udpos'"):
        run("udpos", "all")


def test_every_language_is_trained_on_its_own_data_or_is_missing(run: Callable[..., Run]) -> None:
    own = run("panx", "own", limit=LIMIT, languages=["en", "de", "sw"], max_steps=1)
    english = run("panx", limit=LIMIT, languages=["en"], max_steps=1)
    units, stages = own.record["units"], {stage["key"]: stage for stage in own.record["stages"]}
    names = {code: stages[units[f"panx/{code}/test"]["checkpoint"]]["name"] for code in ("en", "de", "sw")}
    assert names == {"en": "panx", "de": "panx[de]", "sw": "panx[sw]"} and len(stages) == 3
    assert units["panx/en/test"]["key"] == english.record["units"]["panx/en/test"]["key"]
    assert setting_of(own) == "labels:de,en,sw" and view(own.record, "x").model.endswith(" on own")
    lacking = run("udpos", "own", limit=LIMIT, max_steps=1)
    assert list(lacking.record["units"]) == ["udpos/en/test"] and not lacking.failed
    assert "translated/udpos/de/train.jsonl" in lacking.missing["udpos/de/test"]


def test_options_of_the_task_reach_it_in_other_languages(corpus: Path, run: Callable[..., Run]) -> None:
    found = run("xnli", "xnli[de]", limit=LIMIT, **{"xnli.lr": 1e-3, "xnli.objective": "shuffled"})
    stage = only_stage(found)
    assert stage["options"]["lr"] == 1e-3 and stage["name"] == "xnli[de]@shuffled"
    assert setting_of(found) == "translate_train+objective:shuffled"


@pytest.mark.parametrize(
    ("task", "train_on", "message", "hint"),
    [
        ("xnli", "pawsx[de]", "--train-on: no task called 'pawsx' is trained here", "xnli"),
        (
            "xnli",
            "xnli[yo]",
            "translated/xnli/yo/train.jsonl not found",
            "write a translation to DATA_DIR/translated/xnli",
        ),
        (
            "panx",
            "all",
            "no translation of the training data of 'panx'",
            "DATA_DIR/translated/panx/<language>/train.jsonl",
        ),
    ],
)
def test_missing_translations_are_named_and_english_never_takes_their_place(
    run: Callable[..., Run], task: str, train_on: str, message: str, hint: str
) -> None:
    with pytest.raises(HarnessError) as refused:
        found = run(task, train_on)
        assert not found.record["units"] and not found.record["stages"]
        reason = next(iter(found.failed.values()))
        raise DataError(reason["reason"] if isinstance(reason, dict) else str(reason))
    assert message in str(refused.value)
    assert hint in f"{refused.value} {refused.value.hint}"


def test_a_task_trained_on_another_is_narrowed_under_either_name(run: Callable[..., Run], tmp_path: Path) -> None:
    answers = {"text": ["Köln"], "answer_start": [14]}
    row = {"id": "1", "context": "Anna wohnt in Köln.", "question": "Wo wohnt Anna?", "answers": answers}
    write(tmp_path / "data", "translated/squad/de/train.jsonl", [row])
    stages = [only_stage(run("xquad", name, max_steps=1)) for name in ("squad[de]", "xquad[de]")]
    assert stages[0]["key"] == stages[1]["key"] and stages[0]["name"] == "squad[de]"


@pytest.mark.parametrize(("task", "folder"), [("panx", "PAN-X.en"), ("udpos", "udpos.English")])
def test_translations_of_tagged_sentences_need_no_tags(
    corpus: Path, run: Callable[..., Run], tmp_path: Path, task: str, folder: str
) -> None:
    """The files had to have a column of tags, which was refused as soon as it was empty (PAN-X)."""
    [file] = (corpus / "google/xtreme" / folder).glob("train-*.parquet")
    english = [list(map(str, words)) for words in pq.read_table(file).column("tokens").to_pylist()]
    rows = [{"tokens": [f"{word}e" for word in words], "source": str(row)} for row, words in enumerate(english)]
    write(tmp_path / "data", f"translated/{task}/de/train.jsonl", rows)
    names = f"{task}[en,de]"
    taught = run(task, names, limit=LIMIT, max_steps=1, objective="teaching", teacher="self")
    stage = next(each for each in taught.record["stages"] if each["name"].endswith("@teaching"))
    assert not taught.failed and stage["objectives"][names]["teaching"]["alpha"] == 1
    assert setting_of(taught) == "translate_train+text:de"
    with pytest.raises(UsageError, match="no training example in de has a label"):
        run(task, names, limit=LIMIT, max_steps=1)
    fused = run(
        task, names, limit=LIMIT, max_steps=1, pair_missing="self", objective="fusion", local_layers=0, fusion_layers=1
    )
    assert setting_of(fused) == setting_of(taught)  # by what was used, and not by the method
    assert not fused.failed and only_stage(fused)["tasks"][0]["pairs"]["translated"] > 0
    missing = run(task, f"{task}[yo]", limit=LIMIT)
    assert "a JSON object a line with tokens (and" in json.dumps(missing.record["failed"])
    # Tags that people gave the translation are read.
    [plural] = ["ner_tags" if task == "panx" else "tags"]
    tagged = [{**row, plural: ["O" if task == "panx" else "X"] * len(row["tokens"])} for row in rows]
    write(tmp_path / "data", f"translated/{task}/de/train.jsonl", tagged)
    assert setting_of(run(task, names, limit=LIMIT, max_steps=1)) == "translate_train"
