"""Parquet files that cannot be read, or hold what a task cannot use: they fail their own unit and nothing else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.cli.main import main
from harness.core.errors import DataError
from harness.data._parquet import rows
from harness.data.sources import load_examples
from harness.registry.default import get_registry
from harness.types.sources import HubData, Where

Change = Callable[[pa.Table], pa.Table]


def column(name: str, change: Callable[[list[object]], pa.Array]) -> Change:
    def changed(table: pa.Table) -> pa.Table:
        return table.set_column(table.schema.names.index(name), name, change(table[name].to_pylist()))

    return changed


def latin1(values: list[object]) -> pa.Array:
    raw = [str(value).encode() for value in values]
    raw[2] = "Le café".encode("latin-1")
    return pa.array(raw, pa.binary()).cast(pa.string(), safe=False)


def twice(table: pa.Table) -> pa.Table:
    return table.append_column("sentence1", table["sentence2"])


TABLES: dict[str, tuple[Change, str]] = {
    "Latin-1": (column("sentence1", latin1), "column 'sentence1', row 2: UnicodeDecodeError"),
    "a column twice": (twice, "column 'sentence1' occurs twice"),
    "decimals": (column("sentence1", lambda values: pa.array([Decimal(1)] * len(values))), "column 'sentence1' holds"),
    "no text": (column("sentence2", lambda values: pa.array([None, *values[1:]])), "its texts must be strings"),
    "an unknown class": (
        column("label", lambda values: pa.array([0, 7] + [0] * (len(values) - 2))),
        "column 'label'",
    ),
}
BYTES: dict[str, Callable[[bytes], bytes]] = {
    "encrypted": lambda data: b"PARE" + data[4:-4] + b"PARE",
    "no parquet": lambda data: b"PK\3\4" + data[4:-4] + b"PK\3\4",
    "empty": lambda data: b"",
    "a torn footer": lambda data: data[:-8] + b"\xff\xff\xff\x7f" + data[-4:],
}


@pytest.fixture
def data(corpus: Path, tmp_path: Path) -> Path:
    shutil.copytree(corpus / "google" / "xtreme", tmp_path / "data" / "google" / "xtreme")
    return tmp_path / "data"


def file_of(data: Path, config: str = "PAWS-X.de") -> Path:
    (path,) = (data / "google" / "xtreme" / config).glob("test-*.parquet")
    return path


@pytest.mark.parametrize("kind", [*TABLES, *BYTES])
def test_a_bad_file_fails_its_unit_and_the_others_are_scored(
    kind: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file_of(data)
    if kind in TABLES:
        change, words = TABLES[kind]
        pq.write_table(change(pq.read_table(path).replace_schema_metadata(None)), path)
    else:
        path.write_bytes(BYTES[kind](path.read_bytes()))
        words = "cannot be read as parquet"
    where = ["--data-dir", str(data), "--offline", "--out", str(tmp_path / "run")]
    assert main(["eval", "--model", "baseline:random", "--task", "pawsx[de,fr]", *where]) == 6
    record = json.loads((tmp_path / "run" / "record.json").read_text())
    assert list(record["units"]) == ["pawsx/fr/test"] and list(record["failed"]) == ["pawsx/de/test"]
    assert str(path) in record["failed"]["pawsx/de/test"] and words in record["failed"]["pawsx/de/test"]
    capsys.readouterr()
    assert main(["data", "verify", "pawsx[de,fr]", "--data-dir", str(data), "--json"]) == 4
    captured = capsys.readouterr()
    states = {entry["language"]: entry["state"] for entry in json.loads(captured.out) if entry["split"] == "test"}
    assert states == {"de": "damaged", "fr": "excerpt"}
    assert str(path) in captured.err and words in captured.err


OTHER_TEXT = {
    "large_string": pa.large_string(),
    "string_view": pa.string_view(),
    "dictionary": pa.dictionary(pa.int32(), pa.string()),
}


@pytest.mark.parametrize("kind", OTHER_TEXT)
def test_every_arrow_type_of_text_is_read_alike(kind: str, data: Path) -> None:
    task = get_registry().task("pawsx")
    split = task.languages["de"]["test"]
    before = load_examples(task, split, data_dir=data, offline=True).fingerprint
    path = file_of(data)
    table = pq.read_table(path)
    for name in ("sentence1", "sentence2"):
        place = table.schema.names.index(name)
        table = table.set_column(place, name, table[name].cast(OTHER_TEXT[kind]))
    pq.write_table(table, path)
    assert load_examples(task, split, data_dir=data, offline=True).fingerprint == before


@pytest.mark.parametrize("kind", OTHER_TEXT)
@pytest.mark.parametrize("where", [Where("language", equals="sw"), Where("language", startswith="s")])
def test_every_arrow_type_of_text_is_filtered_alike(kind: str, where: Where, tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    table = pa.table({"language": ["en", "sw", "sw", "de"], "text": ["one", "two", "three", "four"]})
    table = table.set_column(0, "language", table["language"].cast(OTHER_TEXT[kind]))
    pq.write_table(table.set_column(1, "text", table["text"].cast(OTHER_TEXT[kind])), path)
    found = rows([path], HubData("a/b", None, "test", columns=("text: string",), where=where))
    assert [row["text"] for row in found] == ["two", "three"]


def test_the_row_is_counted_in_the_file_and_not_among_those_of_the_language(tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    text = pa.array([b"one", b"two", b"three", b"caf\xe9"], pa.binary()).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"language": pa.array(["en", "sw", "en", "sw"]), "text": text}), path)
    with pytest.raises(DataError, match="row 3"):
        list(rows([path], HubData("a/b", None, "test", where=Where("language", equals="sw"))))
    (first, second) = rows([path], HubData("a/b", None, "test", where=Where("language", equals="en")))
    assert (first["text"], second["text"]) == ("one", "three")


def test_a_schema_entry_nested_without_end_is_named(tmp_path: Path) -> None:
    path = tmp_path / "deep.parquet"
    table = pa.table({"text": ["one"]}).replace_schema_metadata({"huggingface": "[" * 100_000})
    pq.write_table(table, path)
    with pytest.raises(DataError, match=r"deep\.parquet: the schema's entry 'huggingface'"):
        list(rows([path], HubData("a/b", None, "test")))
