"""Towers: vectors of pictures at the places of a row, taken off without a trace, or kept in the checkpoint."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_pictures import drawn, png
from small_models import save_model

from harness import Picture
from harness.core.errors import DataError, ModelError
from harness.models._towers import Seen
from harness.models.image_tower import (
    attach_tower,
    drawn_projector,
    drawn_squares,
    keep_tower,
    shown,
    take_off_tower,
    tower_facts,
    tower_names,
    tower_of,
)
from harness.models.pictures import pixels
from harness.models.places import PLACEHOLDER
from harness.models.prompt import attach_prompt, drawn_vectors
from harness.models.sentence_encoder import load_bare
from harness.models.tables import check_positions, position_count
from harness.models.vision import colour_scale, load_vision, vision_size

SCALE = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.25]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model("xlmr", tmp_path_factory.mktemp("text") / "model")


def vision_folder(folder: Path, kind: str, **more: Any) -> Path:
    import transformers

    size = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
    made = {
        "clip": (transformers.CLIPVisionConfig, transformers.CLIPVisionModel),
        "siglip": (transformers.SiglipVisionConfig, transformers.SiglipVisionModel),
    }[kind]
    torch.manual_seed(1)
    made[1](made[0](**size, image_size=16, patch_size=8, **more)).save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(
        '{"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.25]}', encoding="utf-8"
    )
    return folder


def bare(folder: Path) -> Any:
    return load_bare(str(folder))[0].eval()


def row(length: int, *tokens: int) -> torch.Tensor:
    return torch.tensor([[*range(PLACEHOLDER, PLACEHOLDER + length), *tokens]])


def images(count: int, size: int) -> torch.Tensor:
    return torch.from_numpy(np.stack([pixels(each.image, size) for each in drawn(count)]))


def test_the_places_of_a_row_have_the_vectors_of_its_own_picture(folder: Path) -> None:
    model = bare(folder)
    table = model.get_input_embeddings().weight.detach().clone()
    attach_tower(model, drawn_squares(model, "patches", 32, 8, 5))
    tower: Any = tower_of(model)
    seen, ids = images(3, 32), row(16, 0, 9, 2).repeat(3, 1)
    with shown(model, seen), torch.no_grad():
        found = model.get_input_embeddings()(ids)
        again = model.get_input_embeddings()(ids[:, 16:])  # a row without places
    with torch.no_grad():
        assert torch.equal(found[:, :16], tower(seen)) and not torch.equal(found[0, :16], found[1, :16])
    assert torch.equal(found[:, 16:], table[ids[:, 16:]]) and torch.equal(again, found[:, 16:])


def test_patches_are_squares_of_centred_pixels_through_two_layers(folder: Path) -> None:
    tower: Any = drawn_squares(bare(folder), "patches", 32, 8, 0)
    picture = drawn(1)[0].image
    raw = pixels(picture, 32).astype(np.float32)
    with torch.no_grad():
        found = tower(torch.from_numpy(pixels(picture, 32))[None])[0]
        for number, (top, left) in enumerate((8 * (i // 4), 8 * (i % 4)) for i in range(16)):
            patch = torch.from_numpy((raw[top : top + 8, left : left + 8].ravel() - 127.5) / 63.75)
            expected = tower.second(torch.nn.functional.gelu(tower.first(patch))) + tower.positions[number]
            torch.testing.assert_close(found[number], expected)


def test_a_tower_is_drawn_from_its_seed_and_leaves_the_generator_alone(folder: Path) -> None:
    model = bare(folder)
    before = torch.get_rng_state()
    one, same, other = (drawn_squares(model, "patches", 32, 8, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["first.weight"], other["first.weight"])


def test_a_tower_is_taken_off_without_a_trace(folder: Path) -> None:
    model, plain = bare(folder), bare(folder)
    attach_tower(model, drawn_squares(model, "patches", 32, 8, 0))
    assert len(tower_names(model)) == 5
    keep_tower(model)
    take_off_tower(model)
    assert type(model.get_input_embeddings()) is torch.nn.Embedding
    assert model.config.to_dict() == plain.config.to_dict() and tower_of(model) is None
    assert {name: value.shape for name, value in model.state_dict().items()} == {
        name: value.shape for name, value in plain.state_dict().items()
    }
    ids = torch.tensor([[0, 9, 30, 2]])
    with torch.no_grad():
        assert torch.equal(model(input_ids=ids).last_hidden_state, plain(input_ids=ids).last_hidden_state)


@pytest.mark.parametrize("kind", ["patches", "clip"])
def test_a_kept_tower_puts_a_blank_picture_in_front_of_every_row(folder: Path, tmp_path: Path, kind: str) -> None:
    model = bare(folder)
    if kind == "patches":
        tower: Any = drawn_squares(model, "patches", 32, 16, 0)
    else:
        tower = drawn_projector(model, load_vision(vision_folder(tmp_path / "vision", "clip")), 4, SCALE, 0)
    attach_tower(model, tower)
    blank = torch.full((2, tower.size, tower.size, 3), 128)
    ids, mask = torch.tensor([[0, 9, 30, 2], [0, 9, 2, 1]]), torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]])
    with torch.no_grad(), shown(model, blank):
        expected = model(
            input_ids=torch.cat([row(4).repeat(2, 1), ids], dim=1),
            attention_mask=torch.cat([torch.ones(2, 4, dtype=torch.long), mask], dim=1),
        ).last_hidden_state[:, 4:]
    keep_tower(model)
    model.save_pretrained(tmp_path / "kept")
    again = bare(tmp_path / "kept")
    with torch.no_grad():
        for each in (model, again):
            found = each(input_ids=ids, attention_mask=mask).last_hidden_state
            assert found.shape[:2] == ids.shape
            torch.testing.assert_close(found, expected)
    room = position_count(again)
    assert room is not None
    with pytest.raises(ModelError, match=f"has {room - 4} positions"):
        check_positions(again, room - 3)
    assert not any(parameter.requires_grad for parameter in tower_of(again).parameters())  # type: ignore[union-attr]


def test_a_checkpoint_whose_tower_is_not_as_its_configuration_says_is_refused(folder: Path, tmp_path: Path) -> None:
    model = bare(folder)
    attach_tower(model, drawn_squares(model, "patches", 32, 16, 0))
    keep_tower(model)
    model.config.image_tower = {**model.config.image_tower, "patch": 8}
    model.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="its weights are not those of the image_tower in its config"):
        bare(tmp_path)


@pytest.mark.parametrize("kind", ["clip", "siglip"])
def test_a_vision_model_is_frozen_and_its_pooled_vector_becomes_several(
    folder: Path, tmp_path: Path, kind: str
) -> None:
    more = {"attention_dropout": 0.5}
    place = vision_folder(tmp_path / "vision", kind, **more)
    assert vision_size(place) == 16 and colour_scale(place) == SCALE
    model = bare(folder)
    tower: Any = drawn_projector(model, load_vision(place), 3, colour_scale(place), 0)
    attach_tower(model, tower)
    model.train()
    seen = images(2, 16)
    found = tower(seen)
    assert torch.equal(found, tower(seen)) and found.shape == (2, 3, 32)
    found.sum().backward()
    assert all(parameter.grad is None for parameter in tower.vision.parameters())
    assert [name.rpartition("image_tower.")[2] for name in tower_names(model)] == [
        f"{layer}.{part}" for layer in ("first", "second") for part in ("bias", "weight")
    ]
    centred = ((seen.float() / 255 - torch.tensor(SCALE["mean"])) / torch.tensor(SCALE["std"])).permute(0, 3, 1, 2)
    with torch.no_grad():
        pooled = load_vision(place)(pixel_values=centred).pooler_output
        expected = tower.second(torch.tanh(tower.first(pooled))).view(2, 3, 32)
    torch.testing.assert_close(found.detach(), expected)
    assert tower.first.out_features == 3 * 32 // 2
    facts = tower_facts(model)["image_tower"]
    assert facts["length"] == 3 and facts["trained_parameters"] == 16 * 48 + 48 + 48 * 96 + 96


def test_a_vision_model_computes_a_picture_once_and_alike_whatever_it_remembers(folder: Path, tmp_path: Path) -> None:
    tower: Any = drawn_projector(bare(folder), load_vision(vision_folder(tmp_path / "vision", "clip")), 4, SCALE, 0)
    images = torch.from_numpy(np.stack([pixels(each.image, 16) for each in drawn(5)]))
    names = torch.arange(5)
    counted: list[int] = []
    tower.vision.register_forward_pre_hook(
        lambda _, given, named: counted.append(len(named["pixel_values"])), with_kwargs=True
    )
    first = tower(images[:3], None, names[:3])
    again = tower(images[[2, 4, 0]], None, names[[2, 4, 0]])
    assert counted == [1] * 4  # the picture 4 alone is new
    assert torch.equal(again[[2, 0]], first[[0, 2]])
    torch.testing.assert_close(again, tower(images[[2, 4, 0]]))
    copied = copy.deepcopy(tower)
    assert len(copied._seen) == 0 and torch.equal(copied(images[:3], None, names[:3]), first)


def test_what_is_remembered_of_pictures_is_bounded() -> None:
    seen, made = Seen(most=3 * 16), []

    def ask(name: int) -> None:
        seen.get(name, lambda: made.append(name) or torch.zeros(1, 4))

    for name in (1, 2, 3, 1, 4, 1, 2):  # of three, 2 was asked for the longest time ago when 4 came
        ask(name)
    assert made == [1, 2, 3, 4, 2] and len(seen) == 3


def test_folders_without_a_known_vision_model_are_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model is there"):
        load_vision(tmp_path)
    with pytest.raises(ModelError, match="a model of type 'xlm-roberta' is no vision model"):
        load_vision(folder)
    place = vision_folder(tmp_path / "vision", "clip")
    (place / "preprocessor_config.json").write_text('{"image_mean": [0.5]}')
    with pytest.raises(ModelError, match="it must say image_mean, a list of 3 numbers"):
        colour_scale(place)


def test_constant_vectors_stand_in_for_those_of_rows_without_a_picture(folder: Path) -> None:
    model = bare(folder)
    tower: Any = drawn_squares(model, "patches", 32, 16, 0)
    tower.constant = torch.nn.Parameter(drawn_vectors(model, 4, 3))
    found = tower(images(3, 32), torch.tensor([False, True, False]))
    assert torch.equal(found[1], tower.constant) and not torch.equal(found[0], found[2])


def test_a_model_has_vectors_of_one_kind_only(folder: Path, tmp_path: Path) -> None:
    model = bare(folder)
    attach_prompt(model, drawn_vectors(model, 2, 0), "front")
    with pytest.raises(ModelError, match="vectors of another kind in its rows"):
        attach_tower(model, drawn_squares(model, "patches", 32, 16, 0))
    with pytest.raises(ModelError, match="two stacks"):
        attach_prompt(bare(save_model("mt5", tmp_path / "mt5")), torch.zeros(2, 32), "front")


# Pictures


def test_pictures_of_any_kind_become_squares_of_colours(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = 250  # the middle, which is what is left
    for kind in ("PNG", "JPEG"):
        found = pixels(Picture.of_bytes(png(wide, kind), "wide"), 20)
        assert found.shape == (20, 20, 3) and found.dtype == np.uint8 and found.min() > 200
    clear = np.zeros((4, 4, 4), np.uint8)
    assert (pixels(Picture.of_bytes(png(clear), "clear"), 4) == 255).all()
    grey = np.full((4, 4), 90)
    assert (pixels(Picture.of_bytes(png(grey), "grey"), 8) == 90).all()


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.png"
    path.write_bytes(png(np.random.default_rng(0).integers(256, size=(8, 8, 3)))[:100])
    with pytest.raises(DataError, match=r"broken\.png: not a picture that can be read"):
        pixels(Picture.of_file(path), 8)
    with pytest.raises(DataError, match=r"words: not a picture"):
        pixels(Picture.of_bytes(b"some words", "words"), 8)
