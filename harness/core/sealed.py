"""JSON objects that carry their own checksum, so that a truncated or edited file is detected."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.damage import Damaged

FIELD = "sha256"


def checksum(content: Mapping[str, Any]) -> str:
    """sha256 over the content, independent of its layout."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content as JSON holds it, with its checksum in the field ``sha256``."""
    plain = json.loads(json.dumps(content))
    return {**plain, FIELD: checksum(plain)}


def read_sealed(path: Path) -> dict[str, Any]:
    """Returns what :func:`sealed` was given. An object without a checksum, of an earlier version, is taken as it is.

    :class:`~harness.core.damage.Damaged` where there is no such file, no JSON object in it, or another one than was written.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise Damaged(f"{path}: missing") from None
    except OSError as error:
        raise Damaged(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Damaged(f"{path}: empty, cut or not JSON") from None
    if not isinstance(content, dict):
        raise Damaged(f"{path}: not a JSON object")
    written = content.pop(FIELD, None)
    if written is not None and written != checksum(content):
        raise Damaged(f"{path}: not what was written: its sha256 differs")
    return content
