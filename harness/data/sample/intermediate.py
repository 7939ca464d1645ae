"""The files of the English intermediate tasks."""

from __future__ import annotations

from pathlib import Path

from harness.data.sample.sizes import Size


def write_intermediate(folder: Path, seed: int, size: Size) -> None:
    """Writes every file of the intermediate tasks."""
