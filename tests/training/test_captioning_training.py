"""Captions as a stage: a plain text model comes out, controls take as many steps, and the promises of the loop are kept."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_pictures import drawn, registry, small_reader, write_drawn
from safetensors.torch import load_file

from harness import Picture, Text
from harness.api import evaluate, train
from harness.core.errors import UsageError
from harness.core.interruption import Interrupted
from harness.families.captioning import Captioning
from harness.leaderboard._setting import setting
from harness.models.image_tower import tower_of
from harness.models.prompt import prompt_of
from harness.training._trainer import Trainer, make_optimizer
from harness.training.objectives.mismatched import mismatched
from harness.training.run_resources import run_resources
from harness.training.stage import TrainedStage
from harness.types.options import EvalOptions, TrainOptions, build

STEPS = 6
Trained = Any


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_drawn(tmp_path_factory.mktemp("data"), 600, 80)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_reader(tmp_path_factory.mktemp("model") / "model")


def options(data: Path, **overrides: Any) -> EvalOptions:
    chosen = {"max_steps": STEPS, "batch": 8, "lr": 1e-3, **overrides}
    limit = chosen.pop("train_limit", 40)
    return EvalOptions(
        data_dir=str(data), offline=True, device="cpu", recipe="tiny", train_limit=limit, overrides=chosen
    )


@pytest.fixture(scope="module")
def trained(data: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Trains an expression with some overrides, once each."""
    folder, known = tmp_path_factory.mktemp("stages"), dict[str, TrainedStage]()

    def of(expression: str, **overrides: Any) -> TrainedStage:
        name = f"{expression}{sorted(overrides.items())}"
        if name not in known:
            chosen = options(data, **overrides)
            known[name] = train(
                str(model), expression, out=folder / str(len(known)), options=chosen, registry=registry()
            )
        return known[name]

    return of


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def differing(one: Path, other: Path) -> list[str]:
    mine, others = weights(one), weights(other)
    assert mine.keys() == others.keys()
    return [name for name in mine if not torch.equal(mine[name], others[name])]


# What comes out


def test_the_checkpoint_is_a_text_model_with_the_tensors_of_its_parent(trained: Trained, model: Path) -> None:
    stage = trained("drawn")
    before, after = weights(model), weights(stage.folder)
    assert {name: value.shape for name, value in after.items()} == {name: value.shape for name, value in before.items()}
    assert all(not torch.equal(after[name], before[name]) for name in after if name.endswith("dense.weight"))
    before_it, after_it = (json.loads((folder / "config.json").read_text()) for folder in (model, stage.folder))
    assert {**after_it, "use_cache": True} == {**before_it, "use_cache": True}
    facts = stage.summary["image_tower"]
    assert facts["images"] == STEPS * 8 and facts["kind"] == "patches"
    assert facts["trained_parameters"] == 192 * 64 + 64 + 64 * 64 + 64 + 16 * 64
    assert all("image_tower" in name for name in stage.summary["fresh"]) and len(stage.summary["fresh"]) == 5


def test_null_leaves_constant_vectors_that_were_trained(trained: Trained, model: Path) -> None:
    stage = trained("drawn@null")
    after = weights(stage.folder)
    [more] = after.keys() - weights(model).keys()
    assert more.endswith("word_embeddings.soft_prompt") and after[more].shape == (16, 64)
    assert json.loads((stage.folder / "config.json").read_text())["soft_prompt"] == {"length": 16, "place": "before"}
    network = Captioning((), Captioning.Options(prefix=0)).load(str(stage.folder), ignore_mismatched_sizes=True)
    assert torch.equal(prompt_of(network), after[more])  # type: ignore[arg-type]
    assert stage.summary["key"] != trained("drawn").summary["key"]


def test_kept_leaves_the_tower_which_predicts_captions_again(trained: Trained) -> None:
    stage = trained("drawn@kept")
    family = Captioning((), build(Captioning.Options, {"tower_at_inference": "kept"}))
    tower = tower_of(family.load(str(stage.folder)))
    after = weights(stage.folder)
    assert tower is not None
    for name, value in tower.state_dict().items():
        assert torch.equal(value, after[f"roberta.embeddings.word_embeddings.image_tower.{name}"])
    kept, plain = after, weights(trained("drawn").folder)
    assert all(torch.equal(kept[name], plain[name]) for name in plain)  # it was trained in the same way


@pytest.mark.parametrize("stage", ["drawn", "drawn@null", "drawn@kept"])
def test_target_tasks_are_trained_and_scored_on_what_came_out(
    trained: Trained, corpus: Path, tmp_path: Path, stage: str
) -> None:
    chosen = replace(options(corpus, max_steps=2, max_length=40), limit=6)
    run = evaluate(str(trained(stage).folder), ["xnli[de,en]"], out=tmp_path, options=chosen)
    assert not run.failed and len(run.record["units"]) == 2
    last = Path(run.record["stages"][-1]["folder"])
    assert ("soft_prompt" in (last / "config.json").read_text()) == (stage == "drawn@null")
    assert ("image_tower" in (last / "config.json").read_text()) == (stage == "drawn@kept")


