"""Weights in 8 or 4 bits (Dettmers et al. 2022, 2023), through transformers and the package bitsandbytes."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError, UsageError
from harness.models.encoder import head_parameters

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedConfig, PreTrainedModel

QUANTS = ("8bit", "4bit")
_DEVICES = ("cuda", "cpu")
_BLOCK = 64
"""Weights of a 4-bit block; each block has its own scale."""


def check_quant(quant: str, device: str) -> None:
    """UsageError where models cannot be loaded in that many bits on the device ("" is always possible)."""
    if not quant:
        return
    if find_spec("bitsandbytes") is None:
        raise UsageError(f"--quant {quant} needs the package bitsandbytes", hint="pip install 'xtreme-harness[quant]'")
    if device.partition(":")[0] not in _DEVICES:
        raise UsageError(f"--quant {quant}: not on the device {device!r}", hint=f"use --device {' or '.join(_DEVICES)}")


def quantised(quant: str, device: str, dtype: str) -> dict[str, Any]:
    """Arguments of ``from_pretrained`` that load a model in 8 or 4 bits onto a device; none for "".

    "8bit" is LLM.int8(), "4bit" is NF4. Between the layers, numbers are what ``dtype`` ("fp32", "bf16", "fp16") says.
    """
    if not quant:
        return {}
    import torch
    from transformers import BitsAndBytesConfig

    for name in ("bitsandbytes", "bitsandbytes.autograd._functions"):  # they log every cast, and absent kernels
        logging.getLogger(name).setLevel(logging.ERROR)
    kinds = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    config = (
        BitsAndBytesConfig(load_in_8bit=True)
        if quant == "8bit"
        else BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=kinds.get(dtype, torch.float32)
        )
    )
    return {"quantization_config": config, "device_map": {"": device}}


def keep_head_whole(settings: Mapping[str, Any], head: Any, config: PreTrainedConfig) -> None:
    """Leaves the head ``head`` (a class) out of the quantisation that ``settings`` ask for: it is trained in full."""
    import torch

    asked = settings.get("quantization_config")
    if asked is None:
        return
    with torch.device("meta"):
        bare = head(config)
    asked.llm_int8_skip_modules = sorted({name.rpartition(".")[0] for name in head_parameters(bare)})


def after_loading(model: PreTrainedModel) -> PreTrainedModel:
    """Switches off what bitsandbytes does on some processors: predicting repacks 4-bit weights into a form of less
    precision, which fails for some widths of layer and has no gradients in later training.

    :class:`ModelError` for a 4-bit layer that it reads wrongly there.
    """
    for name, module in model.named_modules():
        if not hasattr(module, "support_avx512bf16_for_cpu"):
            continue
        module.support_avx512bf16_for_cpu = False
        if model.device.type == "cpu" and module.in_features % _BLOCK:
            raise ModelError(
                f"--quant 4bit: the layer {name} has {module.in_features} inputs, which bitsandbytes on a processor reads "
                f"rightly in multiples of {_BLOCK} only",
                hint="use --quant 8bit, or a GPU",
            )
    return model


def whole_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights that are held in few bits, by name, as the fp32 numbers (on the CPU) that they represent."""
    import torch
    from transformers.integrations.bitsandbytes import dequantize_bnb_weight

    found = {}
    for name, module in model.named_modules():
        weight = module._parameters.get("weight")  # its own: adapters pass on that of the layer in them
        if type(weight).__name__ in ("Int8Params", "Params4bit"):
            found[f"{name}.weight"] = dequantize_bnb_weight(weight, getattr(module, "state", None)).to(
                "cpu", torch.float32
            )
    return found
