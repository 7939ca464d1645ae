"""The shape that a record must have to be read: checked once, when it is loaded, so that no reader can stumble later.

``record.schema.json`` says what each field may be; what it cannot say, such as an average over languages that no unit
has, is checked here. The validator is jsonschema-rs: with a schema compiled in 2 ms it checks a record of 300 units in
4 ms, for which jsonschema takes 150 ms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

from harness.core.json_schema import schema_errors
from harness.types.record import RunRecord, UnitRecord
from harness.types.units import Unit

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

_WORDS = {"string": "text", "array": "list", "object": "table", "boolean": "true or false", "integer": "whole number"}
"""Words for the types of JSON Schema; the others go by their own names."""


def misfit(record: Mapping[str, Any], *, whole: bool = True) -> str:
    """Finds where a record is not what readers rely on, and what is expected there; "" where it is sound.

    Without ``whole``, fields may be absent: a folder of predictions from another program has few of them.
    """
    error = next(iter(schema_errors(_validator(whole), record)), None)
    return _in_words(error) if error is not None else next(_contradictions(cast(RunRecord, record)), "")


def record_schema() -> dict[str, Any]:
    """The JSON Schema of a record."""
    return dict(json.loads((files("harness.runs") / "record.schema.json").read_text(encoding="utf-8")))


@cache
def _validator(whole: bool) -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator

    schema = record_schema()
    return Draft202012Validator(schema if whole else {**schema, "required": []})


def _in_words(error: ValidationError) -> str:
    """``units.xnli/sw/test.score.n: whole number expected, not "much"``."""
    place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.instance_path)
    what = error.kind.as_dict()
    if "property" in what:  # that is required
        return f"{place}.{what['property']}: missing".removeprefix(".")
    if "types" in what:
        expected = " or ".join(_WORDS.get(name, name) for name in what["types"])
        return f"{place}: {expected} expected, not {_shown(error.instance)}".removeprefix(".")
    match error.schema_path:
        case ["$defs", str(name), _] if name.islower():
            return f"{place}: {name.replace('_', ' ')} expected, not {_shown(error.instance)}".removeprefix(".")
    return f"{place}: {error.message}".removeprefix(".")


def _contradictions(record: RunRecord) -> Iterator[str]:
    """Parts of a record of the right shape that do not fit together."""
    units = record.get("units", {})
    for kind, keys in (("units", units), ("missing", record.get("missing", {})), ("failed", record.get("failed", {}))):
        for key in keys:
            try:
                Unit.of(key)
            except ValueError as error:
                yield f"{kind}: {error}"
    sessions = len(record.get("sessions", ()))
    names: dict[tuple[str, str], set[str]] = {}
    for key, unit in units.items():
        if sessions and unit.get("session", 0) >= sessions:
            yield f"units.{key}.session: there are only {sessions} sessions"
        if unit["score"] is not None:
            of = Unit.of(key)
            found = set(unit["score"]["metrics"])
            if unit["labels"] is None or not found:
                yield f"units.{key}: a score without {'labels' if found else 'metrics'}"
            # Some numbers need not be of all languages; those that make the score do.
            common = names[of.task, of.split] = names.get((of.task, of.split), found) & found
            if found and not (common and found.issuperset(record.get("primary", {}).get(of.task, ()))):
                yield f"units.{key}.score.metrics: not those of the other languages"
    if units and "reference" not in record.get("model", {}):
        yield "model.reference: missing"
    yield from _averages(record, units)


def _averages(record: RunRecord, units: Mapping[str, UnitRecord]) -> Iterator[str]:
    """Scores of languages that no unit has."""
    scores = record.get("scores")
    split = record.get("options", {}).get("split", "test")
    for task, averaged in scores["tasks"].items() if scores else ():
        if not averaged["metrics"]:
            yield f"scores.tasks.{task}.metrics: empty"
        for metric, values in averaged["metrics"].items():
            for code in values["languages"]:
                unit = units.get(Unit(task, code, split).key)
                if unit is None or unit["score"] is None or metric not in unit["score"]["metrics"]:
                    yield f"scores.tasks.{task}.metrics.{metric}.languages.{code}: no unit has this score"


def _shown(value: object) -> str:
    written = json.dumps(value)
    return written if len(written) <= 60 else written[:57] + "..."
