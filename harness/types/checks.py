"""Checks of fields, each refusing with a PluginError that says where the field is, what it must be, and what it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any

from harness.core.errors import PluginError, did_you_mean

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]*")


def require(holds: bool, message: str, *found: object) -> None:
    """PluginError with the message unless it holds; the message ends with what was ``found``, written only then."""
    if not holds:
        raise PluginError(message + "".join(f", not {shown(value)}" for value in found))


def shown(value: object) -> str:
    """The type of a value and the value, cut where it is long."""
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def check_text(where: str, field: str, value: object, *, needed: bool = True) -> None:
    """A string, not empty where it is needed."""
    holds = isinstance(value, str) and (bool(value) or not needed)
    require(holds, f"{where}: {field} must be a {'non-empty ' if needed else ''}string", value)


def check_whole(where: str, field: str, value: object) -> None:
    """A positive whole number."""
    holds = isinstance(value, int) and not isinstance(value, bool) and value > 0
    require(holds, f"{where}: {field} must be a positive whole number", value)


def check_mapping(where: str, field: str, value: object, *, needed: bool = False) -> None:
    """A mapping with strings as keys, not empty where it is needed."""
    require(isinstance(value, Mapping), f"{where}: {field} must be a mapping", value)
    assert isinstance(value, Mapping)
    require(bool(value) or not needed, f"{where}: {field} is empty")
    for key in value:
        require(isinstance(key, str), f"{where}: the keys of {field} must be strings", key)


def check_strings(where: str, field: str, value: object) -> tuple[str, ...]:
    """A tuple of different strings."""
    holds = isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    require(holds, f"{where}: {field} must be a tuple of strings", value)
    assert isinstance(value, tuple)
    twice = sorted({item for item in value if value.count(item) > 1})
    require(not twice, f"{where}: {field} lists {', '.join(map(repr, twice))} more than once")
    return value


def check_known(where: str, name: object, known: Collection[str], what: str = "is not known") -> None:
    """One of the known names; like ones are looked for only where it is not."""
    if name not in known:
        raise PluginError(f"{where}: {name!r} {what}; {did_you_mean(str(name), known)}")


def check_seeds(where: str, field: str, value: object, *, needed: bool = True) -> None:
    """A tuple of different whole numbers, not empty where it is needed."""
    holds = isinstance(value, tuple) and all(isinstance(seed, int) and not isinstance(seed, bool) for seed in value)
    require(holds and (bool(value) or not needed), f"{where}: {field} must be a tuple of whole numbers", value)
    assert isinstance(value, tuple)
    require(len(set(value)) == len(value), f"{where}: {field} lists a seed more than once")


def check_reference(where: str, field: str, value: object) -> None:
    """A string "module:name"."""
    holds = isinstance(value, str) and re.fullmatch(r"[\w.]+:[\w.]+", value) is not None
    require(holds, f"{where}: {field} must be of the form 'module:name'", value)


def check_options(where: str, field: str, value: object) -> None:
    """A mapping that can be written into a record."""
    check_mapping(where, field, value)
    _check_plain(where, field, value)


def _check_plain(where: str, field: str, value: Any) -> None:
    """Text, numbers, booleans, None, sequences and mappings of these."""
    if isinstance(value, Mapping):
        check_mapping(where, field, value)
        for key, item in value.items():
            _check_plain(where, f"{field}[{key!r}]", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _check_plain(where, f"{field}[{index}]", item)
    else:
        holds = value is None or isinstance(value, str | int) or (isinstance(value, float) and isfinite(value))
        require(holds, f"{where}: {field} must be a plain value (text, finite number, list or mapping)", value)
