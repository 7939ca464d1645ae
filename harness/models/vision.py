"""Vision models in folders, which make of an image a vector: CLIP's and SigLIP's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models._sound import AGAIN
from harness.models.config import load_config
from harness.models.heads import check_loaded, fresh_parameters, quiet

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

_CLASSES = {
    "clip": "CLIPVisionModel",
    "clip_vision_model": "CLIPVisionModel",
    "siglip": "SiglipVisionModel",
    "siglip_vision_model": "SiglipVisionModel",
}
"""Classes of transformers by the type of a model, of images and text or of images alone."""
_COLOURS = 3


def load_vision(folder: Path) -> PreTrainedModel:
    """The vision model in a folder, of which a text side is left out; in single precision.

    ModelError where there is none of a known type, or where weights are missing.
    """
    import transformers

    kind = _config(folder).model_type
    with quiet(), border(f"option tower: {folder}: cannot be loaded", ModelError, hint=AGAIN):
        model, report = getattr(transformers, _CLASSES[kind]).from_pretrained(
            folder, output_loading_info=True, local_files_only=True, use_safetensors=True, dtype="float32"
        )
    check_loaded(str(folder), model.config, report, fresh_parameters(report))
    found: PreTrainedModel = model
    return found


def vision_size(folder: Path) -> int:
    """The pixels on a side of the pictures that the vision model in a folder takes; errors as for :func:`load_vision`."""
    config: Any = _config(folder)
    return int(getattr(config, "vision_config", config).image_size)


def _config(folder: Path) -> PreTrainedConfig:
    """The configuration of the model, of a type that is known."""
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"option tower: {folder}: no model is there (no config.json)",
            hint="'patches', or a folder with a CLIP or SigLIP model in the layout of save_pretrained",
        )
    with quiet():
        config = load_config(folder)
    if config.model_type not in _CLASSES:
        raise ModelError(
            f"option tower: {folder}: a model of type {config.model_type!r} is no vision model that is known here",
            hint=f"known types are {', '.join(_CLASSES)}; or --set tower=patches",
        )
    return config


def colour_scale(folder: Path) -> dict[str, list[float]]:
    """The mean and the standard deviation of each colour, 0 to 1, that a vision model expects: "mean" and "std".

    They are in its preprocessor_config.json; ModelError where that does not say them.
    """
    path = folder / "preprocessor_config.json"
    said: Any = {}
    if path.is_file():
        with border(f"{path}: not readable as JSON", ModelError, hint=AGAIN):
            said = json.loads(path.read_text(encoding="utf-8"))
    found = {name: said.get(f"image_{name}") for name in ("mean", "std")}
    for name, value in found.items():
        if not (isinstance(value, list) and len(value) == _COLOURS):
            raise ModelError(
                f"{path}: it must say image_{name}, a list of {_COLOURS} numbers, as the model was trained with them",
                hint="copy the file that belongs to the vision model into its folder",
            )
    return {name: [float(each) for each in value] for name, value in found.items()}
