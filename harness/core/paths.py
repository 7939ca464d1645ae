"""The cache folder."""

from __future__ import annotations

import os
from pathlib import Path


def cache_dir() -> Path:
    """Folder of built models: ``HARNESS_CACHE_DIR`` or the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(os.environ.get("HARNESS_CACHE_DIR") or f"{home}/xtreme-harness").expanduser()
