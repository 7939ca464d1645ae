"""Data as ``hf download`` leaves them: in every format and layout, compressed or not, the same examples; or one message."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import DatasetsData, FileData, HubData, Pair, Split, TargetTask, Where, readers
from harness.core.errors import DataError
from harness.data._lines import json_rows
from harness.data.sources import LoadedSplit, load_examples, split_status

TEXTS = ["2020-01-01", 'says "so", twice', "null", "habari, dunia", "1.50", "‏מה?", "NA", ""]
ROWS = [
    {"id": f"{i:03d}", "text": text, "label": i % 2, "language": ("en", "sw")[i % 2]} for i, text in enumerate(TEXTS)
]
COLUMNS = ("id: string", "text: string", "label: label(no, yes)")


def zstandard(content: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(content)
    return bytes(sink.getvalue())


COMPRESS = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstandard}


def content(ending: str, rows: list[dict[str, Any]]) -> bytes:
    if ending == "parquet":
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pylist(rows), sink)
        return bytes(sink.getvalue())
    if ending in ("jsonl", "ndjson"):
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    if ending == "json":
        return json.dumps(rows, indent=2, ensure_ascii=False).encode()
    out = io.StringIO()
    if ending == "csv":
        writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue().encode()
    lines = ["\t".join(rows[0]), *("\t".join(map(str, row.values())) for row in rows)]
    return ("\n".join(lines) + "\n").encode()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))


def load(folder: Path, source: Any, **more: Any) -> LoadedSplit:
    split = Split(source)
    task = TargetTask(
        "mine",
        1,
        "classification",
        {"en": {"test": split}},
        lambda row: Pair(row["id"], row["text"], "", row["label"]),
        "accuracy",
        labels=("no", "yes"),
    )
    return load_examples(task, split, data_dir=folder, offline=True, **more)


def put(folder: Path, name: str, what: bytes) -> Path:
    path = folder / "data" / "me" / "mine" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(what)
    return path


HUB = HubData("me/mine", "sw", "test", columns=COLUMNS)


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "ndjson", "json"])
def test_every_format_gives_the_examples_of_parquet(tmp_path: Path, ending: str, compression: str) -> None:
    put(tmp_path / "a", "sw/test.parquet", content("parquet", ROWS))
    put(tmp_path / "b", f"sw/test.{ending}{compression}", COMPRESS[compression](content(ending, ROWS)))
    expected, found = (load(tmp_path / name / "data", HUB) for name in ("a", "b"))
    assert list(found.examples) == list(expected.examples)
    assert found.fingerprint == expected.fingerprint and found.rows == len(ROWS)
    assert split_status(Split(HUB), tmp_path / "b" / "data").rows == len(ROWS)


@pytest.mark.parametrize(
    "names",
    [
        ["sw/test-00000-of-00002.jsonl", "sw/test-00001-of-00002.jsonl"],
        ["sw/test/part1.jsonl", "sw/test/part2.jsonl"],
        ["data/sw/test-00000-of-00002.jsonl.gz", "data/sw/test-00001-of-00002.jsonl.gz"],
    ],
)
def test_shards_and_folders_are_read_in_order(tmp_path: Path, names: list[str]) -> None:
    for name, rows in zip(names, (ROWS[:5], ROWS[5:]), strict=True):
        text = content("jsonl", rows)
        put(tmp_path, name, gzip.compress(text) if name.endswith(".gz") else text)
    assert [each.id for each in load(tmp_path / "data", HUB).examples] == [row["id"] for row in ROWS]
    (tmp_path / "data/me/mine" / names[1]).unlink()
    if "of-00002" in names[1]:
        with pytest.raises(DataError, match="1 of 2 files of 'test' are missing"):
            load(tmp_path / "data", HUB)


CARD = """---
license: mit
configs:
- config_name: en
  data_files: [{split: test, path: "files/en*.csv"}]
- config_name: sw
  data_dir: files
  data_files:
  - split: test
    path: ["swahili-*.csv"]
  - split: train
    path: "../../outside.csv"
