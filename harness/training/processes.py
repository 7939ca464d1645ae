"""Index of this process under ``accelerate launch`` or ``torchrun``."""

from __future__ import annotations

import os


def process_index() -> int:
    """0 for the only or first process, which alone writes runs and prints."""
    return int(os.environ.get("RANK", "0"))


def process_count() -> int:
    """Number of processes that train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))
