"""An option says once whether it measures, is the seed, or only changes speed or places; everything else follows from it."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.errors import UsageError
from harness.registry.default import get_registry
from harness.report.seeds import over_seeds
from harness.results.run_view import view
from harness.results.systems import load_systems
from harness.runs.identity import run_identity
from harness.runs.naming import default_out
from harness.runs.record import new_record, save_record
from harness.training.context import options_of
from harness.types.options import EvalOptions, TrainOptions
from harness.types.roles import MEASURES, PLACES, SEED, SELECTS, SPEED, key_part, option, role_of

OTHER = {
    "split": "dev",
    "via": ("mnli",),
    "select_on": ("sw",),
    "perturb": ("drop",),
    "mixed_pairs": True,
    "train": "never",
    "train_on": ("xnli[de]",),
    "test_on": "translated",
    "recipe": "stilts",
    "overrides": {"lr": 1e-3},
    "limit": 5,
    "train_limit": 5,
    "device": "cuda",
    "dtype": "bf16",
    "quant": "4bit",
    "attention": "eager",
    "pair_missing": "self",
    "language_adapters": "elsewhere",
    "adapter_fallback": "none",
    "batch_tokens": 7,
    "compiled": True,
    "data_dir": "elsewhere",
    "offline": True,
    "stages_dir": "elsewhere",
    "allow_pickle": True,
    "trust_remote_code": "org/name@" + "0" * 40,
    "track": ("wandb",),
}
"""Another value than the default for every option of a run."""


def kinds() -> list[type]:
    """Every dataclass of options that comes with the harness."""
    families = [options_of(family) for family in get_registry().families().values()]
    return [EvalOptions, TrainOptions, *(kind for kind in families if kind is not None)]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__qualname__)
def test_every_option_has_a_role(kind: type) -> None:
    lacking = [field.name for field in dataclasses.fields(kind) if "role" not in field.metadata]
    assert lacking == [], f"declare them with harness.types.roles.option: {lacking}"


def test_every_option_of_a_run_is_tried_here() -> None:
    assert set(OTHER) == {field.name for field in dataclasses.fields(EvalOptions)}


def identity(options: EvalOptions) -> dict[str, Any]:
    registry = get_registry()
    recipe = registry.recipe("xtreme" if options.recipe == "auto" else options.recipe)
    dtype = "fp32" if options.dtype == "auto" else options.dtype
    return run_identity("f" * 64, options, recipe, dtype)


def record(options: EvalOptions, seed: int) -> dict[str, Any]:
    """The record of a run with these options, as a run writes it, with a unit that its seed tells apart."""
    options = dataclasses.replace(options, overrides={**options.overrides, "seed": seed})
    found = identity(options)
    stage = {"key": str(seed), "name": "a", "parent": {}, "tasks": [], "options": {"seed": seed}}
    estimate = {"value": 50.0, "stderr": 1.0, "low": 40.0, "high": 60.0}
    unit = {
        "key": f"{seed}",
        "run": found["sha256"],
        "task_version": 1,
        "provider": "p",
        "examples": 4,
        "data": {"fingerprint": "d", "rows": 4, "expected": 4, "source": "s", "state": "present", "notes": []},
        "predictions": {"file": "predictions/a", "sha256": "0"},
        "labels": {"file": "labels/a", "sha256": "0"},
        "facts": {},
        "score": {"n": 4, "metrics": {"accuracy": estimate}, "warnings": []},
    }
    return {
        **new_record(),
        "identity": found,
        "model": {"reference": "org/model", "fingerprint": "f" * 64},
        "options": {
            **json.loads(json.dumps(dataclasses.asdict(options))),
            "device": "cpu",
            "dtype": found["measures"]["dtype"],
            "recipe": found["measures"]["recipe"],
        },
        "stages": [stage],
        "units": {f"xnli/sw/{options.split}": unit},
    }


@pytest.mark.parametrize("name", OTHER)
def test_only_what_measures_parts_systems_folders_and_identities(name: str, tmp_path: Path) -> None:
    (field,) = [field for field in dataclasses.fields(EvalOptions) if field.name == name]
    default, other = EvalOptions(), dataclasses.replace(EvalOptions(), **{name: OTHER[name]})
    measures = role_of(field) == MEASURES
    assert (identity(default)["sha256"] != identity(other)["sha256"]) == measures
    assert (
        default_out("org/model", "xtreme", (), default) != default_out("org/model", "xtreme", (), other)
    ) == measures

    made = [record(default, 1), record(other, 2)]
    for number, content in enumerate(made):
        (tmp_path / str(number)).mkdir()
        save_record(tmp_path / str(number), content)
    pair = [tmp_path / "0", tmp_path / "1"]
    if measures:
        with pytest.raises(UsageError, match="not seeds of one system"):
            load_systems([pair])
    else:
        (system,) = load_systems([pair])
        assert len(system.runs) == 2
    tables = list(over_seeds([view(content, str(number)) for number, content in enumerate(made)]))
    assert bool(tables) != measures  # the report has means over seeds of one system only


def test_an_override_that_only_changes_speed_is_no_other_system_and_a_seed_no_other_system_either() -> None:
    plain = identity(EvalOptions())
    fast = identity(EvalOptions(overrides={"batch_tokens": 64, "squad.save_every": 7}))
    seeded = identity(EvalOptions(overrides={"squad.seed": 7}))
    assert fast == plain
    assert seeded["measures"] == plain["measures"] and seeded["sha256"] != plain["sha256"]
    assert identity(EvalOptions(overrides={"lr": 1.0}))["measures"] != plain["measures"]


def test_one_value_is_one_system_however_it_is_written() -> None:
    def given(**overrides: Any) -> str:
        return str(identity(EvalOptions(overrides=overrides))["sha256"])

    assert given(lr="2e-5", max_steps="1", keep_head="true") == given(lr=0.00002, max_steps=1.0, keep_head=True)
    assert given(epochs="3") == given(epochs=3.0) != given(epochs=3.5)
    assert given(lr="nan") != given(lr="inf") and given(peft="lora") != given(peft="dora")


def test_a_new_option_leaves_old_keys_as_they_are_until_it_is_changed() -> None:
    @dataclasses.dataclass(frozen=True)
    class Before:
        lr: float = option(0.1, MEASURES)
        foreign: int = 3  # of a third party, without a role

    @dataclasses.dataclass(frozen=True)
    class After(Before):
        smoothing: float = option(0.0, MEASURES, keyed="changed")
        threads: int = option(1, SPEED)
        blocks: int = option(8, SPEED, keyed="default")

    assert key_part(After(threads=5)) == {**key_part(Before()), "blocks": 8}
    assert key_part(After(blocks=9)) == key_part(After())
    assert key_part(After(smoothing=0.1))["smoothing"] == 0.1
    assert key_part(Before(foreign=4)) != key_part(Before())


def test_roles_are_those_that_are_known() -> None:
    found = {role_of(field) for kind in kinds() for field in dataclasses.fields(kind)}
    assert found == {MEASURES, SEED, SELECTS, SPEED, PLACES}


paths = st.text("abc/. -@", min_size=1, max_size=6)
measured = st.fixed_dictionaries(
    {},
    optional={
        "limit": st.integers(1, 3),
        "train": st.sampled_from(["auto", "never"]),
        "via": st.lists(st.sampled_from(["a", "b", "a+b", "a[b]", "a[b,c]", "a-b"]), max_size=2).map(tuple),
        "split": st.sampled_from(["test", "dev"]),
        "overrides": st.dictionaries(
            st.sampled_from(["lr", "seed", "x.lr"]), st.sampled_from([1, 2, "lora"]), max_size=2
        ),
    },
)


@given(st.lists(st.tuples(st.sampled_from(["one/m", "two/m", "one/checkpoint-5", "two/checkpoint-5"]), measured)))
def test_no_two_systems_share_a_default_folder(
    tmp_path_factory: pytest.TempPathFactory, systems: list[tuple[str, dict[str, Any]]]
) -> None:
    root = tmp_path_factory.getbasetemp() / "named"
    for name in ("one/m", "two/m", "one/checkpoint-5", "two/checkpoint-5"):
        (root / name).mkdir(parents=True, exist_ok=True)
    seen: dict[Path, str] = {}
    for model, changes in systems:
        options = EvalOptions(**changes)
        out = default_out(str(root / model), None, ["xnli"], options)
        content = json.dumps([model, {**dataclasses.asdict(options)}], sort_keys=True)
        assert seen.setdefault(out, content) == content
        assert out == default_out(str(root / model), None, ["xnli"], EvalOptions(**changes))
        assert out.parent == Path("runs") and len(out.name) < 200


def test_default_folders_read_as_what_they_hold(tmp_path: Path) -> None:
    def name(model: str, **options: Any) -> str:
        return default_out(model, "xtreme", (), EvalOptions(**options)).name

    assert name("xlm-roberta-base") == "xlm-roberta-base-xtreme"
    assert name("org/model", via=("mnli", "squad")) == "org--model-via-mnli--squad-xtreme"
    assert name("org/model", split="dev") == "org--model-xtreme-dev"
    assert name("tiny", recipe="tiny") == "tiny-xtreme"
    assert name("org/model", limit=50, overrides={"lr": 1e-5}).startswith("org--model-xtreme-limit50-lr1e-05-")
    folder = tmp_path / "run1" / "checkpoint-500"
    folder.mkdir(parents=True)
    assert name(str(folder)).startswith("run1-checkpoint-500-") and name(str(folder)).endswith("-xtreme")
