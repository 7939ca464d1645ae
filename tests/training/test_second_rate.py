"""The second learning rate: what it trains, what it leaves alone, the bits of one rate, and those of a resumed training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from harness.api import train
from harness.core.errors import UsageError
from harness.core.interruption import Interrupted
from harness.models.load import load_tokenizer
from harness.training._second_rate import NewTokenRows
from harness.training._trainer import Trainer, learning_rate, make_optimizer
from harness.types.options import EvalOptions, TrainOptions
from harness.types.roles import key_part, recorded

STEPS = 4


@pytest.fixture(scope="module")
def trained(corpus: Path, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A stage of masked language modelling with 24 new tokens, by its options: its folder."""
    folder = tmp_path_factory.mktemp("second")

    def of(name: str, /, *, recipe: str = "tiny", **overrides: Any) -> Path:
        overrides = {"max_steps": STEPS, "batch": 8, "extend_vocabulary": 24, "lr": 1e-3, "select": "last", **overrides}
        options = EvalOptions(
            data_dir=str(corpus), offline=True, device="cpu", recipe=recipe, train_limit=200, overrides=overrides
        )
        return train(str(small_model), "mlm[sw]", out=folder / name, options=options).folder

    return of


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def same(one: Path, other: Path) -> bool:
    mine, others = weights(one), weights(other)
    return mine.keys() == others.keys() and all(torch.equal(mine[name], others[name]) for name in mine)


def test_an_equal_second_rate_gives_the_bits_of_one_rate_and_another_does_not(trained: Any) -> None:
    one = trained("one")
    assert same(one, trained("equal", second_lr=1e-3))
    assert not same(one, trained("ten-times", second_lr=1e-2))


def test_rows_at_an_equal_rate_make_the_steps_of_the_table() -> None:
    torch.manual_seed(0)
    start = torch.randn(40, 16)
    tables = [torch.nn.Parameter(start.clone()) for _ in range(2)]
    apart = NewTokenRows([tables[1]], [3, 7, 39])
    options = TrainOptions(lr=1e-2, second_lr=1e-2, weight_decay=0.1)
    made = [torch.nn.ParameterList([table]) for table in tables]
    plain, grouped = make_optimizer(made[0], options), make_optimizer(made[1], options, apart.parameters)
    for _ in range(5):
        gradient = torch.randn(40, 16)
        for table in tables:
            table.grad = gradient.clone()
        plain.step()
        apart.before_step()
        grouped.step()
        apart.after_step()
    torch.testing.assert_close(tables[1], tables[0], rtol=0, atol=1e-7)
    assert not torch.equal(tables[0].detach(), start)


def test_with_a_first_rate_of_0_only_the_rows_of_new_tokens_change(trained: Any, small_model: Path) -> None:
    start = next(path for path in trained("base").parent.rglob("prepared-*") if (path / "config.json").exists())
    before, after = weights(start), weights(trained("rows", lr=0, second_lr=1e-3, weight_decay=0.01))
    after = {name.removeprefix("roberta."): value for name, value in after.items()}  # trained with a head
    common = before.keys() & after.keys()
    assert len(common) > 20
    [changed] = [name for name in common if not torch.equal(before[name], after[name])]
    rows = (before[changed] != after[changed]).any(dim=1).nonzero()[:, 0].tolist()
    old = len(load_tokenizer(small_model))
    assert "word_embeddings" in changed and rows == list(range(old, old + 24))


def test_a_resumed_training_with_two_rates_ends_in_the_same_bits(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = trained("whole", second_lr=1e-2, save_every=2)
    real = Trainer._step

    def stopped(trainer: Trainer, step: int) -> torch.Tensor:
        if step == 3:
            raise Interrupted("stopped", 15)
        return real(trainer, step)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_step", stopped)
        with pytest.raises(Interrupted):
            trained("resumed", second_lr=1e-2, save_every=2)
    assert same(whole, trained("resumed", second_lr=1e-2, save_every=2))


def test_the_second_rate_has_the_warm_up_and_the_decay_of_the_first() -> None:
    options = TrainOptions(lr=1e-5, second_lr=1e-3, warmup_steps=4)
    pairs = [(learning_rate(step, 10, options), learning_rate(step, 10, options, second=True)) for step in range(10)]
    assert all(second == pytest.approx(100 * first) for first, second in pairs)


def test_options_of_plain_stages_stay_out_of_keys_and_records(trained: Any) -> None:
    new = {"second_lr", "second_lr_on", "transliterate", "extend_vocabulary_how"}
    assert not new & key_part(TrainOptions()).keys() and not new & recorded(TrainOptions()).keys()
    changed = TrainOptions(second_lr=1e-4, transliterate="cyrl-latn", extend_vocabulary_how="unused")
    assert key_part(changed).keys() & new == recorded(changed).keys() & new == new - {"second_lr_on"}
    said = json.loads((trained("ten-times", second_lr=1e-2) / "stage.json").read_text(encoding="utf-8"))
    assert said["options"]["second_lr"] == 1e-2


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"extend_vocabulary": 0, "second_lr": 1e-3}, "no new tokens"),
        ({"second_lr": 1e-3, "peft": "lora"}, "does not train embeddings"),
        ({"second_lr": 1e-3, "second_lr_on": "head"}, "'new_tokens' or 'projector' expected"),
        ({"second_lr": -1}, "no negative number"),
        ({"lr": 0}, "option lr: a positive number"),
    ],
)
def test_a_second_rate_that_could_train_nothing_is_refused(trained: Any, overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trained("refused", **overrides)
