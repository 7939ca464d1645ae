"""The recipe robust: the values of the code of robust training at 175cddb, also of copies, which an objective makes."""

from __future__ import annotations

from typing import Any

import pytest

from harness.registry.default import get_registry
from harness.training.context import options_of
from harness.types.options import TrainOptions, build, check_keys, option_values

RECIPE = get_registry().recipe("robust")


@pytest.mark.parametrize(
    ("stage", "epochs", "copies", "every"), [("pawsx", 3, 10, 500), ("xnli", 1, 3, 1000), ("mnli", 1, 3, 1000)]
)
def test_stages_are_trained_as_in_the_code(stage: str, epochs: int, copies: int, every: int) -> None:
    registry = get_registry()
    values = option_values(RECIPE, [stage], large=True, overrides={})
    options = build(TrainOptions, values)
    assert (options.lr, options.batch, options.seed, options.warmup_steps, options.warmup_ratio) == (2e-5, 32, 7, 0, 0)
    assert (options.epochs, options.evaluate_every, options.select) == (epochs, every, "best")
    synonyms: Any = options_of(registry.objective("synonyms"))
    assert build(synonyms, values) == synonyms(copies=copies, match="exact")
    assert values["max_length"] == 128


def test_every_key_is_an_option() -> None:
    registry = get_registry()
    kinds = [options_of(value) for value in [*registry.families().values(), registry.objective("synonyms")]]
    check_keys(RECIPE, {}, [kind for kind in kinds if kind], RECIPE.tasks)
    assert set(RECIPE.tasks) <= {*registry.tasks(), *registry.intermediate_tasks()}
