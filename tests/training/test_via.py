"""The expressions of --via, and tasks narrowed to languages."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import FileData, HubData, IntermediateTask, Pair, Split, readers
from harness.core.errors import DataError, UsageError
from harness.data.locate import Unavailable
from harness.data.sources import load_examples
from harness.registry.default import get_registry
from harness.training.via import ViaPart, in_languages, parse_via

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,8}", fullmatch=True)
CODES = st.sampled_from("ar es sw ur zh zh-Hant am".split())


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mnli", [("mnli", ())]),
        ("mnli+squad+hellaswag", [("mnli", ()), ("squad", ()), ("hellaswag", ())]),
        ("mnli[es]", [("mnli", ("es",))]),
        (" squad [ ar , es ] + nli[zh,ko,ja] ", [("squad", ("ar", "es")), ("nli", ("zh", "ko", "ja"))]),
        ("mlm[zh-Hant]", [("mlm", ("zh-Hant",))]),
    ],
)
def test_via_expressions_are_parsed_into_tasks_and_languages(
    text: str, parts: list[tuple[str, tuple[str, ...]]]
) -> None:
    assert parse_via(text) == tuple(ViaPart(*part) for part in parts)


@given(
    st.lists(
        st.tuples(NAMES, st.lists(CODES, max_size=3, unique=True)), min_size=1, max_size=4, unique_by=lambda p: p[0]
    )
)
def test_a_via_expression_that_is_written_is_parsed_back_the_same(parts: list[tuple[str, list[str]]]) -> None:
    made = tuple(ViaPart(name, tuple(codes)) for name, codes in parts)
    assert parse_via("+".join(map(str, made))) == made


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "character 1: expected the name of a task, found the end"),
        ("mnli+", "character 6: expected the name of a task, found the end"),
        ("+mnli", "character 1: expected the name of a task, found '+'"),
        ("mnli[", "character 6: expected a language such as 'sw', found the end"),
        ("mnli[es", "character 8: expected ',' or ']', found the end"),
        ("mnli[es,]", "character 9: expected a language such as 'sw', found ']'"),
        ("mnli[Spanish]", "character 6: expected a language such as 'sw', found 'S'"),
        ("mnli[es]squad", "character 9: expected '+' or the end, found 's'"),
        ("mnli squad", "character 6: expected '[', '+' or the end, found 's'"),
        ("MNLI", "character 1: expected the name of a task, found 'M'"),
        ("mnli]", "character 5: expected '[', '+' or the end, found ']'"),
        ("mnli[es,es]", "the language 'es' occurs twice"),
        ("mnli+mnli[es]", "the task 'mnli' occurs twice"),
    ],
)
def test_bad_via_expressions_are_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_via(text)
    assert str(caught.value).startswith(f"--via {text!r}") and message in str(caught.value)
    assert "mnli+squad" in caught.value.hint


def test_a_comma_between_tasks_is_explained() -> None:
    with pytest.raises(UsageError, match="character 5") as caught:
        parse_via("mnli,squad")
    assert "--via mnli --via ..." in caught.value.hint


@given(st.text(st.sampled_from("ab[],+ -.é"), max_size=12))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parts = parse_via(text)
    except UsageError:
        return
    assert parse_via("+".join(map(str, parts))) == parts


COLUMNS = ("a: string", "b: string", "label: label(no, yes)")
OBTAIN = "somewhere"


def pair(row: dict[str, object]) -> Pair:
    return Pair(str(row.get("id", row["_row"])), str(row["a"]), str(row["b"]), row["label"])  # type: ignore[arg-type]


def other(row: dict[str, object]) -> Pair:
    return Pair(str(row["id"]), str(row["x"]), str(row["y"]), "yes" if row["z"] else "no")


def json_data(name: str, **more: object) -> FileData:
    return FileData((name,), readers.json_lines, OBTAIN, **more)  # type: ignore[arg-type]


TOY = IntermediateTask(
    name="toy",
    version=1,
    family="classification",
    labels=("no", "yes"),
    train=Split(HubData("o/toy", None, "train", columns=COLUMNS), json_data("en.jsonl"), rows=2),
    dev=Split(json_data("dev.jsonl")),
    languages={
        "de": {"train": Split(json_data("de.jsonl", example=other, note="German differs"), rows=1)},
        "sw": {"train": Split(parts=(Split(json_data("sw1.jsonl")), Split(json_data("sw2.jsonl"))))},
    },
    example=pair,
    metric="accuracy",
)


def write(folder: Path, name: str, *rows: dict[str, object]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def row(name: str, label: object = "yes") -> dict[str, object]:
    return {"id": name, "a": f"{name} a", "b": "b", "label": label}


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    write(tmp_path, "en.jsonl", row("1"), row("2", "no"))
    write(tmp_path, "dev.jsonl", row("d"))
    write(tmp_path, "de.jsonl", {"id": "1", "x": "eins", "y": "b", "z": True})
    write(tmp_path, "sw1.jsonl", row("1"))
    write(tmp_path, "sw2.jsonl", row("1b"), row("2"))
    return tmp_path


def train(task: IntermediateTask, folder: Path) -> list[Pair]:
    return list(load_examples(task, task.train, data_dir=folder, offline=True).examples)  # type: ignore[arg-type]


def test_a_task_in_several_languages_is_their_union_with_notes(toy: Path) -> None:
    task = in_languages(TOY, ("en", "de", "sw"))
    assert task.name == "toy[en,de,sw]" and task.dev == TOY.dev and task.labels == TOY.labels
    loaded = load_examples(task, task.train, data_dir=toy, offline=True)
    assert [example.id for example in loaded.examples] == ["1", "2", "de:1", "sw:1", "sw:1b", "sw:2"]  # type: ignore[attr-defined]
    assert loaded.examples[2] == Pair("de:1", "eins", "b", "yes")
    assert loaded.notes == ("German differs",)
    assert loaded.rows == 6


def test_other_languages_alone_leave_english_out_and_keep_english_dev(toy: Path) -> None:
    task = in_languages(TOY, ["de"])
    assert [example.id for example in train(task, toy)] == ["de:1"] and task.dev is TOY.dev
    assert in_languages(TOY, ()) is TOY
    english = in_languages(TOY, ["en"])
    assert train(english, toy) == train(TOY, toy) and english.name == "toy[en]"


def test_a_translation_is_read_from_the_data_folder(toy: Path) -> None:
    write(toy, "translated/toy/ur/train.jsonl", row("1", 1), row("2", "no"), row("3", -1))
    task = in_languages(TOY, ["ur"])
    loaded = load_examples(task, task.train, data_dir=toy, offline=True)
    assert [(e.id, e.label) for e in loaded.examples] == [("ur:1", "yes"), ("ur:2", "no"), ("ur:3", None)]  # type: ignore[attr-defined]
    assert loaded.notes == ("ur: machine translation",)
    write(toy, "translated/toy/de/train.jsonl", row("own"))
    assert [example.id for example in train(in_languages(TOY, ["de"]), toy)] == ["de:own"]  # before the task's source


def test_a_missing_translation_says_what_to_write_where(toy: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        train(in_languages(TOY, ["fr"]), toy)
    assert "translated/toy/fr/train.jsonl" in caught.value.hint and "with a, b, label" in caught.value.hint
    assert "toy has sources in en, de, sw" in caught.value.hint


def test_mistakes_in_a_translation_are_located(toy: Path) -> None:
    task = in_languages(TOY, ["ur"])
    write(toy, "translated/toy/ur/train.jsonl", row("1", 7))
    with pytest.raises(DataError, match="label 7"):
        train(task, toy)
    write(toy, "translated/toy/ur/train.jsonl", {"id": "1", "a": "x", "label": "yes"})
    with pytest.raises(DataError, match="needs the column 'b'"):
        train(task, toy)
    write(toy, "translated/toy/ur/train.jsonl", row("1", "maybe"))
    with pytest.raises(DataError, match="unknown label 'maybe'"):
        train(task, toy)
    (toy / "translated/toy/ur/train.jsonl").write_text('{"a": \n', encoding="utf-8")
    with pytest.raises(DataError, match=r"train\.jsonl:1: not JSON"):
        train(task, toy)


def test_a_task_without_english_data_is_selected_on_its_languages(toy: Path) -> None:
    table = {
        code: {"train": Split(json_data(f"{code}1.jsonl")), "dev": Split(json_data("dev.jsonl"))}
        for code in ("en", "sw")
    }
    task = in_languages(replace(TOY, languages=table), ["sw"])
    loaded = load_examples(task, task.dev, data_dir=toy, offline=True)
    assert loaded.notes == ("selected on dev data in sw",) and len(loaded.examples) == 1


def test_every_first_party_task_can_be_narrowed_to_its_languages() -> None:
    for task in get_registry().intermediate_tasks().values():
        codes = tuple(task.languages)
        if codes:
            made = in_languages(task, codes)
            assert made.name == f"{task.name}[{','.join(codes)}]"
            assert all(source for part in made.train.parts for source in part.sources)
