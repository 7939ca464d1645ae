"""The shape that a record must have to be read: checked once, when it is loaded, so that no reader can stumble later.

A shape is a function of a value (its name says what is expected), a list that holds the shape of the items, a tuple
``(None, shape)`` where null may stand, or a table of shapes by key: ``?`` marks what may be absent, and ``*`` is any
other key, which by default may hold anything. It is not JSON Schema, which takes a tenth of a second for a benchmark.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from harness.types.units import Unit

Check = Callable[[Any], str]
"""Says where a value is not of a shape and what is expected there; "" where it is of it."""


def anything(value: object) -> bool:
    """Any value."""
    return True


def nothing(value: object) -> bool:
    """No value: the key has no place there."""
    return False


def text(value: object) -> bool:
    """A string."""
    return isinstance(value, str)


def path(value: object) -> bool:
    """A string that can be the name of a file."""
    return isinstance(value, str) and "\0" not in value


def number(value: object) -> bool:
    """A finite number that arithmetic cannot take out of the range."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def count(value: object) -> bool:
    """A whole number, not negative."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def positive_count(value: object) -> bool:
    """A whole number from 1."""
    return count(value) and value != 0


def whole_number(value: object) -> bool:
    """A whole number that fits into 64 bits."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def two_numbers(value: object) -> bool:
    """A pair: the ends of an interval, a step and its loss."""
    return isinstance(value, list) and len(value) == 2 and all(map(number, value))


def yes_or_no(value: object) -> bool:
    """A boolean."""
    return isinstance(value, bool)


def single_value(value: object) -> bool:
    """No list and no table."""
    return not isinstance(value, list | dict)


_ANY = {"*": anything}
_NUMBERS = {"*": (None, number)}
_INTERVAL = (None, two_numbers)
_FILE = {"file": path, "sha256": text}
_ESTIMATE = {"value": number, "stderr?": (None, number), "low?": (None, number), "high?": (None, number), "*": nothing}
_HARNESS = {"version": text, "git?": (None, {"commit": text, "dirty": yes_or_no})}
_ENVIRONMENT = {"packages?": _ANY}
_TRANSLATION = {"from": (None, text), "to": text, "origin": text, "system": text}
_RESOURCES = {
    "labels?": [text],
    "text?": [text],
    "images?": [text],
    "parallel?": [anything],
    "translations_train?": [_TRANSLATION],
    "translations_test?": [_TRANSLATION],
}
_DATA = {"fingerprint": text, "rows?": (None, count), "expected?": (None, count), "notes?": [text]}
_UNIT = {
    "key": text,
    "run?": text,
    "session?": count,
    "checkpoint?": text,
    "task_version": whole_number,
    "provider": text,
    "examples": count,
    "data": _DATA,
    "resources?": _RESOURCES,
    "predictions": _FILE,
    "labels": (None, _FILE),
    "facts?": {"against_fp32?": {"examples": count, "changed": count}},
    "score": (None, {"n": positive_count, "metrics": {"*": _ESTIMATE}, "warnings": [text]}),
}
_STAGE = {
    "key": text,
    "name": text,
    "parent": {"stage?": text, "model?": text},
    "tasks": [{"task": text, "data": {"train": _DATA, "*": _DATA}}],
    "options": {"seed": whole_number},
    "lineage?": [text],
    "resources?": _RESOURCES,
    "dev_score?": (None, number),
    "selected_step?": (None, number),
    "loss?": (None, [two_numbers]),
    "dev?": (None, [{"step": number, "score": number}]),
}
_SCORES = {
    "overall": (None, number),
    "groups": _NUMBERS,
    "tasks": {
        "*": {"score": (None, number), "metrics": {"*": {"average": (None, number), "languages": {"*": number}}}}
    },
    "missing?": {"*": [text]},
    "intervals?": {"overall?": _INTERVAL, "groups?": {"*": _INTERVAL}, "*": {"*": {"*": _INTERVAL}}},
}
_LOSS = {
    "clean": number,
    "perturbed": number,
    "loss": number,
    "low": (None, number),
    "high": (None, number),
    "n": positive_count,
    "changed": count,
}
_RECORD: dict[str, Any] = {
    "harness": _HARNESS,
    "command": [text],
    "created": text,
    "finished": (None, text),
    "environment": _ENVIRONMENT,
    "sessions?": [{"command": [text], "harness": _HARNESS, "environment": _ENVIRONMENT}],
    "identity?": (None, {"model": text, "measures": _ANY, "seed": _ANY, "sha256": text}),
    "model": {"reference?": path, "kind?": text, "revision?": (None, text), "fingerprint?": (None, text)},
    "benchmark": (None, text),
    "options": {
        "split?": path,
        "via?": [text],
        "recipe?": {"*": single_value},
        "overrides?": _ANY,
        "select_on?": [text],
        "train_limit?": (None, positive_count),
    },
    "partial": [text],
    "missing": {"*": text},
    "failed": {"*": text},
    "units": {"*": _UNIT},
    "stages": [_STAGE],
    "scores": (None, _SCORES),
    "resources?": {**_RESOURCES, "intermediate": [text]},
    "primary?": {"*": [text]},
    "by_item?": [text],
    "robustness?": (None, {"*": {"*": {"loss?": (None, number), "languages": {"*": _LOSS}}}}),
    "timings?": {"seconds?": number, "phases?": {"*": number}},
}


