"""Writes the files of an export: a new folder or an archive, whole or not at all."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from harness.core.errors import DataError, UsageError
from harness.core.files import write_atomic
from harness.core.inside import names_inside

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The same date in every archive: the same files give the same bytes."""


def check_new(out: Path) -> None:
    """:class:`UsageError` where something has the name already."""
    if out.exists():
        raise UsageError(f"{out}: exists already", hint="choose another -o, or remove it")


def write_files(files: Mapping[str, bytes], out: Path, *, zipped: bool = False) -> None:
    """Writes the files, by their names relative to ``out``, a new folder; zipped, it is the archive."""
    check_new(out)
    if zipped:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(files.items()):
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
        write_atomic(out, buffer.getvalue())
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # A separate folder: another export to the same place must not write among these files.
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as scratch:
            for name, content in files.items():
                write_atomic(Path(scratch) / out.name / name, content)
            (Path(scratch) / out.name).replace(out)
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror}", hint="check the disk and the folder") from None


def inside(name: object) -> bool:
    """Tells whether this is the name of a file in the folder, and leads nowhere else."""
    return isinstance(name, str) and "\\" not in name and names_inside(name)
