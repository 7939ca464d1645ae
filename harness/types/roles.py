"""The role of an option: whether it changes what is measured, only the seed, only the speed, or only where things are.

An option says its role once, where it is declared (:func:`option`). Keys of results and of stages, "the same system but
for the seed", and "the same work in another process" all follow from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

Role = Literal["measures", "seed", "selects", "speed", "places"]
Keyed = Literal["value", "changed", "default", "never"]

MEASURES: Role = "measures"
"""Changes what is learned or scored."""
SEED: Role = "seed"
"""Tells runs of one system apart."""
SELECTS: Role = "selects"
"""Chooses which units are scored, each of which is the same without the others."""
SPEED: Role = "speed"
"""Changes time, memory and the order of additions."""
PLACES: Role = "places"
"""Says where data, models and results are, and what may be fetched."""


def option(default: Any, role: Role, *, keyed: Keyed | None = None, once: Any = None) -> Any:
    """A dataclass field with its role; a type or a function as ``default`` makes the value.

    ``keyed`` says how keys of results hold the option: its "value"; its value where that is "changed" from the default;
    always its "default"; or "never". By default the value where the option measures or is the seed, else never. A new
    option that measures takes "changed", so that keys written before it stay valid. ``once`` is what keys hold in place of
    the default, where that had another name before.
    """
    if keyed is None:
        keyed = "value" if role in (MEASURES, SEED) else "never"
    made: Callable[..., Any] = dataclasses.field
    metadata = {"role": role, "keyed": keyed, "once": once}
    if callable(default):
        return made(default_factory=default, metadata=metadata)
    return made(default=default, metadata=metadata)


def role_of(field: dataclasses.Field[Any]) -> Role:
    """The role of a field; without one (an option of a third party's family) it measures."""
    found: Role = field.metadata.get("role", MEASURES)
    return found


def key_part(options: Any) -> dict[str, Any]:
    """Selects the options that decide a result, as plain values for a key."""
    plain = dataclasses.asdict(options)
    part = {}
    for field in dataclasses.fields(options):
        keyed = field.metadata.get("keyed", "value")
        usual = plain[field.name] == _default(field)
        if keyed == "value" or (keyed == "changed" and not usual):
            once = field.metadata.get("once")
            part[field.name] = once if usual and once is not None else plain[field.name]
        elif keyed == "default":
            part[field.name] = _default(field)
    return part


def recorded(options: Any) -> dict[str, Any]:
    """The options as plain values for a record: without those that keys leave out while they have their default."""
    plain = dataclasses.asdict(options)
    kept = [
        field.name
        for field in dataclasses.fields(options)
        if field.metadata.get("keyed") != "changed" or plain[field.name] != _default(field)
    ]
    return {name: plain[name] for name in kept}


def chosen(options: Any, role: Role) -> dict[str, Any]:
    """The options of a role, as plain values."""
    plain = dataclasses.asdict(options)
    return {field.name: plain[field.name] for field in dataclasses.fields(options) if role_of(field) == role}


def names(kind: type, role: Role) -> frozenset[str]:
    """The names of the options of a role in a dataclass."""
    return frozenset(field.name for field in dataclasses.fields(kind) if role_of(field) == role)


def without(role: Role, overrides: Mapping[str, Any], kinds: tuple[type, ...]) -> dict[str, Any]:
    """Overrides ("lr", "squad.seed") less those that have the role in every one of ``kinds`` that knows them."""
    return {key: _plain(value) for key, value in overrides.items() if not has_role(key, role, kinds)}


def has_role(key: str, role: Role, kinds: tuple[type, ...]) -> bool:
    """Tells whether an override ("squad.seed") has the role wherever it is an option; False for an unknown one."""
    name = key.rpartition(".")[2]
    found = {role_of(field) for kind in kinds for field in dataclasses.fields(kind) if field.name == name}
    return found == {role}


def _plain(value: Any) -> Any:
    """One spelling of a value: the command line gives text ("2e-5", "1"), Python numbers, of which 1 and 1.0 are one."""
    if isinstance(value, str):
        words = {"true": True, "false": False, "none": None}
        if value.lower() in words:
            return words[value.lower()]
        with suppress(ValueError, OverflowError):
            return _plain(float(value))
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _default(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return None
