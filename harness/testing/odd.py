"""Odd text, put into examples of any class: everything that users' files may hold must be handled."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any

from harness.testing.contract import ODD
from harness.types.examples import Example, pool_role

_WORDS = 10_000

_TEXTS = {
    "empty": "",
    "right-to-left": "\u200fمرحبا (hello) بالعالم\u200e שלום",
    "joiners": "क्\u200dष می\u200cخواهم 👩\u200d👩\u200d👧 \u2060\ufeff",
    "composed": unicodedata.normalize("NFC", "Ångström, Việt Nam, が"),
    "decomposed": unicodedata.normalize("NFD", "Ångström, Việt Nam, が"),
    "10,000 tokens": "word " * _WORDS,
}
assert tuple(_TEXTS) == ODD


def odd_examples(example: Example) -> Iterator[tuple[str, Example]]:
    """Copies of an example, each with one kind of odd text in place of all its text."""
    for kind, text in _TEXTS.items():
        yield kind, _with_text(example, kind, text)


def _with_text(example: Any, kind: str, text: str) -> Any:
    """Strings, and strings in tuples, are replaced; ids stay, its own and those of members of a pool.

    Where an example has words and no running text, ten thousand tokens are that many words.
    """
    if not is_dataclass(example) or isinstance(example, type):
        return example
    ids = {name for _, name in pool_role(example).links}
    values = {field.name: getattr(example, field.name) for field in fields(example) if field.name != "id"}
    values = {name: value for name, value in values.items() if not (ids and ids.issuperset(_strings(value)))}
    running = any(isinstance(value, str) for value in values.values())
    changed: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, str):
            changed[name] = text
        elif isinstance(value, tuple) and value and not running and kind == "10,000 tokens":
            changed[name] = (value * (_WORDS // len(value) + 1))[:_WORDS]
        elif isinstance(value, tuple) and value and all(isinstance(item, str) for item in value):
            changed[name] = (text,) * len(value)
    return replace(example, **changed)


def _strings(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
