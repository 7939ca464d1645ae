"""A copy of a model that is two layers deep: the same in everything but depth and weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from published_models import architecture, save_published
from safetensors import safe_open
from small_models import save_model, save_other

from harness.core.errors import ModelError
from harness.models.load import load_tokenizer
from harness.models.shallow import check_shapes, shallow_copy, shortened


def tensors(folder: Path) -> dict[str, Any]:
    with safe_open(folder / "model.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict


DEEPER: dict[str, tuple[str, int]] = {
    "bert": ("num_hidden_layers", 6),
    "gpt2": ("n_layer", 5),
    "mbart": ("encoder_layers", 4),
    "t5": ("num_layers", 4),
    "xlnet": ("n_layer", 3),
}


@pytest.mark.parametrize("kind", DEEPER)
def test_a_copy_has_the_configuration_tokens_and_head_of_the_model_but_two_layers(kind: str, tmp_path: Path) -> None:
    from dataclasses import replace

    name, depth = DEEPER[kind]
    found = architecture(kind)
    folder = save_published(replace(found, shape=found.shape | {name: depth}), tmp_path / "model")
    copy = shallow_copy(folder, tmp_path / "copy")
    before, after = (json.loads((each / "config.json").read_text()) for each in (folder, copy))
    assert before[name] == depth and after[name] == 2
    assert {key for key in before if before[key] != after.get(key)} <= {name}
    there, here = tensors(folder), tensors(copy)
    assert set(here) < set(there) and all(here[key].shape == there[key].shape for key in here)
    text = "The committee did not say when."
    assert load_tokenizer(copy)(text)["input_ids"] == load_tokenizer(folder)(text)["input_ids"]


def test_layers_of_different_kinds_are_kept_and_lists_of_layers_shortened_alike() -> None:
    kinds = ["sliding"] * 5 + ["full"]
    found = shortened({"num_hidden_layers": 6, "layer_types": kinds, "uses_rope": [1, 1, 1, 1, 1, 0], "labels": ["a"]})
    assert found == {"num_hidden_layers": 2, "layer_types": ["sliding", "full"], "uses_rope": [1, 0], "labels": ["a"]}
    assert shortened({"num_hidden_layers": 2, "layer_types": ["a", "b"]})["layer_types"] == ["a", "b"]
    assert shortened({"num_hidden_layers": 1})["num_hidden_layers"] == 1


def test_a_model_that_counts_its_layers_in_blocks_keeps_them(tmp_path: Path) -> None:
    folder = save_other("funnel", tmp_path / "model")
    assert set(tensors(shallow_copy(folder, tmp_path / "copy"))) == set(tensors(folder))


def test_weights_of_another_shape_than_the_configuration_says_are_found_without_being_loaded(tmp_path: Path) -> None:
    folder = save_model("bert", tmp_path / "model")
    check_shapes(folder, shallow_copy(folder, tmp_path / "same"))
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"intermediate_size": 64}))
    with pytest.raises(ModelError, match=r"model\.safetensors: encoder\..* is .*48.*, and .*64.* by config\.json"):
        check_shapes(folder, shallow_copy(folder, tmp_path / "other"))


def test_a_configuration_that_no_architecture_fits_is_an_error_of_the_model(tmp_path: Path) -> None:
    folder = save_model("bert", tmp_path / "model")
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_attention_heads": 5}))
    with pytest.raises(ModelError, match=r"'bert' cannot be built from its config\.json"):
        shallow_copy(folder, tmp_path / "copy")
