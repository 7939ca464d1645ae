"""Sources that the library ``datasets`` reads: files in other forms than the Hub's Parquet, archives, data sets in Python."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import DatasetsData, FileData, HubData, Pair, Split, TargetTask, Text, Where, readers
from harness.cli.main import main
from harness.core.errors import DataError
from harness.data.sources import LoadedSplit, load_examples, located, split_status
from harness.data.store import ExampleList, ExampleStore
from harness.models.bundle import data_names

ROWS = [
    {"id": f"{i:03d}", "a": text, "b": "NA", "label": ("no", "yes")[i % 2], "n": i, "language": ("en", "sw")[i % 2]}
    for i, text in enumerate(["2020-01-01", 'says "so", twice', "two\nlines", "null", "habari", "1.50"])
]
COLUMNS = ("id: string", "a: string", "b: string", "label: label(no, yes)", "n: integer")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def read_pair(row: Any) -> Pair:
    assert isinstance(row["n"], int)
    return Pair(row["id"], row["a"], row["b"], row["label"])


def task(*sources: Any, example: Callable[[Any], Any] = read_pair, **more: Any) -> TargetTask:
    split = Split(*sources, **more)
    return TargetTask("mine", 1, "classification", {"en": {"test": split}}, example, "accuracy", labels=("no", "yes"))


def load(folder: Path, source: DatasetsData, limit: int | None = None, **more: Any) -> LoadedSplit:
    made = task(source, **more)
    return load_examples(made, made.languages["en"]["test"], data_dir=folder, offline=True, limit=limit)


def csv(rows: list[dict[str, Any]], separator: str = ",") -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def json_text(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(folder: Path, form: str, rows: list[dict[str, Any]] = ROWS, name: str = "rows") -> str:
    folder.mkdir(exist_ok=True)
    file = f"{name}.{form}"
    if form == "csv":
        (folder / file).write_text(csv(rows), encoding="utf-8")
    elif form == "json":
        (folder / file).write_text(json_text(rows), encoding="utf-8")
    else:
        from datasets import Dataset
        from datasets.arrow_writer import ArrowWriter

        if form == "parquet":
            Dataset.from_list(rows).to_parquet(folder / file)
        else:
            with ArrowWriter(path=str(folder / file)) as writer:
                for row in rows:
                    writer.write(row)
                writer.finalize()
    return file


EXPECTED = [Pair(row["id"], row["a"], row["b"], row["label"]) for row in ROWS]


@pytest.mark.parametrize("stays_on_disk", [False, True])
@pytest.mark.parametrize("form", ["csv", "json", "parquet", "arrow"])
def test_rows_of_every_format_are_the_same_examples_with_the_same_fingerprint(
    tmp_path: Path, form: Any, stays_on_disk: bool
) -> None:
    file = write(tmp_path / "data", form)
    source = DatasetsData(form, (file,), "made here", columns=COLUMNS, stays_on_disk=stays_on_disk, rows=6)
    loaded = load(tmp_path / "data", source)
    assert list(loaded.examples) == EXPECTED and isinstance(loaded.examples, ExampleStore)
    assert (loaded.rows, loaded.expected, loaded.excerpt) == (6, 6, False)
    assert loaded.fingerprint == ExampleList(EXPECTED).fingerprint == loaded.examples.fingerprint
    few = load(tmp_path / "data", source, limit=2)
    assert list(few.examples) == ExampleList(EXPECTED).limited(2)
    assert few.fingerprint == ExampleList(EXPECTED).limited(2).fingerprint


def test_json_lines_are_what_our_own_reader_reads(tmp_path: Path) -> None:
    file = write(tmp_path / "data", "json")
    ours = load(tmp_path / "data", FileData((file,), readers.json_lines, "made here"))  # type: ignore[arg-type]
    assert load(tmp_path / "data", DatasetsData("json", (file,), "made here")).fingerprint == ours.fingerprint


def test_lines_of_a_text_file_are_the_rows_of_a_datasets_source(tmp_path: Path) -> None:
    (tmp_path / "sw.txt").write_text("habari\n\u2028ya\nasubuhi\n", encoding="utf-8-sig")
    source = DatasetsData("text", ("*.txt",), "made here")
    loaded = load(tmp_path, source, example=lambda row: Text(str(row["_row"]), row["text"]))
    assert [example.text for example in loaded.examples] == ["habari", "\u2028ya", "asubuhi"]  # type: ignore[union-attr]


@pytest.mark.parametrize("stays_on_disk", [False, True])
def test_rows_of_one_language_of_a_mixed_table(tmp_path: Path, stays_on_disk: bool) -> None:
    file = write(tmp_path / "data", "csv")
    where = Where("language", equals="sw")
    source = DatasetsData("csv", (file,), "x", columns=COLUMNS, where=where, stays_on_disk=stays_on_disk)
    loaded = load(tmp_path / "data", source)
    assert [example.id for example in loaded.examples] == ["001", "003", "005"]  # type: ignore[union-attr]
    assert (loaded.rows, loaded.source) == (3, "rows.csv[language=sw]")


def test_options_of_the_builder_are_passed_on(tmp_path: Path) -> None:
    (tmp_path / "rows.tsv").write_text(csv(ROWS, "\t"), encoding="utf-8")
    source = DatasetsData("csv", ("rows.tsv",), "x", options={"sep": "\t"}, columns=COLUMNS)
    assert list(load(tmp_path, source).examples) == EXPECTED
    odd = DatasetsData("csv", ("rows.tsv",), "x", options={"sepp": "\t"})
    with pytest.raises(DataError, match=r"rows\.tsv: cannot be read as csv: .*sepp"):
        load(tmp_path, odd)


def test_a_file_without_a_header_has_the_names_that_its_source_gives(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(csv(ROWS).split("\n", 1)[1], encoding="utf-8")
    named = DatasetsData("csv", ("rows.csv",), "x", options={"header": None, "names": list(ROWS[0])}, columns=COLUMNS)
    assert list(load(tmp_path, named).examples) == EXPECTED
    with pytest.raises(DataError, match=r"rows\.csv: its columns have no names"):
        load(tmp_path, DatasetsData("csv", ("rows.csv",), "x", options={"header": None}))


def archives(folder: Path) -> None:
    inner = folder / "inner"
    inner.mkdir(parents=True)
    (inner / "a.csv").write_text(csv(ROWS[:3]), encoding="utf-8")
    (inner / "b.csv").write_text(csv(ROWS[3:]), encoding="utf-8")
    (inner / "readme.md").write_text("not data", encoding="utf-8")
    with zipfile.ZipFile(folder / "rows.zip", "w") as file:
        for path in sorted(inner.iterdir()):
            file.write(path, f"deep/{path.name}")
    for ending in ("tar", "tar.gz", "tgz", "tar.bz2", "tar.xz"):
        kind = {"tgz": "gz"}.get(ending, ending.removeprefix("tar").lstrip("."))
        with tarfile.open(folder / f"rows.{ending}", f"w:{kind}") as archive:
            archive.add(inner, "deep")
    whole = csv(ROWS).encode()
    for name, pack in (("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)):
        (folder / f"rows.csv.{name}").write_bytes(pack(whole))


@pytest.mark.parametrize("name", ["zip", "tar", "tar.gz", "tgz", "tar.bz2", "tar.xz", "csv.gz", "csv.bz2", "csv.xz"])
def test_archives_are_unpacked_into_the_cache_once(tmp_path: Path, name: str, cache: Path) -> None:
    archives(tmp_path / "data")
    source = DatasetsData("csv", (f"rows.{name}",), "x", members="deep/*.csv", columns=COLUMNS)
    assert list(load(tmp_path / "data", source).examples) == EXPECTED
    [folder] = (path for path in (cache / "archives").iterdir() if path.is_dir())
    assert not list(folder.rglob("readme.md"))
    before = folder.stat().st_mtime_ns
    assert list(load(tmp_path / "data", source).examples) == EXPECTED and folder.stat().st_mtime_ns == before
    damaged = next(folder.rglob("*.csv") if list(folder.rglob("*.csv")) else folder.rglob("rows*"))
    damaged.write_text("no,data\n", encoding="utf-8")
    assert list(load(tmp_path / "data", source).examples) == EXPECTED


def hostile(path: Path, name: str) -> None:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(name, csv(ROWS))
    else:
        with tarfile.open(path, "w") as archive:
            import io

            info = tarfile.TarInfo(name)
            info.size = len(csv(ROWS))
            archive.addfile(info, io.BytesIO(csv(ROWS).encode()))


@pytest.mark.parametrize(
    ("ending", "name"),
    [
        ("zip", "../out.csv"), ("zip", "a/../../out.csv"), ("zip", "/out.csv"),
        ("tar", "../out.csv"), ("tar", "a/../../out.csv"),
    ],
)  # fmt: skip
def test_members_that_lead_out_of_an_archive_are_refused(tmp_path: Path, ending: str, name: str, cache: Path) -> None:
    hostile(tmp_path / f"rows.{ending}", name)
    with pytest.raises(DataError, match=r"leads out of the archive's folder"):
        load(tmp_path, DatasetsData("csv", (f"rows.{ending}",), "x"))
    assert not list(tmp_path.rglob("out.csv"))


@pytest.mark.parametrize("name", ["rows.zip", "rows.tar.gz", "rows.csv.gz"])
def test_a_cut_archive_is_an_error_in_one_line(tmp_path: Path, name: str) -> None:
    archives(tmp_path / "data")
    path = tmp_path / "data" / name
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=rf"{name}: not a whole") as caught:
        load(tmp_path / "data", DatasetsData("csv", (name,), "x", members="*.csv"))
    assert "\n" not in str(caught.value)


def test_an_archive_without_the_wanted_files_is_an_error(tmp_path: Path) -> None:
    archives(tmp_path / "data")
    with pytest.raises(DataError, match=r"rows\.zip: holds no file that fits '\*\.tsv'"):
        load(tmp_path / "data", DatasetsData("csv", ("rows.zip",), "x", members="*.tsv"))


BAD: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "a column is missing": ("csv", "id,a\n1,x\n", {"columns": ("b",)}, r"rows\.csv: column 'b' is missing"),
    "a number is none": (
        "csv",
        "id,n\n1,2\n2,x\n",
        {"columns": ("n: integer",)},
        r"rows\.csv: column 'n', row 1: 'x', expected a whole number",
    ),
    "a line has too many cells": ("csv", "id,a\n1,x\n2,y,z\n", {}, r"rows\.csv:3: expected 2 cells, found 3"),
    "a number is too large": (
        "csv",
        "n\n1\n99999999999999999999\n",
        {"columns": ("n: integer",)},
        r"rows\.csv: column 'n', row 1: '9+', expected a whole number",
    ),
    "a language is a number": (
        "json",
        '{"a": "x", "language": 1}\n',
        {"where": Where("language", equals="sw")},
        r"rows\.json: cannot be read: Arrow",
    ),
    "a text of JSON is no Unicode": (
        "json",
        '{"a": "x"}\n{"a": "\\ud800"}\n',
        {},
        r"rows\.json: column 'a', row 1: Unicode",
    ),
    "nothing is in the file": ("csv", "", {}, r"rows\.csv: cannot be read as csv"),
    "the text is not UTF-8": ("csv", "id,a\n1,\udcff\n", {}, r"rows\.csv: cannot be read as csv: .*utf-8"),
    "a line is no JSON": ("json", '{"id": "1"}\n{"id":\n', {}, r"rows\.json:2: not JSON"),
    "a column of JSON is mixed": (
        "json",
        '{"a": "x"}\n{"a": 2}\n',
        {"columns": ("a: string",)},
        r"rows\.json: column 'a', row 1: ",
    ),
    "a column has another type": (
        "json",
        '{"a": 2}\n',
        {"columns": ("a: string",)},
        r"rows\.json: column 'a' holds int64, expected string",
    ),
    "a file is no parquet": ("parquet", "x", {}, r"rows\.parquet: cannot be read as parquet"),
    "a file is no arrow": ("arrow", "x", {}, r"rows\.arrow: cannot be read as arrow"),
}


@pytest.mark.parametrize("stays_on_disk", [False, True])
@pytest.mark.parametrize("what", BAD)
def test_bad_files_are_errors_of_one_line_that_name_file_and_row(
    tmp_path: Path, what: str, stays_on_disk: bool
) -> None:
    form, content, fields, expected = BAD[what]
    data = tmp_path / "data"
    data.mkdir()
    (data / f"rows.{form}").write_bytes(content.encode("utf-8", "surrogateescape"))
    source = DatasetsData(form, (f"rows.{form}",), "x", stays_on_disk=stays_on_disk, **fields)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=expected) as caught:
        load(data, source, example=lambda row: None)
    assert "\n" not in str(caught.value)
    status = split_status(Split(source), data)
    assert status.state == "damaged" and str(caught.value) == status.reason


@pytest.mark.parametrize("stays_on_disk", [False, True])
def test_bad_examples_of_a_datasets_source_are_refused_with_file_and_row(tmp_path: Path, stays_on_disk: bool) -> None:
    def source(rows: list[dict[str, Any]]) -> DatasetsData:
        return DatasetsData(
            "csv", (write(tmp_path / "data", "csv", rows),), "x", columns=COLUMNS, stays_on_disk=stays_on_disk
        )

    row = "" if stays_on_disk else "row {}: "
    with pytest.raises(DataError, match=rf"rows\.csv: {row.format(len(ROWS))}the id '000' occurs twice"):
        load(tmp_path / "data", source([*ROWS, ROWS[0]]))
    with pytest.raises(DataError, match=rf"rows\.csv: {row.format(0)}example '000': unknown label 'maybe'"):
        load(tmp_path / "data", source([{**ROWS[0], "label": "maybe"}]))
    with pytest.raises(DataError, match=r"rows\.csv: row 2 cannot be read by mine: AssertionError"):
        load(tmp_path / "data", source([*ROWS[:2], {**ROWS[2], "n": ""}]))


def test_ids_that_occur_twice_far_apart_are_found_on_disk(tmp_path: Path) -> None:
    rows = [{"id": str(i % 20_000), "text": "x"} for i in range(20_001)]
    source = DatasetsData("json", (write(tmp_path / "data", "json", rows),), "x", stays_on_disk=True)
    with pytest.raises(DataError, match=r"the id '0' occurs twice"):
        load(tmp_path / "data", source, example=lambda row: Text(row["id"], row["text"]))


@pytest.mark.parametrize("stays_on_disk", [False, True])
def test_parts_of_a_split_follow_one_another(tmp_path: Path, stays_on_disk: bool) -> None:
    def part(name: str, rows: list[dict[str, Any]]) -> Split:
        file = write(tmp_path / "data", "csv", rows, name)
        return Split(DatasetsData("csv", (file,), "x", columns=COLUMNS, stays_on_disk=stays_on_disk), rows=len(rows))

    split = Split(parts=(part("a", ROWS[:2]), part("b", ROWS[2:])))
    numbered = load_examples(
        task(example=lambda row: Text(str(row["_row"]), row["a"])), split, data_dir=tmp_path / "data"
    )
    assert [example.id for example in numbered.examples] == list("012345")  # type: ignore[union-attr]
    assert numbered.rows == numbered.expected == 6


class Counting(ExampleStore):
    """A store of somebody else: numbers up to ``count``."""

    def __init__(self, count: int) -> None:
        self.count = count

    fingerprint = "counting"

    def limited(self, limit: int) -> Counting:
        return Counting(min(limit, self.count))

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: Any) -> Any:
        return Text(str(index), "x") if isinstance(index, int) else [self[i] for i in range(*index.indices(self.count))]


def test_a_reader_may_return_a_store_of_its_own(tmp_path: Path) -> None:
    write(tmp_path, "csv")
    source = FileData(("rows.csv",), lambda path: Counting(10**12), "made here")
    loaded = load_examples(task(source), Split(source), data_dir=tmp_path, limit=5)
    assert (loaded.rows, len(loaded.examples), loaded.fingerprint) == (10**12, 5, "counting")
    assert split_status(Split(source), tmp_path).rows == 10**12
    rows = DatasetsData("csv", ("rows.csv",), "x")
    with pytest.raises(DataError, match=r"rows\.csv cannot be mixed with examples that stay on disk"):
        load_examples(task(source), Split(parts=(Split(source), Split(rows))), data_dir=tmp_path)


# Where they are found.


def test_files_of_a_hub_data_set_are_found_in_the_data_folder(tmp_path: Path) -> None:
    repo = tmp_path / "o" / "set"
    repo.parent.mkdir(parents=True)
    write(repo, "csv")
    source = DatasetsData("csv", ("*.csv",), repo="o/set", columns=COLUMNS)
    loaded = load(tmp_path, source)
    assert list(loaded.examples) == EXPECTED and loaded.source == "o/set/*.csv"
    names = data_names(located(Split(source), tmp_path))
    assert list(names) == ["data/o/set/rows.csv"]


def test_files_of_a_hub_data_set_are_found_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    snapshot = tmp_path / "datasets--o--set" / "snapshots" / ("a" * 40)
    snapshot.parent.mkdir(parents=True)
    write(snapshot, "csv")
    asked: list[tuple[Any, ...]] = []

    def download(repo: str, **more: Any) -> str:
        asked.append((repo, more.get("allow_patterns")))
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    source = DatasetsData("csv", ("rows.csv",), repo="o/set", columns=COLUMNS)
    made = task(source)
    loaded = load_examples(made, Split(source), offline=True)
    assert loaded.source == f"o/set/rows.csv@{'a' * 12}" and asked == [("o/set", None)]
    names = data_names(located(Split(source)))
    assert list(names) == ["data/o/set/rows.csv"]


def test_what_is_missing_is_said_with_how_to_get_it(tmp_path: Path) -> None:
    status = split_status(Split(DatasetsData("csv", ("rows.csv",), "ask me")), tmp_path)
    assert status.state == "missing" and "rows.csv not found in" in status.reason and "(ask me)" in status.reason
    status = split_status(Split(DatasetsData("csv", ("a/*.csv",), repo="o/set")), tmp_path)
    assert "hf download o/set --repo-type dataset --include 'a/*.csv' --local-dir DATA_DIR/o/set" in status.reason


# Data sets made in Python.


def dataset() -> Any:
    from datasets import ClassLabel, Dataset, Features, Value

    kinds = {name: Value("int64" if name == "n" else "string") for name in ROWS[0]}
    features = Features({**kinds, "label": ClassLabel(names=["no", "yes"])})
    return Dataset.from_list(ROWS, features=features)


def stream() -> Any:
    return dataset().to_iterable_dataset()


def nothing() -> Any:
    raise ConnectionError("no network")


@pytest.mark.parametrize(("made", "stays_on_disk"), [(dataset, False), (dataset, True), (stream, False)])
def test_a_data_set_made_in_python(tmp_path: Path, made: Any, stays_on_disk: bool) -> None:
    source = DatasetsData(load=made, columns=COLUMNS, stays_on_disk=stays_on_disk)
    loaded = load(tmp_path, source)
    assert list(loaded.examples) == EXPECTED and loaded.fingerprint == ExampleList(EXPECTED).fingerprint
    assert loaded.files == [] and loaded.source == f"{__name__}.{made.__name__}"
    swahili = DatasetsData(
        load=made, columns=COLUMNS, where=Where("language", equals="sw"), stays_on_disk=stays_on_disk
    )
    assert list(load(tmp_path, swahili).examples) == EXPECTED[1::2]
    assert split_status(Split(source, rows=6), tmp_path).state == "present"
    with pytest.raises(DataError, match=r"made in Python, with no files to put into a bundle"):
        data_names(located(Split(source), tmp_path))


def test_a_stream_cannot_stay_on_disk(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"test_datasets_data\.stream: a stream cannot stay on disk"):
        load(tmp_path, DatasetsData(load=stream, stays_on_disk=True))


def test_a_data_set_that_cannot_be_loaded_is_missing(tmp_path: Path) -> None:
    source = DatasetsData(load=nothing, obtain="log in first")
    status = split_status(Split(source), tmp_path)
    assert (
        status.state == "missing"
        and "nothing: cannot be loaded: ConnectionError: no network (log in first)" in status.reason
    )
    with pytest.raises(DataError, match="cannot be loaded"):
        load(tmp_path, source)


def test_several_splits_are_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="returned dict") as caught:
        load(tmp_path, DatasetsData(load=lambda: {"test": dataset()}))
    assert "split='test'" in caught.value.hint


def test_images_of_a_datasets_source_reach_the_example_decoded(tmp_path: Path) -> None:
    from datasets import Dataset, Features, Image, Value
    from PIL import Image as Pictures

    Pictures.new("RGB", (2, 3)).save(tmp_path / "a.png")

    def pictures() -> Any:
        features = Features({"image": Image(), "text": Value("string")})
        return Dataset.from_list([{"image": str(tmp_path / "a.png"), "text": "none"}], features=features)

    loaded = load(tmp_path, DatasetsData(load=pictures), example=lambda row: Text(str(row["image"].size), row["text"]))
    assert loaded.examples[0].id == "(2, 3)"  # type: ignore[union-attr]


def test_what_datasets_keeps_of_a_data_set_goes_into_the_cache_of_the_harness(tmp_path: Path, cache: Path) -> None:
    import datasets

    file = tmp_path / write(tmp_path, "parquet")

    def from_file() -> Any:
        return datasets.load_dataset("parquet", data_files=str(file), split="train")

    before = datasets.config.HF_DATASETS_CACHE
    assert list(load(tmp_path, DatasetsData(load=from_file, columns=COLUMNS)).examples) == EXPECTED
    assert list((cache / "datasets").iterdir()) and before == datasets.config.HF_DATASETS_CACHE


# What stays behind.


def test_reading_files_leaves_nothing_in_the_cache(tmp_path: Path, cache: Path) -> None:
    load(tmp_path / "data", DatasetsData("csv", (write(tmp_path / "data", "csv"),), "x", columns=COLUMNS))
    assert [path for path in cache.rglob("*") if path.is_file()] == []


KILLED = """
import os, sys
from pathlib import Path
from harness import DatasetsData, Split
from harness.data import _builders as builders
from harness.data.sources import load_examples
from tests.data.test_datasets_data import task, COLUMNS

