"""Archives: unpacked once into the cache, whole or not at all, and read from there."""

from __future__ import annotations

import hashlib
import logging
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO

from harness.core.border import border
from harness.core.built import LIST, built
from harness.core.errors import DataError
from harness.core.hashing import file_sha256
from harness.core.inside import names_inside
from harness.core.paths import cache_dir
from harness.data._conllu import conllu
from harness.data.file_formats import COMPRESSIONS, open_compressed
from harness.types.sources import Row

log = logging.getLogger(__name__)

_LARGEST = 16 << 30
"""Bytes; the releases of the treebanks have two or three GiB."""
_BLOCK = 1 << 20


def conllu_archive(archive: Path, *, pattern: str) -> Iterator[Row]:
    """The rows of the CoNLL-U files in an archive (``ud-treebanks-v2.5.tgz``) whose names fit, in the order of the names.

    ``pattern`` is of file names, without folders: ``de_*-ud-test.conllu``. The files take about 2.5 GB in the cache.
    """
    folder = unpacked(archive, pattern)
    yield from conllu(*sorted(folder.rglob(pattern), key=lambda path: (path.name, path)))


def unpacked(archive: Path, pattern: str = "*") -> Path:
    """The folder in the cache with the CoNLL-U files of an archive, of which those that fit are checked.

    It is named after the content of the archive. DataError for a broken archive.
    """
    name = f"{archive.name.partition('.t')[0]}-{file_sha256(archive)[:16]}"
    folder = cache_dir() / "treebanks" / name
    return built(folder, lambda scratch: _unpack(archive, scratch, "*.conllu", "tar", _TREEBANKS), use=pattern)


def is_archive(path: Path) -> bool:
    """Tells by its name whether a file is an archive, or compressed."""
    return path.name.lower().endswith((*_TAR, ".zip", *COMPRESSIONS))


def members(archive: Path, pattern: str = "*") -> list[Path]:
    """Finds the files of an archive whose names, or paths in it, fit the pattern, in the order of their paths.

    A tar or zip archive, or one file compressed by gzip, bzip2, xz or Zstandard (which always fits). They are unpacked
    into a folder of the cache that is named after the content of the archive. DataError for a broken archive and for one
    without such files.
    """
    digest = hashlib.sha256(f"{file_sha256(archive)} {pattern}".encode()).hexdigest()[:16]
    folder = cache_dir() / "archives" / f"{archive.name.partition('.')[0][:60]}-{digest}"
    built(folder, lambda scratch: _unpack(archive, scratch, pattern, _kind(archive), _DATA))
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != LIST)
    if not found:
        raise DataError(f"{archive}: holds no file that fits {pattern!r}", hint="members= of the source is the pattern")
    return found


_TAR = (".tar", ".tgz", ".tar.gz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_TREEBANKS = "this is no release of the treebanks: nothing of it is used"
_DATA = "nothing of it is used"


def _kind(archive: Path) -> str:
    name = archive.name.lower()
    return "tar" if name.endswith(_TAR) else "zip" if name.endswith(".zip") else "compressed"


def _unpack(archive: Path, folder: Path, pattern: str, kind: str, hint: str) -> None:
    log.info("unpacking %s (once)", archive)
    whole = "whole compressed file" if kind == "compressed" else f"whole {kind} archive"
    with border(f"{archive}: not a {whole}, or no room for it", hint="download it again, or make room"):
        if kind == "zip":
            _unpack_zip(archive, folder, pattern, hint)
        elif kind == "tar":
            _unpack_tar(archive, folder, pattern, hint)
        else:
            _decompress(archive, folder, hint)


def _unpack_tar(archive: Path, folder: Path, pattern: str, hint: str) -> None:
    size = 0
    with tarfile.open(archive) as file:
        for member in file:
            if member.isfile() and _fits(member.name, pattern):
                size += member.size
                _check_size(archive, size, hint)
                source = file.extractfile(member)
                assert source is not None  # that of a file
                _write(source, _inside(archive, folder, member.name.lstrip("/"), hint))


def _unpack_zip(archive: Path, folder: Path, pattern: str, hint: str) -> None:
    with zipfile.ZipFile(archive) as file:
        wanted = [member for member in file.infolist() if not member.is_dir() and _fits(member.filename, pattern)]
        _check_size(archive, sum(member.file_size for member in wanted), hint)  # more than is declared is an error
        for member in wanted:
            with file.open(member) as source:
                _write(source, _inside(archive, folder, member.filename, hint))


def _decompress(archive: Path, folder: Path, hint: str) -> None:
    with open_compressed(archive) as file, (folder / archive.stem).open("wb") as out:
        while block := file.read(_BLOCK):
            out.write(block)
            _check_size(archive, out.tell(), hint)


def _fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern) or fnmatchcase(name.rpartition("/")[2], pattern)


def _check_size(archive: Path, size: int, hint: str) -> None:
    if size > _LARGEST:
        raise DataError(f"{archive}: unpacks to more than {_LARGEST >> 30} GiB", hint=hint)


def _inside(archive: Path, folder: Path, name: str, hint: str) -> Path:
    """The path of a member. Only plain files are written, so that no link leads elsewhere."""
    if not names_inside(name):
        raise DataError(f"{archive}: {name!r} leads out of the archive's folder", hint=hint)
    return folder / name


def _write(source: IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as out:
        shutil.copyfileobj(source, out, _BLOCK)