def test_pictures_are_in_the_setting_of_what_is_scored_after_them(
    data: Path, corpus: Path, model: Path, tmp_path: Path
) -> None:
    both = os.pathsep.join([str(data), str(corpus)])
    for stage, words in (("drawn", "drawn+images"), ("drawn@masked", "drawn@masked")):
        chosen = replace(options(data, max_steps=1, max_length=40), data_dir=both, via=(stage,), limit=4)
        run = evaluate(str(model), ["xnli[en]"], out=tmp_path / stage, options=chosen, registry=registry())
        assert setting(run.record, run_resources(run.record, registry())) == f"zero_shot_en+intermediate:{words}"
        assert ("image_tower" in run.record["stages"][0]) == ("images" in words)


# Controls


def test_captions_without_vectors_are_masked_language_modelling_to_the_bit(trained: Trained) -> None:
    bare = trained("drawn", prefix=0, mask_share=0.3)
    masked = trained("drawn@masked", prefix=0, mlm_probability=0.3)
    assert differing(bare.folder, masked.folder) == []
    assert bare.summary["loss"] == masked.summary["loss"] and "image_tower" not in bare.summary


def test_masked_sees_the_tokens_of_the_captions_in_as_many_steps_and_no_picture(
    trained: Trained, data: Path, tmp_path: Path, model: Path
) -> None:
    plain, masked = trained("drawn").summary, trained("drawn@masked", mlm_probability=0.5).summary
    assert [masked[name] for name in ("items", "steps")] == [plain[name] for name in ("items", "steps")]
    assert plain["tokens"] - masked["tokens"] == 16 * STEPS * 8
    assert masked["dev"] == [] and "image_tower" not in masked
    assert plain["resources"]["images"] == ["en"] and masked["resources"]["images"] == []
    assert trained("drawn", prefix=0).summary["resources"]["images"] == []


def test_mismatched_gives_every_picture_the_place_of_another() -> None:
    examples = [replace(each, id=f"{each.id}-{copy}") for each in drawn(30) for copy in range(2)]
    changed = mismatched(examples, np.random.default_rng(1))
    assert [replace(new, image=old.image) for new, old in zip(changed, examples, strict=True)] == examples
    assert Counter(each.image for each in changed) == Counter(each.image for each in examples)
    assert not any(new.image == old.image for new, old in zip(changed, examples, strict=True))
    pairs = {(old.image.name, new.image.name) for new, old in zip(changed, examples, strict=True)}
    assert len(pairs) == 30  # all captions of a picture go with it
    assert changed == mismatched(examples, np.random.default_rng(1)) != mismatched(examples, np.random.default_rng(2))
    for few in (examples[:2], [*examples, Text("1", "a")]):
        with pytest.raises(UsageError, match="captions of two pictures or more"):
            mismatched(few, np.random.default_rng(1))


def test_mismatched_and_shuffled_take_as_many_steps_on_other_pictures(trained: Trained) -> None:
    plain = trained("drawn").summary
    for control in ("mismatched", "shuffled"):
        other = trained(f"drawn@{control}").summary
        assert [other[name] for name in ("items", "steps", "tokens")] == [
            plain[name] for name in ("items", "steps", "tokens")
        ]
        assert other["loss"] != plain["loss"]
    assert trained("drawn@mismatched").summary["dev"]


def test_pictures_are_learned_from_and_mismatched_ones_are_not(trained: Trained) -> None:
    """Chance is 25 for four colours and 50 for two shapes."""
    how = {"max_steps": 130, "batch": 32, "train_limit": None}
    assert trained("drawn", **how).summary["dev_score"] > 55
    assert trained("drawn@mismatched", **how).summary["dev_score"] < 37.5 + 12


# Promises of the loop


