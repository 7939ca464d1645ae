"""Data that benchmarks write for the harness to read: rows as JSON Lines, and who translated them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path


def write_rows(path: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Writes an object a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def write_translators(folder: Path, who: str) -> None:
    """Writes that people translated what is in the folder."""
    (folder / "about.toml").write_text(f'origin = "human_translation"\nsystem = "{who}"\n', encoding="utf-8")