---
# Mine
"""


def test_the_files_that_the_card_of_a_data_set_names_are_read(tmp_path: Path) -> None:
    put(tmp_path, "README.md", CARD.encode())
    put(tmp_path, "files/swahili-2.csv", content("csv", ROWS[5:]))
    put(tmp_path, "files/swahili-1.csv", content("csv", ROWS[:5]))
    assert [each.id for each in load(tmp_path / "data", HUB).examples] == [row["id"] for row in ROWS]
    (tmp_path / "data" / "outside.csv").write_bytes(content("csv", ROWS))
    assert split_status(Split(HubData("me/mine", "sw", "train")), tmp_path / "data").state == "missing"
    put(tmp_path, "README.md", b"---\nconfigs: [\n---\n")
    with pytest.raises(DataError, match=r"README\.md: its configurations cannot be read"):
        load(tmp_path / "data", HUB)


def test_a_where_keeps_the_rows_of_one_language_in_every_format(tmp_path: Path) -> None:
    put(tmp_path, "data/test.csv", content("csv", ROWS))
    source = HubData("me/mine", None, "test", columns=COLUMNS, where=Where("language", equals="sw"))
    found = load(tmp_path / "data", source)
    assert [each.id for each in found.examples] == [row["id"] for row in ROWS if row["language"] == "sw"]
    none = HubData("me/mine", None, "test", columns=COLUMNS, where=Where("language", equals="yo"))
    assert split_status(Split(none), tmp_path / "data").state == "missing"
    with pytest.raises(DataError) as caught:
        load(tmp_path / "data", none)
    assert "has no such rows" in str(caught.value) and "another format" not in str(caught.value)


def test_a_file_in_another_format_is_named(tmp_path: Path) -> None:
    path = put(tmp_path, "sw/test.xlsx", b"x")
    with pytest.raises(DataError, match="not found in") as caught:
        load(tmp_path / "data", HUB)
    assert f"{path} is there, but in another format: parquet, csv, tsv, jsonl, json or arrow" in str(caught.value)
    (tmp_path / "data" / "train.csv").write_bytes(b"x")
    with pytest.raises(DataError, match=r"train\.csv is there, but in another format"):
        load(tmp_path / "data", FileData(("train.jsonl",), readers.json_lines, "write it"))


HOSTILE: dict[str, tuple[str, bytes, str]] = {
    "a column twice": ("csv", b"id,text,text,label\n1,a,b,0\n", r"test\.csv: column 'text' occurs twice"),
    "a row is cut off": ("csv", b"id,text,label\n1,a,0\n2,b", r"test\.csv:3: expected 3 cells, found 2"),
    "another encoding": (
        "csv",
        "id,text,label\n1,é,0\n".encode("latin-1"),
        r"test\.csv: cannot be read as csv: .*utf-8",
    ),
    "a quote that never ends": ("csv", b'id,text,label\n1,"a,0\n2,b,1\n', r"test\.csv"),
    "quoted cells in a tsv": ("tsv", b'id\ttext\tlabel\n1\t"a ""b"" c"\t0\n', r"row 0: quoted as in a CSV file"),
    "too many cells in a tsv": ("tsv", b"id\ttext\tlabel\n1\ta\tb\t0\n", r"test\.tsv:2: expected 3 cells, found 4"),
    "a torn gzip": ("jsonl.gz", gzip.compress(content("jsonl", ROWS))[:-9], r"test\.jsonl\.gz: not a whole compressed"),
    "a torn zst": ("csv.zst", zstandard(content("csv", ROWS * 50))[:-9], r"test\.csv\.zst"),
    "no gzip at all": ("csv.gz", b"id,text\n", r"test\.csv\.gz: not a whole compressed file"),
    "an array that is cut off": ("json", content("json", ROWS)[:-20], r"test\.json: row 7: not JSON"),
    "more after an array": ("json", b'[{"id": "1"}] x', r"more follows the array: 'x'"),
    "numbers in an array": ("json", b"[1, 2]", r"row 0: expected a JSON object, found '1, 2\]'"),
    "no comma": ("json", b'[{"id": "1"} {"id": "2"}]', r"row 1: a comma expected"),
    "mixed types": ("jsonl", b'{"text": "a"}\n{"text": {"b": 1}}\n', r"test\.jsonl: column 'text', row 1"),
    "a nested text": ("json", b'[{"id": "1", "text": ["a"], "label": 0}]', r"column 'text' holds list"),
    "not a number": ("json", b'[{"id": "1", "text": NaN, "label": 0}]', r"column 'text' holds double"),
    "a column is missing": ("json", b'[{"id": "1", "label": 0}]', r"column 'text' is missing"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_one_message_with_file_and_place(tmp_path: Path, what: str) -> None:
    ending, data, expected = HOSTILE[what]
    put(tmp_path, f"sw/test.{ending}", data)
    with pytest.raises(DataError, match=expected) as caught:
        load(tmp_path / "data", HUB)
    assert "\n" not in str(caught.value)
    assert split_status(Split(HUB), tmp_path / "data").state == "damaged"


def test_quotes_of_a_tsv_file_are_read_on_request(tmp_path: Path) -> None:
    put(tmp_path, "rows.tsv", b'id\ttext\tlabel\n1\t"a ""b""\tc"\tno\n')
    source = DatasetsData("tsv", ("me/mine/rows.tsv",), "x", columns=("id: string",), options={"quoting": 0})
    [example] = load(tmp_path / "data", DatasetsData("tsv", source.files, "x", options={"quoting": 0})).examples
    assert example.a == 'a "b"\tc'  # type: ignore[attr-defined]


@given(
    rows=st.lists(st.dictionaries(st.text(max_size=3), st.text() | st.integers(), max_size=3), max_size=20),
    indent=st.none() | st.integers(0, 3),
)
def test_an_array_is_read_as_json_reads_it(rows: list[Any], indent: int | None, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("array") / "rows.json"
    path.write_text(" " + json.dumps(rows, indent=indent), encoding="utf-8")
    assert list(json_rows(path)) == rows


@pytest.mark.parametrize("indent", [None, 1])
def test_rows_under_a_key_are_unwrapped(tmp_path: Path, indent: int | None) -> None:
    rows, path = [{"id": "1", "tags": [{"a": 1}]}, {"id": "2"}], tmp_path / "rows.json"
    path.write_text(json.dumps({"version": 1, "data": rows}, indent=indent), encoding="utf-8")
    assert list(json_rows(path)) == rows
    path.write_text(json.dumps({"train": rows, "test": rows[:1]}, indent=indent), encoding="utf-8")
    with pytest.raises(DataError, match="several lists of objects: train, test") as caught:
        list(json_rows(path))
    assert "options={'field': 'train'}" in str(caught.value.hint)
    assert list(json_rows(path, "test")) == rows[:1]
    with pytest.raises(DataError, match="under the key 'tset'"):
        list(json_rows(path, "tset"))
    path.write_text(json.dumps(rows[1], indent=indent), encoding="utf-8")
    assert list(json_rows(path)) == [rows[1]]
    lines = tmp_path / "rows.jsonl"
    lines.write_text(json.dumps(rows[0]) + "\n", encoding="utf-8")
    assert list(json_rows(lines)) == rows[:1], "a file of lines may have one"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    assert list(json_rows(path)) == rows
    path.write_text('{"id": "1"\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"rows\.json:1: not JSON"):
        list(json_rows(path))


def test_a_long_array_is_read_in_pieces(tmp_path: Path) -> None:
    rows = [{"id": str(i), "text": "x" * (i % 7) * 9_000} for i in range(400)]
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    assert path.stat().st_size > 10_000_000
    assert list(json_rows(path)) == rows


def test_readers_open_compressed_files(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl.zst").write_bytes(zstandard(content("jsonl", ROWS)))
    assert list(readers.json_lines(tmp_path / "rows.jsonl.zst")) == ROWS
