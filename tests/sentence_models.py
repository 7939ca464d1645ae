"""Folders of sentence-embedding models in the layouts of their authors, added to a model with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

WIDTH = 32
SEVERAL = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")


def modules_json(folder: Path, *modules: tuple[str, str, dict[str, Any] | None]) -> Path:
    """Writes modules.json, and the configuration of each module: (class, folder, configuration)."""
    entries = [("Transformer", "", None), *modules]
    table = [
        {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for index, (kind, path, _) in enumerate(entries)
    ]
    (folder / "modules.json").write_text(json.dumps(table), encoding="utf-8")
    for _, path, config in modules:
        if config is not None:
            (folder / path).mkdir(exist_ok=True)
            (folder / path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def pooling(name: str, **more: Any) -> tuple[str, str, dict[str, Any]]:
    return "Pooling", "1_Pooling", {"word_embedding_dimension": WIDTH, f"pooling_mode_{name}": True, **more}


def dense(
    folder: Path, path: str, into: int, out: int, activation: str, **more: Any
) -> tuple[str, str, dict[str, Any]]:
    """A dense layer with random weights, and its entry."""
    layer = torch.nn.Linear(into, out, bias=more.get("bias", True))
    tensors = {f"linear.{name}": value.detach() for name, value in layer.named_parameters()}
    if more.get("use_residual"):
        tensors["residual.weight"] = torch.nn.Linear(into, out, bias=False).weight.detach()
    (folder / path).mkdir()
    save_file(tensors, folder / path / "model.safetensors")
    config = {"in_features": into, "out_features": out, "bias": True, "activation_function": activation, **more}
    return "Dense", path, config


def labse(folder: Path) -> None:
    """The first token, a dense layer with tanh, unit length."""
    layer = dense(folder, "2_Dense", WIDTH, WIDTH, "torch.nn.modules.activation.Tanh")
    modules_json(folder, pooling("cls_token"), layer, ("Normalize", "3_Normalize", None))


def embedding_gemma(folder: Path) -> None:
    """The mean, two dense layers without bias or activation, unit length; prompts, none of them the default."""
    identity = "torch.nn.modules.linear.Identity"
    layers = [
        dense(folder, "2_Dense", WIDTH, 96, identity, bias=False),
        dense(folder, "3_Dense", 96, WIDTH, identity, bias=False),
    ]
    modules_json(folder, pooling("mean_tokens"), *layers, ("Normalize", "4_Normalize", None))
    prompts = {"query": "task: search | query: ", "BitextMining": "task: bitext | query: "}
    (folder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": prompts}), encoding="utf-8")


def last_token(folder: Path) -> None:
    """The last token, and a default prompt."""
    modules_json(folder, pooling("lasttoken"), ("Normalize", "2_Normalize", None))
    prompts = {"prompts": {"query": "Query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts), encoding="utf-8")


def instructor(folder: Path) -> None:
    """A default prompt that is not pooled."""
    last_token(folder)
    modules_json(folder, pooling("mean_tokens", include_prompt=False))


def everything_joined(folder: Path) -> None:
    """All ways to pool side by side as newer files write them, a layer norm, a dense layer with a way around it."""
    wide = len(SEVERAL) * WIDTH
    (folder / "2_LayerNorm").mkdir()
    norm = {"norm.weight": torch.rand(wide), "norm.bias": torch.rand(wide)}
    save_file(norm, folder / "2_LayerNorm" / "model.safetensors")
    joined = {"embedding_dimension": WIDTH, "pooling_mode": list(SEVERAL)}
    layer = dense(folder, "3_Dense", wide, 8, "torch.nn.modules.activation.GELU", use_residual=True)
    modules_json(folder, ("Pooling", "1_Pooling", joined), ("LayerNorm", "2_LayerNorm", {"dimension": wide}), layer)


def cut_and_lower_case(folder: Path) -> None:
    """Texts in lower case, of 12 tokens at most."""
    modules_json(folder, pooling("max_tokens"), ("Dropout", "2_Dropout", {"dropout": 0.5}))
    texts = {"max_seq_length": 12, "do_lower_case": True}
    (folder / "sentence_bert_config.json").write_text(json.dumps(texts), encoding="utf-8")
