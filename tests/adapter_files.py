"""Language adapters as peft writes them, with random numbers that change what a model says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch


def write_adapter(model: Path, folder: Path, seed: int, *, kind: str = "MaskedLM", **settings: Any) -> Path:
    """A LoRA for every linear layer of the encoder in ``model``, loaded in the class of this ``kind``, or bare."""
    from peft import LoraConfig, get_peft_model

    from harness.models.encoder import encoder_children

    network = load(model, kind)
    encoder = {id(module) for child in encoder_children(network).values() for module in child.modules()}
    linear = [
        name
        for name, module in network.named_modules()
        if id(module) in encoder and isinstance(module, torch.nn.Linear)
    ]
    config = LoraConfig(**{"r": 4, "lora_alpha": 6, "init_lora_weights": False, "target_modules": linear, **settings})
    torch.manual_seed(seed)
    adapted = get_peft_model(network, config)
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    adapted.save_pretrained(folder)
    return folder


def write_adapters(model: Path, folder: Path, *codes: str) -> Path:
    """An adapter for each language, each in a folder of its code; their numbers differ."""
    for seed, code in enumerate(codes):
        write_adapter(model, folder / code, seed)
    return folder


def load(model: Path, kind: str) -> Any:
    import transformers

    return getattr(transformers, f"AutoModel{'For' * bool(kind)}{kind}").from_pretrained(model)


def write_merged(model: Path, adapter: Path, folder: Path, kind: str = "MaskedLM") -> Path:
    """A copy of the model with the adapter added into its weights, by peft itself."""
    import shutil

    from peft import PeftModel

    shutil.copytree(model, folder)
    (folder / "stage.json").unlink(missing_ok=True)
    PeftModel.from_pretrained(load(model, kind), adapter).merge_and_unload().save_pretrained(folder)
    return folder
