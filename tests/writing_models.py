"""Small random models that write, with their tokenizers: encoder-decoders and decoders, for tests of generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from small_models import tokenizer

KINDS = ("mt5", "mbart", "llama", "gpt2")


def save_writer(kind: str, folder: Path, *, seed: int = 0, codes: tuple[str, ...] = ()) -> Path:
    """Saves a model with its language-model head; ``codes`` are tokens of languages that its tokenizer gets."""
    import copy

    import torch
    import transformers
    from transformers import GPT2Config, LlamaConfig, MBartConfig, MT5Config

    tokens = copy.deepcopy(tokenizer({"mbart": "xlmr", "gpt2": "qwen2"}.get(kind, kind)))
    if codes:
        tokens.add_special_tokens({"additional_special_tokens": list(codes)})
    ends = {
        "vocab_size": len(tokens),
        "pad_token_id": tokens.pad_token_id,
        "bos_token_id": tokens.bos_token_id,
        "eos_token_id": tokens.eos_token_id,
    }
    wide: dict[str, Any] = {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 48,
    }
    config = {
        "mt5": lambda: MT5Config(
            **ends, d_model=32, d_kv=16, d_ff=48, num_layers=2, num_heads=2, decoder_start_token_id=0, dropout_rate=0.0
        ),
        "mbart": lambda: MBartConfig(
            **ends,
            d_model=32,
            **{f"{side}_{what}": 2 for side in ("encoder", "decoder") for what in ("layers", "attention_heads")},
            encoder_ffn_dim=48,
            decoder_ffn_dim=48,
            max_position_embeddings=160,
            dropout=0.0,
        ),
        "llama": lambda: LlamaConfig(**ends, **wide, num_key_value_heads=1, max_position_embeddings=300),
        "gpt2": lambda: GPT2Config(
            **ends, n_embd=32, n_layer=2, n_head=2, n_positions=160, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0
        ),
    }[kind]()
    auto = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    torch.manual_seed(seed)
    model = auto.from_config(config)
    with torch.no_grad():  # so that decisions are no near ties
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.4)
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder
