"""The record of a run: everything that decides its scores, and the scores. Versioned; written atomically."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, cast

from harness.core.clock import now
from harness.core.errors import DataError
from harness.core.files import write_atomic
from harness.core.private import without_secrets
from harness.core.sealed import checksum, sealed
from harness.core.version import __version__
from harness.runs._schema import misfit
from harness.types.record import RunRecord

if TYPE_CHECKING:
    from harness.types.record import EnvironmentRecord, GitRecord

SCHEMA = "harness-record/1"
_PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "datasets",
    "evaluate",
    "accelerate",
    "faiss-cpu",
    "faiss-gpu",
    "numpy",
    "seqeval",
)


def new_record() -> RunRecord:
    """An empty record with what is known before anything runs."""
    return {
        "schema": SCHEMA,
        "harness": {"version": __version__, "git": git_state()},
        "command": [Path(sys.argv[0]).name, *map(without_secrets, sys.argv[1:])],
        "created": now(),
        "finished": None,
        "environment": environment(),
        "sessions": [],
        "identity": None,
        "model": {},
        "benchmark": None,
        "options": {},
        "partial": [],
        "stages": [],
        "units": {},
        "missing": {},
        "failed": {},
        "scores": None,
        "timings": {},
    }


class UnsoundRecord(DataError):
    """A record that is torn, incomplete, or was edited by hand: it lacks what readers rely on."""


def load_record(folder: Path, *, whole: bool = True) -> RunRecord | None:
    """The record of a run folder, or None where there is none yet.

    Raises :class:`UnsoundRecord` where it is not what was written, or not of the shape of a record (of those without a
    checksum, the shape is all that can be checked). Without ``whole``, fields may be absent.
    """
    path = folder / "record.json"
    again = "give the command of the run again: it puts this file aside and scores everything anew"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        json.dumps(record, ensure_ascii=False, allow_nan=False).encode()  # no NaN, and no half of a surrogate pair
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}", hint="check the path and its rights") from None
    except Exception as error:  # what is no JSON, or nested too deep, or holds numbers too long
        raise UnsoundRecord(f"{path}: not a readable record: {error}", hint=again) from None
    schema = record.get("schema") if isinstance(record, dict) else None
    if schema != SCHEMA:
        raise DataError(
            f"{path}: schema {schema!r}, {SCHEMA!r} expected", hint="written by another version of the harness?"
        )
    written = record.pop("sha256", None)
    if written is not None and written != checksum(record):
        raise UnsoundRecord(f"{path}: edited or torn: it is not what was written (its sha256 differs)", hint=again)
    if wrong := misfit(record, whole=whole):
        raise UnsoundRecord(f"{path}: not a complete record: {wrong}", hint=again)
    found = cast(RunRecord, record)
    if foreign := _foreign(found):
        raise UnsoundRecord(
            f"{path}: {foreign} is a result of another run than the one that the record describes", hint=again
        )
    return found


def _foreign(record: RunRecord) -> str:
    """A unit that does not bear the identity of the record; "" where all do, and in records that say none."""
    identity = record.get("identity")
    if identity is None:
        return ""
    digest = identity["sha256"]
    return next((key for key, unit in record.get("units", {}).items() if unit.get("run") != digest), "")


def save_record(folder: Path, record: RunRecord) -> None:
    """Writes ``folder/record.json`` with its checksum, as a whole or not at all.

    :class:`DataError` for what :func:`load_record` would not take again, such as a score that is not a finite number.
    """
    path = folder / "record.json"
    try:
        text = json.dumps(sealed(record), indent=1, ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{path}: cannot be written: {error}",
            hint="a metric, a family or an option gave a value that is not a finite number",
        ) from error
    write_atomic(path, text + "\n")


def environment() -> EnvironmentRecord:
    """Versions of what computes the scores; packages that are not installed are null."""
    packages = {name: _version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "platform": platform.platform(), "packages": packages}


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def git_state() -> GitRecord | None:
    """Commit and cleanliness of the harness's own checkout; None when it runs from an installed package."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(root), *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.CalledProcessError):
        return None