made = builders._typed
def slowly(*args):
    print("reading", flush=True)
    sys.stdin.read()
    return made(*args)
builders._typed = slowly
source = DatasetsData("csv", ("rows.csv",), "x", columns=COLUMNS, stays_on_disk=True)
load_examples(task(source), Split(source), data_dir=sys.argv[1], offline=True)
"""


def test_a_kill_leaves_nothing_that_is_taken_for_whole_and_the_next_start_clears_it(
    tmp_path: Path, cache: Path
) -> None:
    write(tmp_path / "data", "csv")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None and process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGKILL)
    left = list((cache / "datasets").glob(".stream-*"))
    assert left
    source = DatasetsData("csv", ("rows.csv",), "x", columns=COLUMNS, stays_on_disk=True)
    assert list(load(tmp_path / "data", source).examples) == EXPECTED
    assert not list((cache / "datasets").glob(".stream-*"))
    assert [path.name.rpartition("-")[0] for path in (cache / "rows").iterdir() if path.is_dir()] == ["rows"]


# Real files, and the commands.


def test_real_files_have_the_fingerprint_that_our_readers_give(shared_data: Path) -> None:
    file = "extra/kornli_ko/xnli.dev.0-599.jsonl"

    def korean(row: Any) -> Pair:
        return Pair(str(row["_row"]), row["sentence1"], row["sentence2"], row.get("gold_label"))

    sources = [
        FileData((file,), readers.json_lines, "x"),
        *(DatasetsData("json", (file,), "x", stays_on_disk=d) for d in (0, 1)),
    ]  # type: ignore[arg-type]
    found = {
        load_examples(task(each, example=korean), Split(each), data_dir=shared_data, checked=False).fingerprint
        for each in sources
    }
    assert len(found) == 1
    columns, where = ("sentence1: string", "gold_label: string"), Where("language", equals="sw")
    hub = HubData("google/xtreme", "XNLI", "test", where=where, columns=columns)
    same = DatasetsData("parquet", ("XNLI/test-*.parquet",), repo="google/xtreme", where=where, columns=columns)

    def premise(row: Any) -> Text:
        return Text(str(row["_row"]), row["sentence1"])

    first, second = (
        load_examples(task(each, example=premise), Split(each), data_dir=shared_data) for each in (hub, same)
    )
    assert first.fingerprint == second.fingerprint and first.rows == second.rows > 5_000


PLUGIN = """
from harness import DatasetsData, Pair, Split, TargetTask, hookimpl, splits

