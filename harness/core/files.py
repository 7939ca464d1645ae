"""Reading text, and writing files and folders atomically: a killed run never leaves half of one behind."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.core.claims import confirm_claims
from harness.core.errors import DataError


def write_atomic(path: Path, content: str | bytes) -> None:
    """Writes the whole file or nothing: a temporary file in the same folder, fsync, then an atomic rename.

    Missing parent folders are made; text is UTF-8. :class:`DataError` where the text cannot be encoded (a lone
    surrogate) or the disk refuses; :class:`~harness.core.errors.ClaimLost` where a claim of this process was taken over.
    """
    try:
        data = content.encode("utf-8") if isinstance(content, str) else content
    except UnicodeEncodeError as error:
        raise DataError(
            f"{path}: cannot write {error.object[error.start]!r}: not a Unicode character",
            hint="a lone surrogate comes from badly decoded input; decode the source as UTF-8",
        ) from None
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        confirm_claims()
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise DataError(
            f"{path}: cannot be written: {error.strerror or error}", hint="check the disk and the folder"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    # The rename itself is durable only once the folder is; some file systems refuse to sync folders.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def read_text(path: Path) -> str:
    """The file as UTF-8 text, without a leading byte-order mark; line ends are kept.

    :class:`DataError` where the file is missing, unreadable or not UTF-8 (naming the line).
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file", hint="check the path, or make the file first") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path itself
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise DataError(f"{path}: cannot be read: {reason}", hint="check that it is a readable file") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(f"{path}:{line}: not UTF-8 text: {error.reason}", hint="save the file as UTF-8") from None


_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}
"""Error codes of a disk or its owner: the user can mend them, and they are no fault of the program."""


def disk_refusal(error: BaseException) -> str:
    """Returns what the disk said; "" for any other error. Writers in Rust (safetensors, tokenizers) raise no OSError."""
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno in _DISK else ""
    native = re.search(r"\(os error (\d+)\)", str(error))
    return os.strerror(int(native[1])) if native and int(native[1]) in _DISK else ""


@contextmanager
def disk_errors(path: Path, *, hint: str = "check the disk and the folder") -> Iterator[None]:
    """Turns what the disk raises within into a :class:`DataError` that names the file, or ``path`` where none is said."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or path}: cannot be read or written: {error.strerror or error}", hint=hint
        ) from error


@contextmanager
def written_into(folder: Path) -> Iterator[None]:
    """Adds the folder to errors raised within: writers in Rust (safetensors) do not say where the disk is full."""
    try:
        yield
    except Exception as error:
        error.add_note(str(folder))
        raise


def replace_folder(scratch: Path, folder: Path) -> None:
    """Replaces ``folder`` with the complete folder ``scratch``; a kill at any moment leaves the old or the new one.

    Between two renames only ``<folder>.old`` exists: :func:`recover_folder` puts it back.
    :class:`~harness.core.errors.ClaimLost` where a claim of this process was taken over.
    """
    for path in scratch.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    old = folder.with_name(folder.name + ".old")
    confirm_claims()
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
        confirm_claims()
    scratch.rename(folder)
    _sync_folder(folder.parent)
    shutil.rmtree(old, ignore_errors=True)


def recover_folder(folder: Path) -> None:
    """Undoes a replacement that was cut off between its two renames."""
    old = folder.with_name(folder.name + ".old")
    if old.exists() and not folder.exists():
        old.rename(folder)
