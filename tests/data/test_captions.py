"""Captions of pictures are read from a file of lines; pictures stay on disk, and nothing outside the folder is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness import Captioned, DataError, DatasetsData, IntermediateTask, Picture, Split, readers
from harness.data.sources import load_examples
from harness.types.sources import FileData

MULTI30K = Path(__file__).parents[2].parent / "shared" / "data" / "extra" / "multi30k" / "val.jsonl"


def written(folder: Path, *rows: object, pictures: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        if pictures and isinstance(row, dict):
            (folder / "images").mkdir(exist_ok=True)
            (folder / "images" / row["image"]).write_bytes(f"picture {row['image']}".encode())
    path = folder / "captions.jsonl"
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), encoding="utf-8"
    )
    return path


def read(path: Path, language: str = "en") -> list[Captioned]:
    return [readers.captioned(row) for row in readers.captions(language)(path)]


def test_captions_are_read_by_language_with_all_that_a_line_says(tmp_path: Path) -> None:
    facts = {"b": 1, "a": "ü"}
    path = written(
        tmp_path / "set",
        {"image": "a.png", "language": "en", "caption": "a dog", "spans": [[2, 5]], "facts": facts},
        {"image": "a.png", "language": "de", "caption": "ein Hund"},
    )
    [english], [german] = read(path), read(path, "de")
    assert (english.id, english.caption, english.language, english.spans) == ("set/a.png", "a dog", "en", ((2, 5),))
    assert english.facts == '{"a":"ü","b":1}'
    assert english.image.read() == b"picture a.png" and not english.image.content
    assert (german.id, german.caption, german.image) == ("set/a.png", "ein Hund", english.image)


def test_several_captions_of_a_picture_know_each_other(tmp_path: Path) -> None:
    path = written(
        tmp_path, {"image": "a.png", "en": ["a dog", "an animal"], "fr": "un chien"}, {"image": "b.png", "en": "b"}
    )
    found = read(path)
    assert [(each.id.rpartition("/")[2], each.caption, each.others) for each in found] == [
        ("a.png#1", "a dog", ("an animal",)),
        ("a.png#2", "an animal", ("a dog",)),
        ("b.png", "b", ()),
    ]
    assert [each.caption for each in read(path, "fr")] == ["un chien"]


def test_without_the_folder_of_pictures_the_captions_are_text_and_a_note_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, {"image": "a.png", "en": "a dog"}, pictures=False)
    rows = readers.captions("en")(path)
    [example] = map(readers.captioned, rows)
    assert rows.notes == [f"captions without pictures: there is no folder {tmp_path / 'images'}"]
    assert not example.image.digest
    with pytest.raises(DataError, match=r"images/a\.png: this picture is not there"):
        example.image.read()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"image": "a.png", "en": "a d', r"captions\.jsonl:2: not JSON"),
        ('["a.png"]', r"captions\.jsonl:2: no image is named"),
        ('{"image": 3, "en": "a dog"}', r"captions\.jsonl:2: no image is named"),
        ('{"image": "a.png", "en": " "}', r"captions\.jsonl:2: no caption"),
        ('{"image": "a.png", "en": ["a dog", 3]}', r"captions\.jsonl:2: no caption"),
        ('{"image": "a.png", "language": "en"}', r"captions\.jsonl:2: no caption"),
        ('{"image": "a.png", "en": "a dog", "spans": [1]}', r"captions\.jsonl:2: spans must be pairs"),
        ('{"image": "../a.png", "en": "a dog"}', r"captions\.jsonl:2: the image '\.\./a\.png' is outside .*images"),
        ('{"image": "/etc/passwd", "en": "a dog"}', r"captions\.jsonl:2: the image '/etc/passwd' is outside"),
        (r'{"image": "x\\..\\..\\a.png", "en": "a dog"}', r"captions\.jsonl:2: the image .* is outside"),
        ('{"image": "link/a.png", "en": "a dog"}', r"captions\.jsonl:2: the image 'link/a\.png' is outside"),
        ('{"image": "missing.png", "en": "a dog"}', r"images/missing\.png: this picture cannot be read"),
    ],
)
def test_what_is_wrong_with_a_line_is_said_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path / "set", {"image": "a.png", "en": "a dog"}, line)
    (tmp_path / "set" / "images" / "link").symlink_to(tmp_path)
    with pytest.raises(DataError, match=message):
        read(path)


def test_a_language_without_captions_is_refused_with_those_that_have_some(tmp_path: Path) -> None:
    path = written(tmp_path, {"image": "a.png", "en": "a dog", "fr": "un chien"})
    with pytest.raises(DataError, match="no caption in 'sw'") as raised:
        read(path, "sw")
    assert raised.value.hint == "its captions are in en, fr"


def test_multi30k_is_read_as_text_where_its_pictures_are_not_there() -> None:
    if not MULTI30K.is_file():
        pytest.skip("the excerpt of Multi30k is not at hand")
    english, czech = read(MULTI30K), read(MULTI30K, "cs")
    assert len(english) == len(czech) == 500
    assert [each.image.name for each in english] == [each.image.name for each in czech]
    assert english[0].caption == "A group of men are loading cotton onto a truck"


def test_captions_of_a_task_are_loaded_from_the_data_folder_with_their_note(tmp_path: Path) -> None:
    written(tmp_path / "captions" / "one", {"image": "a.png", "en": "a dog"})
    written(tmp_path / "captions" / "two", {"image": "a.png", "en": "a cat"}, pictures=False)
    source = FileData(("captions/*/captions.jsonl",), readers.captions("en"), "make them")
    task = IntermediateTask("mine", 1, "captioning", Split(source), example=readers.captioned, metric="accuracy")
    loaded = load_examples(task, Split(source), data_dir=tmp_path, offline=True)
    assert [each.id for each in loaded.examples] == ["one/a.png", "two/a.png"]
    assert "there is no folder" in " ".join(loaded.notes)


def test_pictures_in_a_column_stay_encoded_and_on_disk(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    image = pytest.importorskip("PIL.Image")
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for number, path in enumerate(paths):
        image.new("RGB", (4, 4), (number, 0, 0)).save(path)
    features = datasets.Features({"image": datasets.Image(), "caption": datasets.Value("string")})
    images = [{"bytes": path.read_bytes(), "path": path.name} for path in paths]
    rows = {"image": images, "caption": ["none", "one", "two"]}
    datasets.Dataset.from_dict(rows, features).to_parquet(tmp_path / "mine.parquet")
    source = DatasetsData(
        "parquet", ("mine.parquet",), columns=("image: struct(bytes, path)", "caption: string"), stays_on_disk=True
    )

    def example(row):
        picture = Picture.of_bytes(row["image"]["bytes"], row["image"]["path"])
        return Captioned(str(row["_row"]), picture, row["caption"], "en")

    task = IntermediateTask("mine", 1, "captioning", Split(source), example=example, metric="accuracy")
    loaded = load_examples(task, Split(source), data_dir=tmp_path, offline=True)
    assert [each.image.read() for each in loaded.examples] == [path.read_bytes() for path in paths]
    assert not isinstance(loaded.examples, list)
