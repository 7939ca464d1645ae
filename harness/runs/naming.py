"""Names of run folders: readable, the same for the same command, and never one for two systems."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.models.loaded import model_reference
from harness.models.reference import default_recipe
from harness.types.options import EvalOptions, TrainOptions
from harness.types.roles import MEASURES, SPEED, chosen, without

if TYPE_CHECKING:
    from harness.models.loaded import LoadedModel
    from harness.models.reference import ModelReference

PAGE = "report.html"
"""The HTML report of a run, in its folder."""
_SHOWN = 40
"""Characters of options in a name; the digest behind them tells the rest."""


def system_name(reference: ModelReference, via: Sequence[str]) -> str:
    """``<model>[-via-<stages>]``: ``xlm-roberta-base-via-mnli--squad``.

    A digest follows where a stage's name cannot be written in a folder's name as it is.
    """
    if not via:
        return reference.slug
    plain = "--".join(_plain(stage) for stage in via)
    exact = all(stage == _plain(stage) and "--" not in stage for stage in via)
    return f"{reference.slug}-via-{plain}" + ("" if exact else f"-{digest(list(via))}")


def default_out(
    model: str | ModelReference | LoadedModel,
    benchmark: str | None,
    tasks: Sequence[str],
    options: EvalOptions | None = None,
) -> Path:
    """The run folder of :func:`harness.evaluate` without ``out``: ``runs/`` and :func:`run_name`."""
    return Path("runs") / run_name(model_reference(model), benchmark, tasks, options or EvalOptions())


def run_name(reference: ModelReference, benchmark: str | None, tasks: Sequence[str], options: EvalOptions) -> str:
    """``<system>-<benchmark or tasks>[-<options>-<digest>]``, with the options that are not the defaults.

    Options that only change speed or places are left out: the same run can continue with other ones.
    """
    what = benchmark or "-".join("".join(c for c in task if c.isalnum()) for task in tasks) or "all"
    parts = [system_name(reference, options.via), what]
    if options.split != "test":
        parts.append(_plain(options.split))
    changed = _changed(options, reference)
    if changed:
        shown = "-".join(f"{_short(name)}{_value(value)}" for name, value in changed.items())[:_SHOWN].rstrip("-.")
        parts += [shown, digest(changed)]
    return "-".join(parts)


def digest(content: Any) -> str:
    """Eight hexadecimal digits of the sha256 of plain values."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]


def _changed(options: EvalOptions, reference: ModelReference) -> dict[str, Any]:
    """Lists options that measure something else than the default, without the stages and the split, which the name has."""
    own, default = chosen(options, MEASURES), chosen(type(options)(), MEASURES)
    found = {name: value for name, value in own.items() if value != default[name]}
    for named in ("via", "split", "overrides"):
        found.pop(named, None)
    if options.recipe == default_recipe(reference):
        found.pop("recipe")
    elif options.recipe.endswith(".toml"):
        found["recipe"] = str(Path(options.recipe).expanduser().resolve())
    if options.language_adapters:
        found["language_adapters"] = Path(options.language_adapters.replace("{language}", "")).name
    overrides = without(SPEED, options.overrides, (TrainOptions,))
    return json.loads(json.dumps({**found, **overrides}))  # type: ignore[no-any-return]


def _short(name: str) -> str:
    return {"train": "train-", "recipe": ""}.get(name, _plain(name).replace("_", ""))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "-".join(map(_value, value))
    return _plain(Path(str(value)).stem if str(value).endswith(".toml") else str(value))


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip("-.")
