"""Hashes of files: taken once, and taken again wherever a file may have changed."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

from harness.core.hashing import file_sha256


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read from here on, in order."""
    names: list[str] = []
    digest = hashlib.file_digest

    def noted(file: Any, kind: str) -> Any:
        names.append(Path(file.name).name)
        return digest(file, kind)

    monkeypatch.setattr(hashlib, "file_digest", noted)
    return names


def settled(path: Path, content: bytes) -> Path:
    """A file whose last change is longer ago than a tick of any clock."""
    path.write_bytes(content)
    time.sleep(0.05)
    return path


def test_a_file_is_read_once_however_its_folder_is_called(tmp_path: Path, read: list[str]) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    expected = hashlib.sha256(b"weights").hexdigest()
    assert file_sha256(settled(scratch / "model", b"weights")) == expected
    scratch.rename(tmp_path / "stage")
    assert file_sha256(tmp_path / "stage" / "model") == expected
    assert read == ["model"]


def test_a_change_that_keeps_size_and_time_of_modification_is_seen(tmp_path: Path) -> None:
    path = settled(tmp_path / "model", b"weights")
    before = path.stat()
    assert file_sha256(path) == hashlib.sha256(b"weights").hexdigest()
    with path.open("r+b") as file:
        file.write(b"W")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file_sha256(path) == hashlib.sha256(b"Weights").hexdigest()


def test_another_file_in_the_place_of_one_that_was_read_is_read(tmp_path: Path) -> None:
    path = settled(tmp_path / "model", b"weights")
    file_sha256(path)
    other = settled(tmp_path / "other", b"Weights")
    stat = path.stat()
    os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    other.replace(path)
    assert file_sha256(path) == hashlib.sha256(b"Weights").hexdigest()


def test_a_file_that_was_read_in_the_tick_of_its_last_change_is_read_again(
    tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settled(tmp_path / "model", b"weights")
    monkeypatch.setattr(time, "time_ns", lambda: path.stat().st_ctime_ns + 1)
    for _ in range(2):
        file_sha256(path)
    assert read == ["model", "model"]
