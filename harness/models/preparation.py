"""Changes that were made to a model before its first training: to its vocabulary, or to the script that it reads.

They are told by a hidden file in the folder of the changed model, which decides nothing about what the model computes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FILE = ".preparation.json"


def write_preparation(folder: Path, said: Mapping[str, Any], tokens: Sequence[str]) -> None:
    """Writes what was changed, for the record, and the new tokens."""
    content = {"said": dict(said), "tokens": list(tokens)}
    (folder / FILE).write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def preparation_of(folder: Path) -> dict[str, Any]:
    """Says what was changed in a model folder; {} for a model that was not changed."""
    return dict(_read(folder).get("said", {}))


def new_tokens_of(folder: Path) -> list[str]:
    """The tokens that were added to a model folder."""
    return list(_read(folder).get("tokens", ()))


def preparation_words(said: Mapping[str, Any]) -> str:
    """``99 new tokens (unused entries), cyrl-latn; tokens a word: bg 2.81 to 1.62; unknown: bg 4.1% to 0.0%``.

    "" where nothing was changed.
    """
    done = []
    if said.get("new_tokens"):
        done.append(f"{said['new_tokens']:,} new tokens ({said['how']})")
    if tables := said.get("transliterate"):
        done.append(f"{', '.join(tables)}: all languages of the script")
    counted = said.get("languages", {})
    words = [
        f"{code} {each['before']['tokens_per_word']:.2f} to {each['after']['tokens_per_word']:.2f}"
        for code, each in counted.items()
        if each["before"].get("tokens_per_word") and each["after"].get("tokens_per_word")
    ]
    lost = [
        f"{code} {each['before']['unknown']:.1%} to {each['after']['unknown']:.1%}" for code, each in counted.items()
    ]
    parts = [", ".join(done)]
    parts += [f"tokens a word: {', '.join(words)}"] if words else []
    parts += [f"unknown: {', '.join(lost)}"] if lost else []
    return "; ".join(parts) if done else ""


def _read(folder: Path) -> dict[str, Any]:
    try:
        found: Any = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
