"""The configuration of a model, read by transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models._sound import AGAIN, check_token_ids

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedTokenizerBase


WHERE = ("cache_dir", "force_download", "local_files_only", "revision", "subfolder", "token", "trust_remote_code")
"""Arguments of ``from_pretrained`` that say where a model is, and are for its configuration, too."""


def load_config(reference: str | Path, **where: Any) -> PreTrainedConfig:
    """The configuration of a model, which is not loaded.

    :class:`~harness.core.errors.ModelError` where it cannot be read, or where its padding token has no embedding, be it that
    of the file or, where the file has none, that of the architecture.
    """
    from transformers import AutoConfig

    with border(f"{reference}: no usable config.json", ModelError, hint=AGAIN):
        config = AutoConfig.from_pretrained(reference, **where)
    ids = {name: getattr(config, name, None) for name in ("pad_token_id", "vocab_size")}
    check_token_ids(ids, Path(reference) / "config.json")
    return config


def differing_ids(config: PreTrainedConfig, tokenizer: PreTrainedTokenizerBase) -> str:
    """Lists the special tokens of which a configuration says other ids than the tokenizer has, or none; "" without any."""
    names = ("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id", "mask_token_id")
    pairs = [(name, getattr(config, name, None), getattr(tokenizer, name)) for name in names]
    found = [
        f"{name} {said} ({has} in the tokenizer)"
        for name, said, has in pairs
        if has is not None and said != has and (said is not None or name in names[:3])
    ]
    if getattr(config, "is_encoder_decoder", False) and getattr(config, "decoder_start_token_id", None) is None:
        found.append("decoder_start_token_id None (the padding token in T5 and its relatives)")
    return ", ".join(found)
