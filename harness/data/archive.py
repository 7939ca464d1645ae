"""Treebanks as they are released, in one archive: unpacked once into the cache, read from there."""

from __future__ import annotations

import logging
import tarfile
from collections.abc import Iterator
from pathlib import Path

from harness.core.border import border
from harness.core.built import built
from harness.core.errors import DataError
from harness.core.hashing import file_sha256
from harness.core.paths import cache_dir
from harness.data.conllu import conllu
from harness.types.tasks import Row

log = logging.getLogger(__name__)

_LARGEST = 16 << 30
"""Bytes of CoNLL-U; the releases have two or three GiB."""
_FOREIGN = "this is no release of the treebanks: nothing of it is used"


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
    return built(cache_dir() / "treebanks" / name, lambda folder: _unpack(archive, folder), use=pattern)


def _unpack(archive: Path, folder: Path) -> None:
    log.info("unpacking %s (once)", archive)
    with border(f"{archive}: not a whole tar archive, or no room for it", hint="download it again, or make room"):
        try:
            with tarfile.open(archive) as file:
                size = 0
                for member in file:
                    if member.isfile() and member.name.endswith(".conllu"):
                        size += member.size
                        if size > _LARGEST:
                            raise DataError(f"{archive}: unpacks to more than {_LARGEST >> 30} GiB", hint=_FOREIGN)
                        file.extract(member, folder, filter="data")
        except tarfile.FilterError as error:
            message = f"{archive}: {error.tarinfo.name!r} leads out of the archive's folder"
            raise DataError(message, hint=_FOREIGN) from error
