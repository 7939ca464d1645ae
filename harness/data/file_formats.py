"""Formats of data files by their names, compressed or not, and the files of a Hub data set in any of them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from harness.core.border import border
from harness.core.inside import names_inside
from harness.types.sources import FileFormat, HubData

FORMATS: dict[str, FileFormat] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "json",
    ".ndjson": "json",
    ".json": "json",
    ".arrow": "arrow",
}
"""Endings of files that have columns; parquet comes first where a split is there in several formats."""
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
READ = "parquet, csv, tsv, jsonl, json or arrow, also compressed (.gz, .bz2, .xz, .zst)"
"""The formats in words."""


def open_compressed(path: Path) -> IO[bytes]:
    """The content of a file, decompressed if its name says that it is compressed."""
    opened: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open, ".zst": _zstandard}
    return cast(IO[bytes], opened.get(path.suffix.lower(), Path.open)(path, "rb"))


def _zstandard(path: Path, mode: str) -> IO[bytes]:
    import io

    import pyarrow as pa

    return io.BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path), mode), "zstd"))


def format_of(path: Path) -> FileFormat | None:
    """The format that a name says: ``csv`` for ``test.csv.gz``; None for one that is not read."""
    name = path.name.lower()
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    return next((found for ending, found in FORMATS.items() if name.endswith(ending)), None)


def split_files(base: Path, source: HubData) -> tuple[Path, ...]:
    """The files of a split in the folder of its data set, in the layouts in which ``hf download`` leaves them.

    These are ``<config>/<split>.<format>``, shards (``<split>-00000-of-00002.<format>``) and ``<config>/<split>/``, the
    same under ``data/``, and what the ``configs`` of the data set's card name.
    """
    if not base.is_dir():
        return ()
    places = places_of(base, source)
    listed = _of_card(base, source)
    for ending, found in FORMATS.items():
        for place in places:
            paths = sorted(_in_place(place, source.split, ending))
            if paths:
                return tuple(paths)
        if of_card := tuple(path for path in listed if format_of(path) == found):
            return of_card
    return ()


def places_of(base: Path, source: HubData) -> list[Path]:
    """The folders in which the files of a split may be."""
    if source.config is None:
        return [base / "data", base / "default", base]
    return [base / source.config, base / "data" / source.config]


def _in_place(place: Path, split: str, ending: str) -> Iterator[Path]:
    """The files of a split in one folder: one, its shards, or those in a folder with its name."""
    name = re.escape(split) + r"(-.*)?" if ending == ".parquet" else re.escape(split) + r"(-\d{5}-of-\d{5})?"
    ends = re.escape(ending) + "" if ending == ".parquet" else re.escape(ending) + r"(\.gz|\.bz2|\.xz|\.zst)?"
    whole, inside = re.compile(name + ends, re.IGNORECASE), re.compile(".*" + ends, re.IGNORECASE)
    if place.is_dir():
        yield from (path for path in place.iterdir() if whole.fullmatch(path.name) and path.is_file())
    if (place / split).is_dir():
        yield from (path for path in (place / split).iterdir() if inside.fullmatch(path.name) and path.is_file())


def _of_card(base: Path, source: HubData) -> list[Path]:
    """The files that the card of a data set names for a split, in their order."""
    return [path for pattern in card_patterns(base, source) for path in sorted(base.glob(pattern)) if path.is_file()]


def card_patterns(base: Path, source: HubData) -> list[str]:
    """The names and patterns of files that the card of a data set, in its folder, gives for a split."""
    card = base / "README.md"
    if not card.is_file():
        return []
    import yaml

    with border(f"{card}: its configurations cannot be read", hint="mend the YAML between the two lines of ---"):
        match = re.match(r"---\r?\n(.*?)\r?\n---", card.read_text(encoding="utf-8"), re.DOTALL)
        head = yaml.safe_load(match[1]) if match else None
        configs = head.get("configs") if isinstance(head, dict) else None
        listed = [each for each in configs or () if isinstance(each, dict)]
        wanted = [each for each in listed if _is_config(each, source.config, len(listed))]
        patterns = [pattern for config in wanted for pattern in _patterns(config, source.split)]
        return [text for text in patterns if names_inside(text)]


def _is_config(config: dict[str, Any], name: str | None, count: int) -> bool:
    known = config.get("config_name", "default")
    return known == name if name is not None else bool(config.get("default")) or known == "default" or count == 1


def _patterns(config: dict[str, Any], split: str) -> list[str]:
    files = config.get("data_files") or []
    named: list[Any] = []
    if isinstance(files, dict):
        named = [files.get(split)]
    elif isinstance(files, list):
        named = [each.get("path") for each in files if isinstance(each, dict) and each.get("split") == split]
    folder = config.get("data_dir")
    patterns = [text for each in named for text in ([each] if isinstance(each, str) else each or ())]
    return [f"{folder}/{text}" if folder else text for text in patterns]


def unread_files(places: Sequence[Path], stem: str) -> list[Path]:
    """Files of this name with another ending than those that are read, or than the one that was looked for."""
    found = []
    for place in places:
        if place.is_dir():
            names = (path for path in sorted(place.iterdir()) if path.is_file())
            found += [path for path in names if re.match(re.escape(stem) + r"(-\d{5}-of-\d{5})?\.", path.name)]
    return found
