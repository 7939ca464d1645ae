"""A user's own corpora: their sentence vectors in mapped files that a stopped run goes on with, and the pairs mined."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import DataError
from harness.files import read_text, write_atomic
from harness.retrieval.index import Vectors
from harness.retrieval.mining import Mined

BLOCK = 1 << 14
"""Sentences that are embedded between two notes of how far it got."""


@dataclass(frozen=True)
class Corpus:
    """The lines of a text file that are not blank, stripped, and the number of each in the file (from 1)."""

    path: Path
    sentences: Sequence[str]
    lines: Sequence[int]

    @classmethod
    def read(cls, path: Path) -> Corpus:
        """A UTF-8 file with a sentence a line; :class:`DataError` where it holds none."""
        numbered = [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), start=1)]
        kept = [(number, line) for number, line in numbered if line]
        if not kept:
            raise DataError(f"{path}: no sentence in it", hint="a sentence a line, UTF-8")
        return cls(path, [line for _, line in kept], [number for number, _ in kept])


def stored_vectors(
    embed: Callable[[Sequence[str]], Vectors],
    sentences: Sequence[str],
    file: Path,
    identity: str,
    *,
    block: int = BLOCK,
    tell: Callable[[int], None] = lambda rows: None,
) -> Vectors:
    """The vectors float32 (n, d) of n sentences in ``file`` (.npy), mapped into memory; changes to them are not written.

    ``embed`` gives the vectors of some sentences, ``identity`` says what decides them besides the text: vectors of the
    same sentences under the same identity are kept, and an unfinished file is gone on with, from the last whole block;
    a damaged one is made again. ``tell`` hears how many sentences are done, those of earlier runs included. DataError
    where the file cannot be written.
    """
    digest = hashlib.sha256(identity.encode())
    for sentence in sentences:
        digest.update(sentence.encode() + b"\n")
    key, journal = digest.hexdigest(), file.with_suffix(".json")
    done = _done(journal, key) if _whole(file, len(sentences)) else 0
    tell(done)
    vectors = np.load(file, mmap_mode="r+") if done else None
    while done < len(sentences):
        found = embed(sentences[done : done + block])
        if vectors is None:
            vectors = _made(file, (len(sentences), found.shape[1]))
        vectors[done : done + len(found)] = found
        vectors.flush()
        done += len(found)
        write_atomic(journal, json.dumps({"key": key, "done": done}))
        tell(done)
    mapped: Vectors = np.load(file, mmap_mode="c")  # torch takes no read-only arrays; the file stays as it is
    return mapped


def _made(file: Path, shape: tuple[int, int]) -> Any:
    """An empty matrix float32 in a mapped file (``np.memmap``)."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        made = np.lib.format.open_memmap(file, "w+", np.float32, shape)
        if hasattr(os, "posix_fallocate"):  # a disk that is full later would kill the process without a word
            with file.open("r+b") as whole:
                os.posix_fallocate(whole.fileno(), 0, file.stat().st_size)
    except OSError as error:
        raise DataError(
            f"{file}: cannot be written: {error.strerror or error}", hint="check the disk and the folder"
        ) from None
    return made


def _whole(file: Path, rows: int) -> bool:
    """Whether the file holds a matrix with so many rows, down to its last byte."""
    try:
        return len(np.load(file, mmap_mode="r")) == rows
    except (OSError, ValueError, EOFError):
        return False


def _done(journal: Path, key: str) -> int:
    try:
        known = json.loads(journal.read_text(encoding="utf-8"))
        return int(known["done"]) if known["key"] == key else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def write_pairs(path: Path, mined: Mined, source: Corpus, target: Corpus) -> None:
    """Margin, both line numbers and both sentences of every pair, tab-separated under a header, best first."""
    rows = ["margin\tsource_line\ttarget_line\tsource\ttarget"]
    for left, right, margin in zip(mined.foreign.tolist(), mined.english.tolist(), mined.margins.tolist(), strict=True):
        texts = (source.sentences[left].replace("\t", " "), target.sentences[right].replace("\t", " "))
        rows.append("\t".join((f"{margin:.6f}", str(source.lines[left]), str(target.lines[right]), *texts)))
    write_atomic(path, "\n".join(rows) + "\n")
