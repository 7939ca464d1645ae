"""The recipe filter: the values of FILTER's train.sh at 6dac390, and every key an option of what it is for."""

from __future__ import annotations

from typing import Any

import pytest

from harness.registry.default import get_registry
from harness.training.context import options_of
from harness.types.options import ObjectiveOptions, TrainOptions, build, check_keys, option_values

RECIPE = get_registry().recipe("filter")


def values(*names: str, large: bool = True) -> dict[str, Any]:
    return option_values(RECIPE, names, large=large, overrides={})


@pytest.mark.parametrize(
    ("names", "lr", "batch", "epochs", "length", "layers", "seed"),
    [
        (("xnli",), 3e-6, 64, 5, 256, 1, 52),
        (("pawsx",), 1e-5, 32, 4, 256, 1, 52),
        (("squad", "mlqa"), 5e-6, 64, 2, 384, 20, 42),
        (("squad", "xquad"), 5e-6, 32, 2, 384, 20, 42),
        (("tydiqa",), 1e-5, 32, 4, 384, 20, 42),
        (("udpos",), 5e-6, 64, 20, 128, 1, 62),
        (("panx",), 5e-6, 64, 20, 128, 1, 62),
    ],
)
def test_large_models_are_trained_as_in_the_scripts(
    names: tuple[str, ...], lr: float, batch: int, epochs: int, length: int, layers: int, seed: int
) -> None:
    found = values(*names)
    options = build(TrainOptions, found)
    assert (options.lr, options.batch, options.epochs, options.seed) == (lr, batch, epochs, seed)
    assert (options.weight_decay, options.warmup_ratio, options.warmup_steps, options.clip) == (0, 0, 0, 1)
    assert build(ObjectiveOptions, found).objective == "fusion"
    assert (found["local_layers"], found["fusion_layers"], found["max_length"]) == (1, layers, length)


def test_smaller_models_keep_a_local_layer_and_a_last_one_for_questions() -> None:
    assert values("squad", large=False)["fusion_layers"] == values("tydiqa", large=False)["fusion_layers"] == 10


def test_tasks_without_a_row_are_trained_plainly() -> None:
    assert build(ObjectiveOptions, values("copa")).objective == ""


def test_every_key_is_an_option() -> None:
    registry = get_registry()
    made = [*registry.families().values(), *registry.objectives().values()]
    kinds = [kind for each in made if (kind := options_of(each))]
    check_keys(RECIPE, {}, kinds, RECIPE.tasks)
    assert set(RECIPE.tasks) <= {*registry.tasks(), *registry.intermediate_tasks()}