def misfit(record: Mapping[str, Any], *, whole: bool = True) -> str:
    """Where a record is not what readers rely on, and what is expected there; "" where it is.

    Without ``whole``, fields may be absent: a folder of predictions that somebody wrote says little about them.
    """
    wrong = (_WHOLE if whole else _SOME)(record)
    return wrong.removeprefix(".") or next(_contradictions(record), "")


def _contradictions(record: Mapping[str, Any]) -> Iterator[str]:
    """Parts of a record of the right shape that do not fit together."""
    units = record.get("units", {})
    for kind in ("units", "missing", "failed"):
        for key in record.get(kind, ()):
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
            elif names.setdefault((of.task, of.split), found) != found:
                yield f"units.{key}.score.metrics: not those of the other languages"
    if units and "reference" not in record.get("model", {}):
        yield "model.reference: missing"
    yield from _averages(record, units)


def _averages(record: Mapping[str, Any], units: Mapping[str, Any]) -> Iterator[str]:
    """Scores of languages that no unit has."""
    scores = record.get("scores") or {}
    split = record.get("options", {}).get("split", "test")
    for task, entry in scores.get("tasks", {}).items():
        if not entry["metrics"]:
            yield f"scores.tasks.{task}.metrics: empty"
        for metric, values in entry["metrics"].items():
            for code in values["languages"]:
                unit = units.get(Unit(task, code, split).key) or {}
                if metric not in (unit.get("score") or {"metrics": ()})["metrics"]:
                    yield f"scores.tasks.{task}.metrics.{metric}.languages.{code}: no unit has this score"


def _compiled(shape: Any) -> Check:
    if isinstance(shape, tuple):
        inner = _compiled(shape[1])
        return lambda value: "" if value is None else inner(value)
    if isinstance(shape, list):
        return _list(_compiled(shape[0]))
    return _table(shape) if isinstance(shape, dict) else _single(shape)


def _single(holds: Callable[[object], bool]) -> Check:
    expected = holds.__name__.replace("_", " ")
    return lambda value: "" if holds(value) else f": {expected} expected, not {_shown(value)}"


def _list(check: Check) -> Check:
    def found(value: Any) -> str:
        if not isinstance(value, list):
            return f": list expected, not {_shown(value)}"
        return next((f"[{index}]{wrong}" for index, item in enumerate(value) if (wrong := check(item))), "")

    return found


def _table(shape: Mapping[str, Any]) -> Check:
    checks = {name.removesuffix("?"): _compiled(inner) for name, inner in shape.items() if name != "*"}
    needed = [name for name in shape if name != "*" and not name.endswith("?")]
    rest = _compiled(shape.get("*", anything))

    def found(value: Any) -> str:
        if not isinstance(value, dict):
            return f": table expected, not {_shown(value)}"
        for name in needed:
            if name not in value:
                return f".{name}: missing"
        for name, item in value.items():
            if wrong := checks.get(name, rest)(item):
                return f".{name}{wrong}"
        return ""

    return found


def _shown(value: object) -> str:
    written = json.dumps(value)
    return written if len(written) <= 60 else written[:57] + "..."


_WHOLE = _compiled(_RECORD)
_SOME = _compiled({name if name.endswith("?") else f"{name}?": inner for name, inner in _RECORD.items()})
