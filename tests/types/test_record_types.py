"""The types of a record and its JSON Schema say the same: fields, which of them may be absent, and their values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

from harness.runs._schema import record_schema
from harness.types import record as types
from harness.types.options import EvalOptions

SCHEMA = record_schema()
RECORDS = {name: value for name, value in vars(types).items() if is_typeddict(value)}
PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}


def object_schema(name: str) -> dict[str, Any]:
    found: dict[str, Any] = SCHEMA if name == "RunRecord" else SCHEMA["$defs"][name]
    return found


def names_of_types(site: Any) -> set[str]:
    named = site["type"]
    return {named} if isinstance(named, str) else set(named)


def unlike(place: str, kind: Any, site: Any) -> Iterator[str]:
    """Where the schema of a value (``site``) does not say what its type does."""
    if get_origin(kind) is NotRequired:
        (kind,) = get_args(kind)
    if kind is Any:
        return
    parts = get_args(kind) if get_origin(kind) in (UnionType, Union) else (kind,)
    wanted: set[str] = set()
    for part in parts:
        if is_typeddict(part):
            wanted.add("object")
            if site.get("$ref") != f"#/$defs/{part.__name__}":
                yield f"{place}: {part.__name__} expected, not {site.get('$ref')}"
        elif get_origin(part) is list:
            wanted.add("array")
            inner = {**SCHEMA["$defs"].get(str(site.get("$ref")).rpartition("/")[2], {}), **site}
            yield from unlike(f"{place}[]", get_args(part)[0], inner.get("items"))
        elif get_origin(part) is dict:
            wanted.add("object")
            yield from unlike(f"{place}.*", get_args(part)[1], site.get("additionalProperties"))
        elif get_origin(part) is Literal:
            wanted.add("string")
            if tuple(site.get("enum", ())) != get_args(part):
                yield f"{place}: one of {get_args(part)} expected, not {site.get('enum')}"
        else:
            wanted.add(PLAIN[part])
    if names_of_types(site) != wanted:
        yield f"{place}: {sorted(wanted)} expected, not {site['type']}"


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_types_and_schema_have_the_same_fields_and_values(name: str) -> None:
    hints = get_type_hints(RECORDS[name], include_extras=True)
    schema = object_schema(name)
    assert set(schema["properties"]) == set(hints)
    needed = {field for field, kind in hints.items() if get_origin(kind) is not NotRequired}
    assert set(schema.get("required", ())) == needed
    wrong = [text for field, kind in hints.items() for text in unlike(field, kind, schema["properties"][field])]
    assert not wrong, "\n".join(wrong)


def test_the_schema_has_no_object_that_the_types_lack() -> None:
    assert {name for name in SCHEMA["$defs"] if name.endswith("Record")} == set(RECORDS) - {"RunRecord"}


def test_the_options_of_a_record_are_those_of_an_evaluation() -> None:
    assert set(get_type_hints(types.OptionsRecord)) == {field.name for field in fields(EvalOptions)}