@pytest.mark.parametrize("stage", ["drawn", "drawn@null"])
def test_a_killed_training_ends_in_the_same_bits(
    trained: Trained, data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    how = {"save_every": 2, "second_lr": 1e-2, "second_lr_on": "projector"}
    whole = trained(stage, **how)
    real = Trainer._step

    def failing(self: Trainer, step: int) -> torch.Tensor:
        if step == 5 and not (tmp_path / "killed").exists():
            (tmp_path / "killed").touch()
            raise Interrupted("killed", 15)
        return real(self, step)

    monkeypatch.setattr(Trainer, "_step", failing)
    start = partial(train, str(model), stage, out=tmp_path / "out", options=options(data, **how), registry=registry())
    with pytest.raises(Interrupted):
        start()
    assert differing(start().folder, whole.folder) == []


def test_recomputed_layers_give_the_same_weights(trained: Trained) -> None:
    whole, again = (weights(trained("drawn", gradient_checkpointing=on).folder) for on in (False, True))
    for name, value in whole.items():
        torch.testing.assert_close(again[name], value, rtol=1e-4, atol=1e-6)


def test_how_a_step_is_cut_changes_nothing_but_rounding(trained: Trained) -> None:
    whole, cut = (weights(trained("drawn@null", batch_tokens=budget).folder) for budget in (4096, 64))
    assert whole.keys() == cut.keys()
    for name, value in whole.items():
        torch.testing.assert_close(cut[name], value, rtol=1e-3, atol=2e-5)


def test_the_projector_has_a_rate_of_its_own_and_an_equal_one_gives_the_same_bits(trained: Trained) -> None:
    plain = trained("drawn").folder
    assert differing(trained("drawn", second_lr=1e-3, second_lr_on="projector").folder, plain) == []
    assert differing(trained("drawn", second_lr=1e-2, second_lr_on="projector").folder, plain) != []
    still = trained("drawn@kept", lr=0, second_lr=1e-2, second_lr_on="projector", weight_decay=0.01)
    changed = differing_from_start(still)
    assert changed == []
    masked = {"mlm_probability": 0.5}
    # where there is no projector, its rate changes nothing
    rated = trained("drawn@masked", second_lr=1e-2, second_lr_on="projector", **masked)
    assert differing(rated.folder, trained("drawn@masked", **masked).folder) == []


def differing_from_start(stage: TrainedStage) -> list[str]:
    start, after = weights(Path(stage.summary["parent"]["model"])), weights(stage.folder)
    return [name for name in start if not torch.equal(start[name], after[name])]


def test_the_optimizer_decays_the_weights_of_a_projector_and_not_its_biases() -> None:
    inside, outside = torch.nn.Linear(2, 3), torch.nn.Linear(3, 4)
    both = torch.nn.ModuleList([inside, outside])
    made = make_optimizer(both, TrainOptions(weight_decay=0.1), list(outside.parameters()))
    groups = [(len(group["params"]), group["weight_decay"], bool(group.get("second"))) for group in made.param_groups]
    assert groups == [(1, 0.1, False), (1, 0.0, False), (1, 0.1, True), (1, 0.0, True)]


# With other parts of a stage


def test_lora_trains_the_tower_as_a_whole(trained: Trained, model: Path) -> None:
    stage = trained("drawn@kept", peft="lora")
    before, after = weights(model), weights(stage.folder)
    assert before.keys() <= after.keys() and not any("lora" in name for name in after)
    name = "roberta.encoder.layer.0.attention.self.query.weight"
    assert torch.linalg.matrix_rank(after[name] - before[name], rtol=1e-3) <= 8
    drawn_first = Captioning((), Captioning.Options()).load(str(model), ignore_mismatched_sizes=True)
    Captioning((), Captioning.Options()).draw_head(drawn_first, 42, ())
    for name, value in tower_of(drawn_first).state_dict().items():  # type: ignore[union-attr]
        assert not torch.equal(after[f"roberta.embeddings.word_embeddings.image_tower.{name}"], value), name


@pytest.mark.parametrize("stage", ["drawn+mnli", "mnli+drawn"])
def test_captions_share_their_encoder_with_other_tasks(
    data: Path, corpus: Path, model: Path, tmp_path: Path, stage: str
) -> None:
    chosen = replace(options(data, max_length=48), data_dir=os.pathsep.join([str(data), str(corpus)]))
    found = train(str(model), stage, out=tmp_path / "out", options=chosen, registry=registry())
    after, before = weights(found.folder), weights(model)
    assert not any("image_tower" in name for name in after)
    assert {name.removeprefix("roberta.") for name in after} - {"pooler.dense.weight", "pooler.dense.bias"} <= {
        name.removeprefix("roberta.") for name in before
    }
    assert set(found.summary["dev"][-1]["tasks"]) == {"drawn", "mnli"}
    assert 0 < found.summary["image_tower"]["images"] < STEPS * 8


@pytest.mark.parametrize(
    ("stage", "overrides", "said"),
    [
        ("mnli@null", {}, "objective 'null': not for the family 'classification'"),
        ("mnli@mismatched", {}, "objective 'mismatched': not for the family 'classification'"),
        ("drawn@kept", {"prefix": 0}, "keeps vectors, and prefix is 0"),
        ("drawn@prompt", {}, "not for the family 'captioning'"),
    ],
)
def test_what_it_cannot_be_put_together_with(
    data: Path, corpus: Path, model: Path, tmp_path: Path, stage: str, overrides: dict[str, Any], said: str
) -> None:
    chosen = replace(options(data, **overrides), data_dir=os.pathsep.join([str(data), str(corpus)]))
    with pytest.raises(UsageError, match=said):
        train(str(model), stage, out=tmp_path / "out", options=chosen, registry=registry())


def test_noise_goes_onto_words_and_not_onto_vectors_of_pictures(trained: Trained) -> None:
    assert trained("drawn@noise").summary["steps"] == STEPS


def test_a_picture_is_the_same_wherever_it_is_kept(tmp_path: Path) -> None:
    one = drawn(2)
    (tmp_path / "a.png").write_bytes(one[0].image.read())
    stored = Picture.of_file(tmp_path / "a.png", one[0].image.name)
    assert mismatched([one[0], replace(one[0], id="x", image=stored), one[1]], np.random.default_rng(0))[0].image == (
        one[1].image
    )
