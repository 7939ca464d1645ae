"""What makes two runs one system: model, options that measure, recipe and precision; the seed tells its runs apart."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from harness.registry.default import get_registry
from harness.runs.identity import identity_of, run_identity, same_but_for_the_seed, same_system, without_seed
from harness.types.options import EvalOptions

RECIPE = get_registry().recipe("xtreme")
GIVEN = EvalOptions(limit=5, device="cuda", overrides={"lr": "1e-3", "squad.seed": 3, "batch_tokens": 9})


def test_an_identity_holds_what_measures_and_differs_from_the_defaults() -> None:
    found = run_identity("model", GIVEN, RECIPE, "bf16")
    recipe = {"name": RECIPE.name, "version": RECIPE.version, "provider": RECIPE.provider}
    assert found.pop("sha256")
    assert found == {
        "model": "model",
        "measures": {"limit": 5, "recipe": recipe, "dtype": "bf16", "overrides": {"lr": 0.001}},
        "seed": {"squad.seed": 3},
    }
    assert "overrides" not in run_identity("model", EvalOptions(overrides={"seed": 1}), RECIPE, "fp32")["measures"]


def test_the_identity_that_a_record_bears_is_its_own() -> None:
    borne = run_identity("model", GIVEN, RECIPE, "bf16")
    assert identity_of({"identity": borne, "options": {}, "model": {}}) == borne


def test_an_old_record_has_the_identity_that_its_options_say() -> None:
    options = {"limit": 5, "device": "cuda", "train": "auto", "overrides": {"lr": "1e-3", "seed": 3, "batch_tokens": 9}}
    for model in ({"fingerprint": "abc", "reference": "org/m"}, {"reference": "abc"}):
        found = identity_of({"identity": None, "options": options, "model": model})
        assert (found["model"], found["measures"]) == ("abc", {"limit": 5, "overrides": {"lr": 0.001}})
        assert found["seed"] == {"seed": 3}
    assert identity_of({"options": {"overrides": None}, "model": {"reference": "m"}})["measures"] == {}


def test_a_planned_run_is_the_system_of_a_record_whatever_the_precision() -> None:
    record = {"identity": run_identity("abc", GIVEN, RECIPE, "bf16"), "model": {"reference": "org/m"}, "options": {}}
    assert same_system(record, "org/m", run_identity("", GIVEN, RECIPE, ""))
    assert not same_system(record, "org/other", run_identity("", GIVEN, RECIPE, ""))
    for changes in ({"limit": 6}, {"overrides": {**GIVEN.overrides, "squad.seed": 4}}):
        assert not same_system(record, "org/m", run_identity("", EvalOptions(**{**vars(GIVEN), **changes}), RECIPE, ""))


def of_seed(seed: int, **changes: Any) -> dict[str, Any]:
    options = EvalOptions(limit=5, overrides={"seed": seed, "lr": 0.1})
    part = {"task": "mnli", "version": 1, "data": {"train": {"fingerprint": "t"}, "dev": {"fingerprint": "d"}}}
    stages = [{"tasks": [part], "options": {"seed": seed, "lr": rate, "save_every": seed}} for rate in (0.1, 0.2)]
    record = {"identity": run_identity("abc", options, RECIPE, "fp32"), "stages": stages[::seed], **changes}
    return copy.deepcopy(record)


def test_runs_of_two_seeds_have_everything_else_in_common() -> None:
    one = same_but_for_the_seed(of_seed(1))
    assert one == same_but_for_the_seed(of_seed(-1))  # another order of the stages, too
    assert (one["the model"], one["option limit"], one["--set"]) == ("abc", 5, {"lr": 0.1})
    assert one["option train"] == "auto" and "option overrides" not in one and len(one["the training"]) == 2


@pytest.mark.parametrize("change", ["task", "version", "train", "dev", "lr"])
def test_another_training_is_another_system(change: str) -> None:
    record = of_seed(1)
    stage = record["stages"][0]
    part = stage["tasks"][0]
    if change == "lr":
        stage["options"]["lr"] = 7
    elif change in part["data"]:
        part["data"][change]["fingerprint"] = "other"
    else:
        part[change] = 7
    assert same_but_for_the_seed(record) != same_but_for_the_seed(of_seed(1))


def test_overrides_without_those_of_the_seed() -> None:
    assert without_seed({"seed": 1, "squad.seed": 2, "lr": "0.5"}) == {"lr": 0.5}
    assert without_seed(None) == {}
