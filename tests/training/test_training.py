"""The training loop against a plain reference loop, its order, its schedule, and continuing after a stop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator
from hypothesis import given
from hypothesis import strategies as st
from small_models import KINDS, save_model

from harness import Pair
from harness.core.errors import ModelError, UsageError
from harness.families.classification import Classification
from harness.families.multiple_choice import MultipleChoice
from harness.families.span_qa import SpanQA
from harness.families.tagging import Tagging
from harness.inference.features import Features, Ragged
from harness.models.encoder import head_parameters
from harness.models.fresh_head import reset_head
from harness.models.load import load_tokenizer
from harness.training._adapters import merged, with_adapters
from harness.training._order import micro_batches, step_items, steps_in_epoch
from harness.training._trainer import HeadTask, Trainer, learning_rate
from harness.training.schedule import make_schedule, sampling_weights
from harness.types.options import TrainOptions, build

LABELS = ("no", "yes")


def pairs(count: int) -> list[Pair]:
    rng = np.random.default_rng(0)
    words = "the cat sleeps on red mat and dog runs home small bird sing garden yesterday".split()
    made = []
    for number in range(count):
        text = " ".join(rng.choice(words, rng.integers(2, 12)))
        made.append(Pair(str(number), text, " ".join(rng.choice(words, 3)), LABELS["cat" in text]))
    return made


def make_trainer(folder: Path, state: Path, options: TrainOptions, kept: list[int], **more: object) -> Trainer:
    family = Classification(LABELS, build(Classification.Options, {}))
    tokenizer = load_tokenizer(folder)
    features = family.features(tokenizer, pairs(75), training=True)
    model = family.load(str(folder), ignore_mismatched_sizes=True, dtype="float32")
    reset_head(model, options.seed)
    return Trainer(
        [HeadTask("cats", family, model, features)],
        make_schedule([features.item_count], options),
        options,
        Accelerator(cpu=True),
        pad_id=1,
        state_folder=state,
        evaluate=more.pop("evaluate", None),  # type: ignore[arg-type]
        keep=lambda: kept.append(1),
        **more,  # type: ignore[arg-type]
    )


def weights(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trainer.modules.state_dict().items()}


def test_same_curve_and_weights_as_a_plain_loop(small_model: Path, tmp_path: Path) -> None:
    """Micro-batches of unequal size under a token budget change nothing: a step is one mean over its examples."""
    options = TrainOptions(
        lr=1e-3, batch=16, max_steps=8, batch_tokens=60, warmup_steps=2, weight_decay=0.1, adam_epsilon=1e-4
    )
    trainer = make_trainer(small_model, tmp_path / "state", options, [])
    for module in trainer.modules.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    start = weights(trainer)
    part = trainer.parts[0]
    trainer.run()

    reference = part.family.load(str(small_model), ignore_mismatched_sizes=True, dtype="float32")
    reference.load_state_dict({name.removeprefix("0."): value for name, value in start.items()})
    reference.train()
    for module in reference.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    decayed = [p for n, p in reference.named_parameters() if not n.endswith(("bias", "LayerNorm.weight"))]
    others = [p for n, p in reference.named_parameters() if n.endswith(("bias", "LayerNorm.weight"))]
    optimizer = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], eps=1e-4
    )
    tokenizer = load_tokenizer(small_model)
    examples = pairs(75)
    losses = []
    for step in range(8):
        chosen = [examples[i] for i in step_items(75, 16, 42, step)]
        batch = tokenizer([p.a for p in chosen], [p.b for p in chosen], padding=True, return_tensors="pt")
        labels = torch.tensor([LABELS.index(p.label or "") for p in chosen])
        loss = torch.nn.functional.cross_entropy(reference(**batch).logits, labels)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(reference.parameters(), 1.0)
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (step / 2 if step < 2 else (8 - step) / 6)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert trainer.progress.losses[-1][1] == pytest.approx(np.mean(losses), rel=1e-4)
    trained = weights(trainer)
    for name, value in reference.state_dict().items():
        torch.testing.assert_close(trained[f"0.{name}"], value, rtol=2e-3, atol=2e-5)


def test_a_stopped_training_goes_on_to_the_same_bits(small_model: Path, tmp_path: Path) -> None:
    options = TrainOptions(lr=1e-3, batch=16, max_steps=9, save_every=3)
    straight = make_trainer(small_model, tmp_path / "a", options, [])
    straight.run()

    class Killed(Exception):
        pass

    stopped = make_trainer(small_model, tmp_path / "b", options, [])
    original = stopped._step

    def dies_at_five(step: int) -> torch.Tensor:
        if step == 5:
            raise Killed
        return original(step)

    stopped._step = dies_at_five  # type: ignore[method-assign]
    with pytest.raises(Killed):
        stopped.run()
    torch.manual_seed(12345)  # a new process has another random state
    resumed = make_trainer(small_model, tmp_path / "b", options, [])
    assert resumed.run().step == 9
    for name, value in weights(straight).items():
        assert torch.equal(weights(resumed)[name], value), name


def test_training_learns_and_keeps_the_best_only_on_strict_improvement(small_model: Path, tmp_path: Path) -> None:
    kept: list[int] = []
    scores = iter([10.0, 30.0, 30.0, 20.0])
    options = TrainOptions(lr=2e-3, batch=16, max_steps=40, evaluate_every=10)
    trainer = make_trainer(small_model, tmp_path / "s", options, kept, evaluate=lambda: {"score": next(scores)})
    progress = trainer.run()
    assert (progress.best_step, progress.best_score, len(kept)) == (20, 30.0, 2)
    first, last = progress.losses[0][1], progress.losses[-1][1]
    assert last < first


def test_training_stops_early_once_its_patience_is_over(small_model: Path, tmp_path: Path) -> None:
    scores = iter([30.0, 20.0, 10.0, 5.0, 5.0])
    options = TrainOptions(batch=16, max_steps=50, evaluate_every=5, patience=2)
    progress = make_trainer(small_model, tmp_path / "s", options, [], evaluate=lambda: {"score": next(scores)}).run()
    assert progress.stopped_early
    assert progress.step == 15


def test_divergence_names_step_and_learning_rate(small_model: Path, tmp_path: Path) -> None:
    options = TrainOptions(lr=1e-3, batch=16, max_steps=30)
    trainer = make_trainer(small_model, tmp_path / "s", options, [])
    with torch.no_grad():
        next(iter(trainer.modules.parameters())).fill_(float("nan"))
    with pytest.raises(ModelError, match=r"diverged: the loss is nan at step 1 of 30 \(learning rate 1\.00e-03\)"):
        trainer.run()


def test_the_head_is_fresh_and_the_encoder_is_not(small_model: Path, tmp_path: Path) -> None:
    family = Classification(LABELS, build(Classification.Options, {}))
    first = family.load(str(small_model), ignore_mismatched_sizes=True, dtype="float32")
    reset_head(first, 1)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.add_(0.5)
    first.save_pretrained(tmp_path / "phase-one")
    load_tokenizer(small_model).save_pretrained(tmp_path / "phase-one")
    second = family.load(str(tmp_path / "phase-one"), ignore_mismatched_sizes=True, dtype="float32")
    reset_head(second, 2)
    head = head_parameters(second)
    before = dict(first.named_parameters())
    for name, parameter in second.named_parameters():
        assert torch.equal(parameter, before[name]) == (name not in head), name
    assert len(head) == 4  # dense and output projection, each with a bias
    again = family.load(str(tmp_path / "phase-one"), ignore_mismatched_sizes=True, dtype="float32")
    reset_head(again, 2)
    assert all(torch.equal(a, b) for a, b in zip(second.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("family", [Classification, SpanQA, Tagging, MultipleChoice])
def test_only_the_head_is_drawn_anew_in_every_architecture(kind: str, family: type, tmp_path: Path) -> None:
    save_model(kind, tmp_path / "model")
    built = family(LABELS, family.Options())  # type: ignore[attr-defined]
    model = built.load(str(tmp_path / "model"), ignore_mismatched_sizes=True, dtype="float32")
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.25)
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    head = head_parameters(model)
    assert 0 < sum(p.numel() for p in head.values()) < sum(p.numel() for p in model.parameters()) / 2
    reset_head(model, 3)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) == (name not in head), name


@given(st.integers(1, 200), st.integers(1, 50), st.integers(0, 5))
def test_every_epoch_sees_every_item_once(count: int, batch: int, epoch: int) -> None:
    steps = steps_in_epoch(count, batch)
    seen = np.concatenate([step_items(count, batch, 3, epoch * steps + i) for i in range(steps)])
    assert sorted(seen) == list(range(count))


@given(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=4), min_size=1, max_size=30), st.integers(1, 300))
def test_micro_batches_hold_the_step_and_keep_items_whole(items: list[list[int]], budget: int) -> None:
    lengths = [length for item in items for length in item]
    offsets = np.concatenate([[0], np.cumsum([len(item) for item in items])]).astype(np.int64)
    features = Features(Ragged.of([[5] * n for n in lengths]), np.arange(len(lengths)), items=offsets)
    chosen = np.arange(len(items))[::2]
    seen: list[int] = []
    for rows in micro_batches(features, chosen, budget):
        whole = [i for i in chosen if offsets[i] in rows]
        assert sorted(rows) == sorted(r for i in whole for r in range(offsets[i], offsets[i + 1]))
        padded = len(rows) * max(lengths[r] for r in rows)
        assert padded <= budget or len(whole) == 1
        seen += list(rows)
    assert sorted(seen) == sorted(r for i in chosen for r in range(offsets[i], offsets[i + 1]))


def test_learning_rate_warms_up_and_decays_to_zero() -> None:
    options = TrainOptions(lr=1.0, warmup_steps=10)
    rates = [learning_rate(step, 110, options) for step in range(110)]
    assert rates[0] == 0
    assert rates[10] == 1.0
    assert rates[60] == pytest.approx(0.5)
    assert rates[109] == pytest.approx(0.01)
    assert learning_rate(11, 110, TrainOptions(lr=1.0, warmup_ratio=0.1)) == 1.0


def test_tasks_are_sampled_by_the_chosen_weights_of_their_sizes() -> None:
    sizes = [400_000, 100_000]
    options = {name: TrainOptions(sampling=name) for name in ("proportional", "capped", "temperature", "uniform")}
    assert sampling_weights(sizes, options["proportional"]).tolist() == [0.8, 0.2]
    assert sampling_weights(sizes, options["capped"])[0] == pytest.approx(131072 / 231072)
    assert sampling_weights(sizes, options["temperature"])[0] == pytest.approx(
        131072**0.5 / (131072**0.5 + 100000**0.5)
    )
    assert sampling_weights(sizes, options["uniform"]).tolist() == [0.5, 0.5]
    with pytest.raises(UsageError, match="sampling"):
        TrainOptions(sampling="other")
    schedule = make_schedule([3200, 800], TrainOptions(sampling="proportional", batch=8, epochs=4))
    assert len(schedule) == 2000
    assert np.mean(schedule == 0) == pytest.approx(0.8, abs=0.03)


def test_tasks_without_items_have_no_steps() -> None:
    assert len(make_schedule([0], TrainOptions())) == 0
    assert len(make_schedule([0, 0], TrainOptions(max_steps=5))) == 0
    assert set(make_schedule([0, 8], TrainOptions(max_steps=5)).tolist()) == {1}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["lora", "dora"])
def test_adapters_train_beside_a_frozen_encoder_and_merge_into_it(kind: str, method: str, tmp_path: Path) -> None:
    save_model(kind, tmp_path / "model")
    family = Classification(LABELS, Classification.Options())
    tokenizer = load_tokenizer(tmp_path / "model")
    features = family.features(tokenizer, pairs(40), training=True)
    model = family.load(str(tmp_path / "model"), ignore_mismatched_sizes=True, dtype="float32")
    reset_head(model, 1)
    start = {name: value.clone() for name, value in model.named_parameters()}
    head = set(head_parameters(model))
    options = TrainOptions(lr=1e-2, batch=8, max_steps=6, peft=method)
    adapted = with_adapters(model, options)
    trainable = sum(p.numel() for p in adapted.parameters() if p.requires_grad)
    assert trainable < sum(value.numel() for value in start.values())
    trainer = Trainer(
        [HeadTask("cats", family, adapted, features)],
        make_schedule([features.item_count], options),
        options,
        Accelerator(cpu=True),
        pad_id=tokenizer.pad_token_id,
        state_folder=tmp_path / "state",
        evaluate=None,
        keep=lambda: None,
    )
    trainer.run()
    plain = merged(adapted)
    changed = {name for name, value in plain.named_parameters() if not torch.equal(value, start[name])}
    assert set(dict(plain.named_parameters())) == set(start)
    assert any(name in head for name in changed)
    assert any(name not in head for name in changed)
    plain.save_pretrained(tmp_path / "merged")
    loaded = family.load(str(tmp_path / "merged"), dtype="float32").eval()
    batch = {name: torch.from_numpy(value) for name, value in features.batch(np.arange(8), 1).items()}
    with torch.inference_mode():
        mine, theirs = (family.outputs(each, batch)["logits"] for each in (adapted.eval(), loaded))
    torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-3)


def test_gradient_checkpointing_changes_nothing_but_memory(small_model: Path, tmp_path: Path) -> None:
    curves = []
    for name, on in (("a", False), ("b", True)):
        options = TrainOptions(lr=1e-3, batch=16, max_steps=4)
        trainer = make_trainer(small_model, tmp_path / name, options, [])
        if on:
            trainer.parts[0].model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        torch.manual_seed(5)
        curves.append(trainer.run().losses)
    assert curves[0] == curves[1]


def test_masked_language_modelling_gets_its_share_of_the_steps() -> None:
    options = TrainOptions(batch=10, epochs=1, mlm_ratio=0.25, sampling="proportional")
    schedule = make_schedule([3000, 50_000], options, beside=1)
    assert len(schedule) == 400
    assert np.mean(schedule == 1) == pytest.approx(0.25, abs=0.05)
    assert len(make_schedule([3000], options, beside=0)) == 300
    first = make_schedule([50_000, 3000, 1000], options, beside=0)
    assert len(first) == 534 and np.mean(first == 1) == pytest.approx(0.75 * 0.75, abs=0.06)


def test_a_schedule_is_as_long_as_the_epochs_of_its_tasks_or_as_asked_for() -> None:
    def steps(sizes: list[int], **options: object) -> int:
        return len(make_schedule(sizes, build(TrainOptions, {"batch": 8, "epochs": 1, **options})))

    assert steps([9]) == 2 and steps([8]) == 1 and steps([9], epochs=2.3) == 5
    assert steps([9], epochs=0.01) == 1 and steps([9], max_steps=7) == 7
    assert steps([80, 17], sampling="capped", sampling_cap=16) == 4
    assert steps([80], sampling="capped", sampling_cap=16) == 10  # there is no other task that it could drown
    assert steps([392_702], batch=32, epochs=3) == 3 * 12_272
    assert steps([80, 17], sampling="temperature", sampling_cap=16) == 13
    with pytest.raises(UsageError, match=r"3e\+09 steps, more than 1,000,000,000"):
        steps([24], epochs=1e9)


def test_a_schedule_may_be_as_long_as_any_training_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.training.schedule.MOST_STEPS", 5)
    assert len(make_schedule([8], TrainOptions(max_steps=5))) == 5
    with pytest.raises(UsageError, match="more than 5"):
        make_schedule([8], TrainOptions(max_steps=6))


def test_a_schedule_is_drawn_from_the_seed_and_a_single_task_is_always_its_own() -> None:
    draws = [make_schedule([800, 800], TrainOptions(seed=seed, batch=8)).tolist() for seed in (1, 1, 2)]
    assert draws[0] == draws[1] != draws[2] and set(draws[0]) == {0, 1}
    assert draws[0] == np.random.default_rng([1, 1]).choice(2, size=len(draws[0]), p=[0.5, 0.5]).tolist()
    assert set(make_schedule([800], TrainOptions(batch=8)).tolist()) == {0}


def test_weights_of_unlike_tasks_by_temperature_are_the_roots_of_their_capped_sizes() -> None:
    options = TrainOptions(sampling="temperature", sampling_temperature=4, sampling_cap=81)
    assert sampling_weights([1000, 16, 1], options).tolist() == pytest.approx([3 / 6, 2 / 6, 1 / 6])
