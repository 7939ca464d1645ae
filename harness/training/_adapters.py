"""Low-rank adapters through peft, trained next to a frozen encoder.

Those of a task are merged into the encoder when the checkpoint is written; that of a language is all that is written.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.models.encoder import encoder_children
from harness.models.fresh_head import carried_modules
from harness.models.image_tower import tower_of, tower_parameters
from harness.models.language_adapters import CONFIG, WEIGHTS
from harness.models.languages import language_modules
from harness.models.quantised import whole_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.types.options import TrainOptions


def with_adapters(
    model: PreTrainedModel, options: TrainOptions, carried: Collection[str] = (), *, head: bool = True
) -> Any:
    """The model with LoRA (Hu et al. 2022) or DoRA (Liu et al. 2024) on every linear layer of the encoder, to which
    ``carried`` parameters belong, and of a decoder. The head is trained in full, or with ``head`` False not at all; a
    tower for images is trained in full. Modules of single languages (X-MOD) get none.

    Needs the package peft."""
    encoder = [module for child in encoder_children(model).values() for module in child.modules()]
    encoder += carried_modules(model, carried).values()
    apart = [*language_modules(model), *([tower] if (tower := tower_of(model)) is not None else [])]
    whole = {id(part) for module in apart for part in module.modules()}
    held = {id(module) for module in encoder}
    body = () if model.base_model is model else (id(model.base_model),)
    heads = [name for name, child in model.named_children() if id(child) not in held and id(child) not in body]
    to_save = [
        name
        for name in heads
        if any(f"{name}.{own}" not in carried for own, _ in getattr(model, name).named_parameters())
    ]
    more = {"modules_to_save": to_save} if head else {}
    trained = tower_parameters(model)
    adapted = _low_rank(model, options, held - whole, use_dora=options.peft == "dora", **more)
    for parameter in trained:
        parameter.requires_grad_(True)
    return adapted


def with_language_adapter(model: PreTrainedModel, options: TrainOptions, fresh: Collection[str]) -> Any:
    """The model with LoRA on every linear layer of the encoder, and nothing else trained.

    Only a head that the checkpoint lacks, whose ``fresh`` parameters were drawn at random, is trained along; it is not
    kept. Needs the package peft.
    """
    encoder = {id(module) for child in encoder_children(model).values() for module in child.modules()}
    adapted = _low_rank(model, options, encoder)
    for name, parameter in adapted.get_base_model().named_parameters():
        if name in fresh:
            parameter.requires_grad_(True)
    return adapted


def write_adapter(model: Any, folder: Path, reference: str) -> None:
    """Writes the LoRA of :func:`with_language_adapter` as peft does; ``reference`` names the model that it is for."""
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    (config,) = model.peft_config.values()
    config.save_pretrained(folder)
    said = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    said |= {
        "base_model_name_or_path": reference,
        "inference_mode": True,
        "target_modules": sorted(said["target_modules"]),
    }
    (folder / CONFIG).write_text(json.dumps(said, indent=2, sort_keys=True), encoding="utf-8")
    found = get_peft_model_state_dict(model, save_embedding_layers=False)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in found.items()}
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def _low_rank(model: PreTrainedModel, options: TrainOptions, inside: Collection[int], **more: Any) -> Any:
    """The model with low-rank matrices on the linear layers among these modules."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise UsageError("adapters need the package peft", hint="pip install 'xtreme-harness[peft]'") from None
    import torch

    targets = [
        name for name, module in model.named_modules() if id(module) in inside and isinstance(module, torch.nn.Linear)
    ]
    how: dict[str, Any] = {
        "r": options.lora_rank,
        "lora_alpha": options.lora_alpha,
        "lora_dropout": options.lora_dropout,
    }
    return get_peft_model(model, LoraConfig(**how, target_modules=targets, **more))


def with_weights_of(model: Any, trained: Any) -> Any:
    """``model``, made alike in fp32, with the weights of one whose encoder is held in 8 or 4 bits."""
    import torch

    weights = {**dict(trained.named_parameters()), **whole_weights(trained)}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
    return model


def merged(model: Any) -> PreTrainedModel:
    """A copy of the model without wrappers, the adapters added into its weights; ``model`` trains on as it is."""
    return copy.deepcopy(model).cpu().merge_and_unload()
