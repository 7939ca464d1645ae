"""The shape that a record must have to be reported: checked once, so that no view of it can stumble later."""

from __future__ import annotations

from typing import Any

_TEXT = (str, int, float, bool, type(None))
_TRANSLATIONS = [{"from": (str, type(None)), "to": str, "origin": str, "system": str, "*": object}]

_SHAPE: dict[str, Any] = {
    "benchmark": (str, type(None)),
    "model": {"*": object},
    "options": {"split?": str, "via?": [str], "recipe?": {"*": _TEXT}, "overrides?": {"*": object}, "*": object},
    "partial": [str],
    "missing": {"*": object},
    "failed": {"*": object},
    "units": {
        "*": {
            "score": ({"n": int, "metrics": {"*": dict}, "warnings?": [str], "*": object}, type(None)),
            "data?": ({"notes?": [str], "*": object}, type(None)),
            "*": object,
        }
    },
    "stages": [
        {
            "key": str,
            "name": str,
            "options": dict,
            "parent?": dict,
            "tasks?": [{"task": str, "data?": {"train?": {"notes?": [str], "*": object}, "*": object}, "*": object}],
            "dev_score?": (int, float, type(None)),
            "loss?": ([[(int, float)]], type(None)),
            "dev?": ([{"step": (int, float), "score": (int, float), "*": object}], type(None)),
            "*": object,
        }
    ],
    "scores": (
        {
            "overall": (int, float, type(None)),
            "groups": {"*": (int, float, type(None))},
            "tasks": {"*": {"metrics": {"*": {"languages": dict, "*": object}}, "*": object}},
            "missing?": {"*": [str]},
            "*": object,
        },
        type(None),
    ),
    "resources?": {
        "labels?": [str],
        "text?": [str],
        "images?": [str],
        "translations_train?": _TRANSLATIONS,
        "translations_test?": _TRANSLATIONS,
        "*": object,
    },
    "primary?": {"*": [str]},
    "by_item?": [str],
    "robustness?": (
        {
            "*": {
                "*": {
                    "languages": {
                        "*": {
                            "clean": (int, float),
                            "perturbed": (int, float),
                            "loss": (int, float),
                            "low": (int, float, type(None)),
                            "high": (int, float, type(None)),
                            "n": int,
                            "changed": int,
                            "*": object,
                        }
                    },
                    "*": object,
                }
            }
        },
        type(None),
    ),
    "harness?": {"git?": (dict, type(None)), "*": object},
    "environment?": {"packages?": dict, "*": object},
    "timings?": {"seconds?": (int, float), "*": object},
    "command?": [str],
    "*": object,
}
"""Types by key: a tuple lists what may stand there, a list holds the shape of its items, ``?`` marks what may be absent
and ``*`` any other key."""


def check_shape(record: Any) -> None:
    """TypeError or KeyError naming the place where a record is not what :data:`_SHAPE` says."""
    _check(record, _SHAPE, "record")
    for key in (*record["units"], *record["missing"], *record["failed"]):
        if key.count("/") != 2:
            raise ValueError(f"{key!r} is not task/language/split")


def _check(value: Any, shape: Any, where: str) -> None:
    if isinstance(shape, tuple):
        if not any(_fits(value, option) for option in shape):
            raise TypeError(f"{where} is {type(value).__name__}")
        shape = next(option for option in shape if _fits(value, option))
    elif not _fits(value, shape):
        raise TypeError(f"{where} is {type(value).__name__}")
    if isinstance(shape, list):
        for index, item in enumerate(value):
            _check(item, shape[0], f"{where}[{index}]")
    elif isinstance(shape, dict):
        named = {key.removesuffix("?"): (key, inner) for key, inner in shape.items() if key != "*"}
        for name, (key, inner) in named.items():
            if name in value:
                _check(value[name], inner, f"{where}.{name}")
            elif not key.endswith("?"):
                raise KeyError(f"{where}.{name}")
        if "*" in shape:
            for name in value.keys() - named.keys():
                _check(value[name], shape["*"], f"{where}.{name}")


def _fits(value: Any, option: Any) -> bool:
    kind = option if isinstance(option, type) else type(option)
    if isinstance(option, tuple):
        return any(_fits(value, inner) for inner in option)
    if kind in (int, float) and isinstance(value, bool):
        return False
    return isinstance(value, kind)
