"""Captions that are written: rows, loss and texts of models with a decoder, which see pictures in front of a request."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_pictures import drawn, registry, write_drawn
from small_models import save_model

from harness import EvalOptions, train
from harness.core.errors import ModelError, UsageError
from harness.families.caption_writing import WrittenCaptions
from harness.families.captioning import Captioning
from harness.inference.forward import Forward
from harness.models.image_tower import tower_of
from harness.models.load import load_tokenizer
from harness.models.places import PLACEHOLDER
from harness.models.stored import stored_names
from harness.types.options import build
from harness.types.units import UnitExamples


def family(**options: Any) -> WrittenCaptions:
    return WrittenCaptions((), build(Captioning.Options, {"max_length": 64, **options}))


@pytest.fixture(scope="module", params=["mt5", "llama"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(request.param, tmp_path_factory.mktemp(request.param) / "model")


def batch_of(model: Path, examples: Any, **options: Any) -> dict[str, torch.Tensor]:
    rows = family(**options).features(load_tokenizer(model), examples, training=True)
    return {name: torch.from_numpy(value) for name, value in rows.batch(np.arange(len(rows)), 0).items()}


def test_a_row_is_a_picture_and_a_request_and_its_label_is_the_caption(model: Path) -> None:
    tokens, examples = load_tokenizer(model), [drawn(2)[0], replace(drawn(2)[1], language="de")]
    rows = family().features(tokens, examples, training=True)
    labels = rows.aligned["labels"][0]
    for number, (name, example) in enumerate(zip(("English", "German"), examples, strict=True)):
        request, caption = (
            tokens(text, add_special_tokens=False)["input_ids"] for text in (f"caption in {name}:", example.caption)
        )
        row = rows.ids[number].tolist()
        assert row[:16] == [*range(PLACEHOLDER, PLACEHOLDER + 16)]
        assert [token for token in row[16:] if token not in tokens.all_special_ids] == [
            token for token in request if token not in tokens.all_special_ids
        ]
        assert labels[number].tolist() == [*caption, tokens.eos_token_id]
    assert rows.batch(np.array([1, 0]), 0)["pixels"].shape == (2, 32, 32, 3)


def test_captions_depend_on_the_picture_and_the_tower_learns(model: Path) -> None:
    network: Any = family().load(str(model), ignore_mismatched_sizes=True).eval()
    batch = batch_of(model, drawn(4))
    loss, count = family().loss(network, batch)
    loss.backward()
    tower: Any = tower_of(network)
    assert float(tower.first.weight.grad.abs().sum()) > 0 and int(count) == int((batch["labels"] != -100).sum())
    turned = {**batch, "pixels": batch["pixels"].flip(0)}
    with torch.no_grad():
        assert float(family().loss(network, turned)[0]) != pytest.approx(float(loss.detach()))


def test_the_loss_is_that_of_the_model_given_embeddings_and_labels(tmp_path: Path) -> None:
    folder = save_model("mt5", tmp_path / "mt5")
    network: Any = family().load(str(folder), ignore_mismatched_sizes=True).eval()
    batch = batch_of(folder, drawn(1))
    ids, tower = batch["input_ids"], tower_of(network)
    assert tower is not None
    with torch.no_grad():
        ours, count = family().loss(network, batch)
        words = network.shared.weight[ids[:, 16:]]
        vectors = torch.cat([tower(batch["pixels"]), words], dim=1)
        theirs = network(inputs_embeds=vectors, attention_mask=batch["attention_mask"], labels=batch["labels"]).loss
    torch.testing.assert_close(ours / count, theirs)


def test_texts_are_the_same_alone_and_together(model: Path) -> None:
    network = family().load(str(model), ignore_mismatched_sizes=True).eval()
    unit = UnitExamples("made", "en", "dev", drawn(3))

    def written(budget: int) -> list[str]:
        [found] = family().predict(Forward(network, load_tokenizer(model), "cpu", budget=budget), [unit])
        return list(found.predictions)

    assert written(4096) == written(1)


def test_a_stage_leaves_the_text_model_alone(tmp_path: Path) -> None:
    folder, data = save_model("mt5", tmp_path / "mt5"), write_drawn(tmp_path / "data", 24, 4)
    options = EvalOptions(
        data_dir=str(data), offline=True, device="cpu", recipe="tiny", overrides={"max_steps": 2, "batch": 8}
    )
    stage = train(str(folder), "drawn@written", out=tmp_path / "out", options=options, registry=registry())
    assert stored_names(stage.folder) == stored_names(folder)
    assert stage.summary["image_tower"]["images"] == 16 and stage.summary["resources"]["images"] == ["en"]


@pytest.mark.parametrize("kept", ["null", "kept"])
def test_vectors_are_not_kept(kept: str) -> None:
    with pytest.raises(UsageError, match="keeps no vectors"):
        family(tower_at_inference=kept)


def test_what_writes_and_what_fills_in_gaps_are_told_apart(model: Path, tmp_path: Path) -> None:
    filling = Captioning((), Captioning.Options())
    with pytest.raises(ModelError, match=r"fills in no gaps of captions|has no mask token") as caught:
        filling.features(load_tokenizer(model), drawn(1), training=True)
        filling.load(str(model), ignore_mismatched_sizes=True)
    assert "@written" in caught.value.hint
    with pytest.raises(ModelError, match="it is an encoder: it cannot write"):
        family().load(str(save_model("xlmr", tmp_path / "encoder")), ignore_mismatched_sizes=True)
