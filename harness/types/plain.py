"""Frozen values to plain JSON and back, each field checked against its annotation."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from harness.core.errors import DataError, HarnessError, did_you_mean

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A value as JSON holds it: dataclasses and mappings as objects, tuples as lists, paths as text.

    :class:`~harness.core.errors.DataError` for what JSON has no word for.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and abs(value) < float("inf")):
        return value
    raise DataError(f"{value!r}: a text, a finite number, a list or a mapping expected")


def from_plain(kind: type[T], plain: Any, where: str) -> T:
    """The dataclass ``kind`` that :func:`to_plain` was given; ``where`` begins the message of what is wrong.

    Fields that are not there have their defaults. :class:`~harness.core.errors.DataError` names the field.
    """
    if not isinstance(plain, dict):
        raise DataError(f"{where}: an object expected, not {_shown(plain)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    for name in plain:
        if name not in fields:
            raise DataError(f"{where}: unknown field {name!r}", hint=did_you_mean(name, fields))
    for name, field in fields.items():
        if name not in plain and field.default is field.default_factory is dataclasses.MISSING:
            raise DataError(f"{where}: the field {name!r} is missing")
    values = {name: _value(hints[name], value, f"{where}: {name}") for name, value in plain.items()}
    try:
        return kind(**values)
    except HarnessError as error:
        raise DataError(f"{where}: {error}", hint=error.hint) from None


def _value(hint: Any, value: Any, where: str) -> Any:
    """The value of a field as its annotation wants it."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        return _value(next(each for each in arguments if each is not type(None)), value, where)
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return from_plain(hint, value, where)
    if origin is tuple:
        if isinstance(value, list):
            return tuple(_value(arguments[0], item, where) for item in value)
    elif origin is Literal:
        if value in arguments:
            return value
    elif hint is Any:
        return value
    elif origin is not None and issubclass(origin, Mapping):
        if isinstance(value, dict):
            return {key: _value(arguments[1], item, f"{where}[{key!r}]") for key, item in value.items()}
    elif isinstance(value, int) and not isinstance(value, bool) and hint is float:
        return float(value)
    elif isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise DataError(f"{where}: {_wanted(hint)} expected, not {_shown(value)}")


def _wanted(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(repr(each) for each in get_args(hint))
    kind = get_origin(hint) or hint
    return {tuple: "a list", str: "a text", int: "a whole number", float: "a number", bool: "true or false"}.get(
        kind, "an object"
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
