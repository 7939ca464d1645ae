"""Options by keyword, as the command line and Python take them, and the options object that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, replace
from inspect import Parameter, signature
from os import PathLike, fspath
from typing import Any, TypedDict, TypeVar

from harness.core.errors import UsageError, did_you_mean
from harness.types.options import EvalOptions, ObjectiveOptions, TrainOptions

F = TypeVar("F", bound=Callable[..., Any])

TEXTS = ("via", "train_on", "select_on", "perturb", "track")
"""Options that are several texts; one alone may be given as it is."""
OVERRIDES = ("seed", "objective", "layer", "pool", "prompt", "index", "peft")
"""Options of training and of families that have a keyword of their own; None is the default."""

FLAGS = {"task": "tasks", "language": "languages", "stages": "stages_dir", "compile": "compiled", "set": "overrides"}
"""Options of the command line whose keywords have another name."""


class Keywords(TypedDict, total=False):
    """The keywords of :func:`harness.evaluate` that are options of a run, named as on the command line.

    They are the fields of :class:`~harness.types.options.EvalOptions`, ``with_mlm``, and some single options. Every other
    option of a recipe is given by ``overrides={"lr": 1e-5}`` (``--set lr=1e-5``).
    """

    split: str
    via: str | Sequence[str]
    with_mlm: bool
    select_on: str | Sequence[str]
    perturb: str | Sequence[str]
    mixed_pairs: bool
    train: str
    train_on: str | Sequence[str]
    test_on: str
    recipe: str
    overrides: Mapping[str, Any]
    seed: int | None
    objective: str | None
    layer: int | str | None
    pool: str | None
    prompt: str | None
    index: str | None
    peft: str | None
    limit: int | None
    train_limit: int | None
    device: str
    dtype: str
    quant: str
    attention: str
    pair_missing: str
    language_adapters: str | PathLike[str] | None
    adapter_fallback: str
    batch_tokens: int | None
    compiled: bool
    data_dir: str | PathLike[str] | None
    offline: bool
    stages_dir: str | PathLike[str] | None
    allow_pickle: bool
    trust_remote_code: str | None
    track: str | Sequence[str]


def with_keywords(options: EvalOptions | None, keywords: Mapping[str, Any]) -> EvalOptions:
    """The options with these keywords changed. UsageError for one that does not exist, or cannot have its value."""
    values = dict(keywords)
    known = Keywords.__annotations__
    for name in values:
        if name not in known:
            single = {field.name for kind in (TrainOptions, ObjectiveOptions) for field in fields(kind)}
            if name in single:
                hint = f"overrides={{{name!r}: ...}}, as --set on the command line"
            else:
                hint = f"--{name} of the command line is {FLAGS[name]}=" if name in FLAGS else did_you_mean(name, known)
            raise UsageError(f"unknown option {name!r}", hint=hint)
    base = options or EvalOptions()
    given = dict(values.pop("overrides", None) or {})
    for name in OVERRIDES:
        if (value := values.pop(name, None)) is None:
            continue
        if str(given.setdefault(name, value)) != str(value):
            raise UsageError(
                f"{name} is given twice, as {value} and, among the options of --set (overrides=), as {given[name]}",
                hint="leave one of them out",
            )
    overrides = {**base.overrides, **given}
    for name in TEXTS:
        if name in values:
            values[name] = texts(values[name])
    for name in ("data_dir", "stages_dir", "language_adapters"):
        if values.get(name) is not None:
            values[name] = fspath(values[name])
    if values.pop("with_mlm", False):
        via = values.get("via", base.via)
        values["via"] = tuple(f"{stage}+mlm" for stage in via) or ("mlm",)
    return replace(base, overrides=overrides, **values)


def texts(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """A text, several, or none, as a tuple: ``texts("xnli") == ("xnli",)``."""
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)


def shows_keywords(function: F) -> F:
    """Lists every keyword in the signature of a function that takes ``**keywords``, for help and notebooks."""
    shown = signature(function)
    own = [parameter for parameter in shown.parameters.values() if parameter.kind is not Parameter.VAR_KEYWORD]
    defaults = {field.name: getattr(EvalOptions(), field.name) for field in fields(EvalOptions)}
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=defaults.get(name, False if name == "with_mlm" else None))
        for name in Keywords.__annotations__
    ]
    function.__signature__ = shown.replace(parameters=[*own, *added])  # type: ignore[attr-defined]
    return function
