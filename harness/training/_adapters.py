"""Low-rank adapters through peft: trained next to a frozen encoder, merged into it when the checkpoint is written."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.models.encoder import encoder_children
from harness.models.fresh_head import carried_modules
from harness.models.languages import language_modules
from harness.models.quantised import whole_weights

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from harness.types.options import TrainOptions


def with_adapters(model: PreTrainedModel, options: TrainOptions, carried: Collection[str] = ()) -> Any:
    """The model with LoRA (Hu et al. 2022) or DoRA (Liu et al. 2024) on every linear layer of the encoder, to which
    ``carried`` parameters belong; the head is trained in full. Modules of single languages (X-MOD) get none.

    Needs the package peft."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise UsageError("--peft needs the package peft", hint="pip install 'xtreme-harness[peft]'") from None
    import torch

    encoder = [module for child in encoder_children(model).values() for module in child.modules()]
    encoder += carried_modules(model, carried).values()
    of_languages = {id(part) for module in language_modules(model) for part in module.modules()}
    linear = {id(module) for module in encoder if isinstance(module, torch.nn.Linear)} - of_languages
    targets = [name for name, module in model.named_modules() if id(module) in linear]
    held = {id(module) for module in encoder}
    body = () if model.base_model is model else (id(model.base_model),)
    heads = [name for name, child in model.named_children() if id(child) not in held and id(child) not in body]
    config = LoraConfig(
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,
        lora_dropout=options.lora_dropout,
        use_dora=options.peft == "dora",
        target_modules=targets,
        modules_to_save=[
            name
            for name in heads
            if any(f"{name}.{own}" not in carried for own, _ in getattr(model, name).named_parameters())
        ],
    )
    return get_peft_model(model, config)


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
