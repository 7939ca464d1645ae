"""The identity of a run: the model, the options that measure, and the seed. Its units bear it, and no others belong to it.

Readers ask here which runs are one system except for the seed, so that all of them give the same answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from harness.core.sealed import sealed
from harness.types.benchmarks import Recipe
from harness.types.options import EvalOptions, TrainOptions
from harness.types.record import IdentityRecord
from harness.types.roles import MEASURES, SEED, SPEED, chosen, has_role, names, without

if TYPE_CHECKING:
    from harness.types.record import RunRecord, StageRecord


def run_identity(
    model: str, options: EvalOptions, recipe: Recipe, dtype: str, families: Iterable[type] = ()
) -> IdentityRecord:
    """The identity of a run: ``model`` (a fingerprint, or the name of a baseline), ``measures``, ``seed`` and ``sha256``.

    ``measures`` holds the options that measure and are not the defaults, the recipe and the precision; ``seed`` the
    overrides of the seed. ``families`` are the families' classes of options, which say the roles of theirs.
    """
    kinds = (TrainOptions, *families)
    own, default = chosen(options, MEASURES), chosen(EvalOptions(), MEASURES)
    measures = {name: value for name, value in own.items() if value != default[name]}
    if "language_adapters" in measures:
        # Not where they are. Their content is in the keys, so that another one sets aside only the units that it changes.
        measures["language_adapters"] = True
    given = without(SPEED, options.overrides, kinds)
    measures |= {
        "recipe": {"name": recipe.name, "version": recipe.version, "provider": recipe.provider},
        "dtype": dtype,
    }
    return _sealed(model, measures, given, kinds)


def identity_of(record: RunRecord) -> IdentityRecord:
    """The identity that a record bears, or, of one that was written before records bore it, what its options say."""
    if (identity := record.get("identity")) is not None:
        return identity
    model = record["model"]
    options: dict[str, Any] = {**record["options"]}
    measured = names(EvalOptions, MEASURES)
    default = _defaults()
    measures = {name: value for name, value in options.items() if name in measured and value != default[name]}
    given = without(SPEED, measures.pop("overrides", None) or {}, (TrainOptions,))
    return _sealed(str(model.get("fingerprint") or model.get("reference")), measures, given, (TrainOptions,))


def same_system(record: RunRecord, model: str, planned: IdentityRecord) -> bool:
    """Tells whether a record is of the model and the options of a planned run, as far as known without the model."""
    bare = [
        ({name: value for name, value in each["measures"].items() if name != "dtype"}, each["seed"])
        for each in (identity_of(record), planned)
    ]
    return record["model"].get("reference") == model and bare[0] == bare[1]


def same_but_for_the_seed(record: RunRecord) -> dict[str, Any]:
    """Yields what runs of one system have in common, by the name that users see."""
    identity = identity_of(record)
    measures = {**_defaults(), **identity["measures"]}
    overrides = measures.pop("overrides")
    return {
        "the model": identity["model"],
        **{f"option {name}": value for name, value in sorted(measures.items())},
        "--set": overrides,
        "the training": sorted(json.dumps(_training(stage), sort_keys=True) for stage in record["stages"]),
    }


def _defaults() -> dict[str, Any]:
    return json.loads(json.dumps(chosen(EvalOptions(), MEASURES)))  # type: ignore[no-any-return]


def _training(stage: StageRecord) -> list[Any]:
    """The data of a stage, and its options except the seed and those that only change the speed."""
    other = names(TrainOptions, SEED) | names(TrainOptions, SPEED)
    data = [
        [part["task"], part.get("version"), name, split["fingerprint"], part.get("objective")]
        for part in stage["tasks"]
        for name, split in part["data"].items()
    ]
    options = {name: value for name, value in stage["options"].items() if name not in other}
    return [data, options, *([adapters] if (adapters := stage.get("language_adapters")) else [])]


def without_seed(overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """Overrides less those of the seed."""
    return without(SEED, overrides or {}, (TrainOptions,))


def _sealed(
    model: str, measures: dict[str, Any], overrides: Mapping[str, Any], kinds: tuple[type, ...]
) -> IdentityRecord:
    seed = {key: value for key, value in overrides.items() if has_role(key, SEED, kinds)}
    rest = {key: value for key, value in overrides.items() if key not in seed}
    content = {
        "model": model,
        "measures": {
            **{k: v for k, v in measures.items() if k != "overrides"},
            **({"overrides": rest} if rest else {}),
        },
        "seed": seed,
    }
    return cast(IdentityRecord, sealed(content))
