"""Treebanks as they are released, in one archive: unpacked once into the cache, read from there."""

from __future__ import annotations

import gzip
import logging
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from harness.data.conllu import conllu
from harness.errors import DataError
from harness.specs import Row

log = logging.getLogger(__name__)

_LARGEST = 16 << 30
"""Bytes of CoNLL-U; the releases have two or three GiB."""


def conllu_archive(archive: Path, *, pattern: str) -> Iterator[Row]:
    """The rows of the CoNLL-U files in an archive (``ud-treebanks-v2.5.tgz``) whose names fit, in the order of the names.

    ``pattern`` is of file names, without folders: ``de_*-ud-test.conllu``. The files take about 2.5 GB in the cache.
    """
    folder = unpacked(archive)
    yield from conllu(*sorted(folder.rglob(pattern), key=lambda path: (path.name, path)))


def unpacked(archive: Path) -> Path:
    """The folder in the cache with the CoNLL-U files of an archive; DataError for a broken archive."""
    from harness.models.tiny import cache_dir

    state = archive.stat()
    folder = cache_dir() / "treebanks" / f"{archive.name.partition('.t')[0]}-{state.st_size}-{state.st_mtime_ns}"
    if folder.is_dir():
        return folder
    log.info("unpacking %s into %s (once)", archive, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".unpacking-"))
    try:
        with tarfile.open(archive) as file:
            size = 0
            for member in file:
                if member.isfile() and member.name.endswith(".conllu"):
                    size += member.size
                    if size > _LARGEST:
                        raise DataError(
                            f"{archive}: unpacks to more than {_LARGEST >> 30} GiB",
                            hint="this is no release of the treebanks: nothing of it is used",
                        )
                    file.extract(member, scratch, filter="data")
        try:
            scratch.replace(folder)
        except OSError:
            if not folder.is_dir():  # another process may have finished first
                raise
    except tarfile.FilterError as error:
        message = f"{archive}: {error.tarinfo.name!r} leads out of the archive's folder"
        raise DataError(message, hint="this is no release of the treebanks: nothing of it is used") from error
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise DataError(f"{archive}: not a whole tar archive ({error})", hint="download it again") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return folder
