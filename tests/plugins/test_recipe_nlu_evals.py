"""The recipe nlu-evals: the values of the scripts at izhx/nlu-evals b8193ba, and every key an option of what it is for."""

from __future__ import annotations

from typing import Any

import pytest

from harness.registry.default import get_registry
from harness.training.context import options_of
from harness.types.options import TrainOptions, build, check_keys, option_values

RECIPE = get_registry().recipe("nlu-evals")


def values(*names: str, large: bool = False) -> dict[str, Any]:
    return option_values(RECIPE, names, large=large, overrides={})


@pytest.mark.parametrize(
    ("stage", "lr", "batch", "epochs", "decay", "warmup"),
    [
        ("mnli", 2e-5, 32, 3, 0.0, 0.06),  # run_glue_one.sh
        ("pawsx", 2e-5, 32, 2, 0.0, 0.0),  # run_pawsx.sh
        ("udpos", 2e-5, 32, 10, 0.0, 0.0),  # run_udpos.sh
        ("panx", 2e-5, 32, 10, 0.0, 0.0),  # run_wikiann.sh
        ("squad", 3e-5, 32, 3, 1e-4, 0.0),  # run_squad.sh
        ("tydiqa", 3e-5, 32, 3, 1e-4, 0.0),  # run_tydiqa.sh
        ("socialiqa", 2e-5, 32, 5, 0.0, 0.0),  # train_siqa.sh
        ("copa", 2e-5, 32, 5, 0.0, 0.0),  # run_copa.sh
        ("lareqa", 2e-5, 16, 3, 0.0, 0.0),  # train_squad_v1_retrieval.sh
        ("mewslix", 2e-5, 64, 2, 0.0, 0.0),  # run_mewslix.sh
    ],
)
def test_stages_are_trained_as_in_the_scripts(
    stage: str, lr: float, batch: int, epochs: int, decay: float, warmup: float
) -> None:
    for large in (False, True):
        options = build(TrainOptions, values(stage, large=large))
        assert (options.lr, options.batch, options.epochs) == (lr, batch, epochs)
        assert (options.weight_decay, options.warmup_ratio, options.warmup_steps) == (decay, warmup, 0)
        assert (options.select, options.evaluate_every, options.seed) == ("last", 0, 42)


def test_sentence_vectors_are_the_first_token_of_the_last_layer() -> None:
    registry = get_registry()
    for task in ("tatoeba", "tatoeba_mteb", "bucc2018"):
        options: Any = build(options_of(registry.family(registry.task(task).family)), values(task))  # type: ignore[arg-type]
        assert (options.layer, options.pool, options.prompt, options.max_length) == ("last", "cls", "none", 512)
    assert values("lareqa")["vector"] == values("mewslix")["vector"] == "cls"
    assert (values("mewslix")["query_length"], values("mewslix")["candidate_length"]) == (64, 64)


def test_every_key_is_an_option() -> None:
    registry = get_registry()
    kinds = [kind for family in registry.families().values() if (kind := options_of(family))]
    check_keys(RECIPE, {}, kinds, RECIPE.tasks)
    assert set(RECIPE.tasks) <= {*registry.tasks(), *registry.intermediate_tasks()}
