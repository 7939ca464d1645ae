"""Model folders that the harness makes for itself: once, and again where they are no longer what was made."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path

from harness.damage import Damaged, set_aside
from harness.errors import ModelError
from harness.models.fingerprint import model_fingerprint
from harness.models.sound import check_files, check_tokenizer
from harness.scratch import scratch_folder
from harness.sealed import read_sealed, sealed

log = logging.getLogger(__name__)

SEAL = ".built.json"
"""Holds the fingerprint of what was built; a hidden file, which is no part of the fingerprint."""


def built_folder(folder: Path, what: str, build: Callable[[Path], object]) -> Path:
    """``folder``, which ``build`` fills if it is not there yet; a damaged one is set aside and made again."""
    try:
        if _whole(folder):
            return folder
    except Damaged as damage:
        set_aside(folder, damage, f"{what} is built again")
    log.info("building %s (once)", what)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with scratch_folder(folder.parent, ".building-") as scratch:
        build(scratch)
        (scratch / SEAL).write_text(json.dumps(sealed({"fingerprint": model_fingerprint(scratch)})), encoding="utf-8")
        try:
            scratch.rename(folder)
        except OSError:
            if not _whole(folder):  # another process may have finished first
                raise
    return folder


def _whole(folder: Path) -> bool:
    """Whether it is there, :class:`~harness.damage.Damaged` where it is not what was built.

    What earlier versions built has no seal: it is whole if each file can be what it should be.
    """
    if not folder.exists():
        return False
    try:
        check_files(folder)
        check_tokenizer(folder)
        if not (folder / SEAL).exists():
            return True
        if read_sealed(folder / SEAL).get("fingerprint") == model_fingerprint(folder):
            return True
    except ModelError as error:
        raise Damaged(str(error)) from None
    except OSError as error:
        raise Damaged(f"{error.filename or folder}: cannot be read: {error.strerror}") from None
    raise Damaged(f"{folder}: not what was built")
