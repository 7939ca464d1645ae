"""Pairs with English: by the id that a translation names, by ids that it kept, by numbers of rows, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness import FileData, IntermediateTask, Pair, Split, TargetTask, readers
from harness.core.errors import DataError
from harness.data.access import DataAccess
from harness.data.pairing import Partners, training_partners, translated_test, unit_partners
from harness.data.train_size import of_train_size
from harness.training.via import in_languages

PEOPLE: dict[str, Any] = {"origin": "human_translation", "system": "professional translators"}


def file(name: str, **more: Any) -> Split:
    return Split(FileData((name,), readers.json_lines, f"write {name}", **more))


def by_number(row: Any) -> Pair:
    return Pair(str(row["_row"]), row["a"], "", row.get("label"))


def by_id(row: Any) -> Pair:
    return Pair(row["id"], row["a"], "", row.get("label"))


def task(example: Any, native: bool = False) -> IntermediateTask:
    native_split = {"yo": {"train": file("native.yo.jsonl")}} if native else {}
    return IntermediateTask(
        name="mine",
        version=1,
        family="classification",
        labels=("no", "yes"),
        train=file("train.jsonl"),
        dev=file("dev.jsonl"),
        languages=native_split,
        example=example,
        metric="accuracy",
    )


def scored(example: Any, **origin: Any) -> TargetTask:
    languages = {
        code: {"test": file(f"test.{code}.jsonl", **({} if code == "en" else origin))} for code in ("en", "de", "sw")
    }
    return TargetTask(
        name="mine",
        version=1,
        family="classification",
        labels=("no", "yes"),
        train=file("train.jsonl"),
        languages=languages,
        example=example,
        metric="accuracy",
    )


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def rows(code: str, names: str = "abcd", **more: Any) -> list[dict[str, Any]]:
    return [{"id": name, "a": f"{code} {name}", "label": "yes", **more} for name in names]


def english(folder: Path) -> None:
    write(folder, "train.jsonl", rows("en"))


def pair(folder: Path, mine: IntermediateTask, *codes: str, size: int = 0) -> tuple[list[str], list[str], Partners]:
    """The texts of the training data, and those of their partners."""
    data = DataAccess(folder, offline=True)
    narrowed = in_languages(mine, codes)
    train = of_train_size(data.load(narrowed, narrowed.train, originals=True), size, mine.name)
    found = training_partners(narrowed, train, data)
    return texts(train.examples), texts(found.examples), found


def texts(examples: Any) -> list[str]:
    return [example.a for example in examples]


@pytest.mark.parametrize("example", [by_id, by_number])
def test_rows_pair_in_whatever_order_languages_come_and_english_is_its_own(tmp_path: Path, example: Any) -> None:
    english(tmp_path)
    write(tmp_path, "translated/mine/de/train.jsonl", rows("de"))
    write(tmp_path, "translated/mine/sw/train.jsonl", rows("sw"))
    for codes in (["en", "de", "sw"], ["sw", "de", "en"], ["de"]):
        own, other, found = pair(tmp_path, task(example), *codes)
        assert own == [f"{code} {name}" for code in codes for name in "abcd"]
        assert other == [f"en {name}" for _ in codes for name in "abcd"]
        english_rows = 4 * ("en" in codes)
        assert found.counts() == {"translated": 4 * len(codes) - english_rows, "human": 0, "self": english_rows}


def test_a_source_says_which_row_is_translated_and_may_leave_rows_out(tmp_path: Path) -> None:
    english(tmp_path)
    write(tmp_path, "translated/mine/de/train.jsonl", [{"a": "de 3", "source": 3}, {"a": "de 1", "source": "1"}])
    (tmp_path / "translated/mine/about.toml").write_text('origin = "human_translation"\nsystem = "us"\n')
    own, other, found = pair(tmp_path, task(by_number), "en", "de")
    assert own[4:] == ["de 3", "de 1"] and other[4:] == ["en d", "en b"]
    assert found.counts() == {"translated": 0, "human": 2, "self": 4}


def test_training_sets_of_a_size_keep_their_partners(tmp_path: Path) -> None:
    english(tmp_path)
    write(tmp_path, "translated/mine/de/train.jsonl", rows("de")[::-1])
    own, other, _ = pair(tmp_path, task(by_id), "en", "de", size=5)
    assert len(own) == 5 and [text[3:] for text in own] == [text[3:] for text in other]


def test_rows_whose_originals_are_not_known_are_refused(tmp_path: Path) -> None:
    english(tmp_path)
    write(tmp_path, "translated/mine/de/train.jsonl", rows("de", "abc"))
    with pytest.raises(DataError, match=r"de/train\.jsonl: 3 rows, and train\.jsonl has 4") as numbers:
        pair(tmp_path, task(by_number), "de")
    assert "as 'source'" in numbers.value.hint
    write(tmp_path, "translated/mine/de/train.jsonl", rows("de", "abx"))
    with pytest.raises(DataError, match=r"'de:x' has no English partner: no row 'x' in train\.jsonl") as unknown:
        pair(tmp_path, task(by_id), "de")
    assert "translated/mine/de/train.jsonl" in unknown.value.hint
    write(tmp_path, "translated/mine/de/train.jsonl", [{"a": "de", "source": None}])
    with pytest.raises(DataError, match="source None"):
        pair(tmp_path, task(by_number), "de")


def test_native_training_data_translate_nothing(tmp_path: Path) -> None:
    english(tmp_path)
    write(tmp_path, "native.yo.jsonl", rows("yo"))
    with pytest.raises(DataError, match="'yo:a' has no English partner: these yo data translate nothing"):
        pair(tmp_path, task(by_id, native=True), "yo")


def test_what_is_not_asked_for_is_not_read(tmp_path: Path) -> None:
    english(tmp_path)
    write(tmp_path, "translated/mine/de/train.jsonl", rows("de"))
    narrowed = in_languages(task(by_id), ("en", "de"))
    data = DataAccess(tmp_path, offline=True)
    plain, linked = data.load(narrowed, narrowed.train), data.load(narrowed, narrowed.train, originals=True)
    assert plain.originals == () and plain.fingerprint == linked.fingerprint
    assert linked.originals == ["", "", "", "", "a", "b", "c", "d"]


def partners(folder: Path, mine: TargetTask, code: str, **more: Any) -> Partners:
    data = DataAccess(folder, offline=True)
    return unit_partners(mine, code, "test", data.load(mine, mine.languages[code]["test"]), data, **more)


def test_test_text_pairs_with_its_translation_by_source_id_or_number(tmp_path: Path) -> None:
    write(tmp_path, "test.de.jsonl", rows("de"))
    mine = scored(by_number)
    for translation in (rows("en of"), [{"a": f"en of {'abcd'[i]}", "source": str(i)} for i in (2, 0, 1, 3)]):
        write(tmp_path, "translated/mine/de/test-en.jsonl", translation)
        found = partners(tmp_path, mine, "de")
        assert texts(found.examples) == [f"en of {name}" for name in "abcd"]
        assert found.counts() == {"translated": 4, "human": 0, "self": 0}
    write(tmp_path, "translated/mine/de/test-en.jsonl", rows("en of")[::-1])
    assert texts(partners(tmp_path, scored(by_id), "de").examples) == [f"en of {name}" for name in "abcd"]


def test_parallel_sets_pair_with_the_english_that_people_translated(tmp_path: Path) -> None:
    for code in ("en", "de"):
        write(tmp_path, f"test.{code}.jsonl", rows(code))
    for example in (by_number, by_id):
        found = partners(tmp_path, scored(example, **PEOPLE), "de")
        assert texts(found.examples) == [f"en {name}" for name in "abcd"]
        assert found.counts() == {"translated": 0, "human": 4, "self": 0}
    own = partners(tmp_path, scored(by_id), "en")
    assert texts(own.examples) == [f"en {name}" for name in "abcd"] and set(own.kinds) == {"self"}
    # Sets in several languages that nobody has translated are not parallel, though their ids are the same.
    with pytest.raises(DataError, match=r"translated/mine/de/test-en\.jsonl"):
        partners(tmp_path, scored(by_number), "de")
    write(tmp_path, "test.de.jsonl", rows("de", "abc"))
    with pytest.raises(DataError, match=r"translated/mine/de/test-en\.jsonl"):
        partners(tmp_path, scored(by_number, **PEOPLE), "de")
    assert partners(tmp_path, scored(by_id, **PEOPLE), "de").counts()["human"] == 3


def test_test_rows_without_a_translation_are_named_or_stand_for_themselves(tmp_path: Path) -> None:
    write(tmp_path, "test.sw.jsonl", rows("sw"))
    with pytest.raises(DataError) as none:
        partners(tmp_path, scored(by_id), "sw")
    assert "write a translation to DATA_DIR/translated/mine/sw/test-en.jsonl" in none.value.hint
    assert partners(tmp_path, scored(by_id), "sw", missing="self").counts() == {"translated": 0, "human": 0, "self": 4}
    write(tmp_path, "translated/mine/sw/test-en.jsonl", rows("en of", "ac"))
    with pytest.raises(DataError, match="mine/sw/test: 2 examples have no English translation: b, d") as some:
        partners(tmp_path, scored(by_id), "sw")
    assert "DATA_DIR/translated/mine/sw/test-en.jsonl" in some.value.hint
    found = partners(tmp_path, scored(by_id), "sw", missing="self")
    assert texts(found.examples) == ["en of a", "sw b", "en of c", "sw d"]
    assert found.kinds == ["translated", "self", "translated", "self"]


def test_pairs_that_do_not_belong_together_are_refused_by_their_labels(tmp_path: Path) -> None:
    """Translations with the ids of the row before or behind trained on texts that have nothing to do with each other."""
    names = [chr(ord("a") + place) for place in range(20)]
    labels = [{"label": ("no", "yes")[place % 2]} for place in range(20)]
    given = [{**row, **label} for row, label in zip(rows("en", "".join(names)), labels, strict=True)]
    write(tmp_path, "train.jsonl", given)
    shifted = [{"a": "de", **label, "source": str(place + 1)} for place, label in enumerate(labels[:-1])]
    write(tmp_path, "translated/mine/de/train.jsonl", shifted)
    with pytest.raises(
        DataError, match=r"19 of 19 training examples have another label than the English .*'no', .*'yes'"
    ):
        pair(tmp_path, task(by_number), "de")
    unlabelled = [{**row, "label": None} for row in shifted]
    write(tmp_path, "translated/mine/de/train.jsonl", unlabelled)
    assert pair(tmp_path, task(by_number), "de")[2].counts()["translated"] == 19
    straight = [{**row, "source": str(place)} for place, row in enumerate(shifted)]
    write(tmp_path, "translated/mine/de/train.jsonl", straight)
    assert pair(tmp_path, task(by_number), "de")[2].counts()["translated"] == 19


def test_a_test_text_with_two_translations_is_refused(tmp_path: Path) -> None:
    """The last of them was taken without a word."""
    mine = scored(by_id, origin="native")
    write(tmp_path, "test.de.jsonl", rows("de"))
    write(tmp_path, "translated/mine/de/test-en.jsonl", [*rows("en"), {"id": "x", "a": "another", "source": "b"}])
    data = DataAccess(tmp_path, offline=True)
    loaded = data.load(mine, mine.languages["de"]["test"])
    for use in (unit_partners, translated_test):
        with pytest.raises(DataError, match=r"test-en\.jsonl: the row 'b' is translated twice"):
            use(mine, "de", "test", loaded, data)