COLUMNS = ("id: string", "a: string", "label: string")

def rows(code):
    return Split(DatasetsData("csv", (f"mine/{code}.csv",), "ask me", columns=COLUMNS), rows=6)

def read(row):
    return Pair(row["id"], row["a"], "", row["label"])

@hookimpl
def harness_target_tasks():
    languages = splits("en sw", test=rows)
    yield TargetTask("mine", 1, "classification", languages, read, "accuracy", labels=("no", "yes"))
"""


def test_the_commands_on_data_list_verify_and_bundle_these_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.py").write_text(PLUGIN, encoding="utf-8")
    data = tmp_path / "data"
    data.mkdir()
    write(data / "mine", "csv", name="en")
    start, place = ["--plugin", str(tmp_path / "mine.py"), "data"], ["--data-dir", str(data)]
    assert main([*start, "list", "mine", "--json", *place]) == 0
    listed = {each["language"]: each for each in json.loads(capsys.readouterr().out)}
    assert (listed["en"]["state"], listed["en"]["rows"], listed["sw"]["state"]) == ("present", 6, "missing")
    assert "ask me" in listed["sw"]["reason"]
    assert main([*start, "fetch", "mine", *place]) == 4
    capsys.readouterr()
    assert main([*start, "verify", "mine[en]", "--json", *place]) == 0
    [verified] = json.loads(capsys.readouterr().out)
    assert verified["fingerprint"] == ExampleList([Pair(e.id, e.a, "", e.label) for e in EXPECTED]).fingerprint
    assert main([*start, "bundle", *place, str(tmp_path / "b.tar"), "mine"]) == 0
    with tarfile.open(tmp_path / "b.tar") as bundle:
        assert "data/mine/en.csv" in bundle.getnames()
    (data / "mine" / "en.csv").write_text("id,a,label\n1,x,maybe\n", encoding="utf-8")
    assert main([*start, "verify", "mine[en]", *place]) == 4
    assert "en.csv: row 0: example '1': unknown label 'maybe'" in capsys.readouterr().err


LIGHT = """
import sys
from harness import HubData, Split, TargetTask, Text
from harness.data.sources import load_examples
split = Split(HubData("a/b", None, "test"))
task = TargetTask("mine", 1, "mlm", {"en": {"test": split}}, lambda row: Text(row["id"], row["a"]), "accuracy")
assert len(load_examples(task, split, data_dir=sys.argv[1], offline=True).examples) == 6
print([name for name in ("datasets", "pandas", "torch") if name in sys.modules])
"""


def test_parquet_in_the_layout_of_the_hub_is_read_without_datasets(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "a" / "b" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "rows").mkdir()
    (folder / "test.parquet").write_bytes((tmp_path / "rows" / write(tmp_path / "rows", "parquet")).read_bytes())
    command = [sys.executable, "-c", LIGHT, str(tmp_path / "data")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
