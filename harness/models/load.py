"""Tokenizers, loaded once and ready for batches."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models._sound import AGAIN, check_tokenizer
from harness.models.encoder import head_parameters
from harness.models.stored import stored_names

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def load_tokenizer(folder: Path, settings: Mapping[str, Any] = {}) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a model folder, padding with the end token if it has no padding token.

    It pads and cuts on the right, unless ``settings``, attributes of the tokenizer, say something else.
    """
    from transformers import AutoTokenizer

    check_tokenizer(folder)
    named = folder / "tokenizer.json"
    with border(f"{named if named.exists() else folder}: no usable tokenizer", ModelError, hint=AGAIN):
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True, trust_remote_code=False)
    if not tokenizer.is_fast:
        raise ModelError(
            f"{folder}: only a slow tokenizer, which has no character offsets",
            hint="save a tokenizer.json: AutoTokenizer.from_pretrained(...).save_pretrained(folder)",
        )
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise ModelError(
                f"{folder}: the tokenizer has neither a padding nor an end token", hint="set pad_token in it"
            )
        tokenizer.pad_token = tokenizer.eos_token
    for name, value in {"padding_side": "right", "truncation_side": "right", **settings}.items():
        setattr(tokenizer, name, value)
    return tokenizer


def check_head(model: PreTrainedModel, folder: Path, head: Collection[str] | None = None) -> None:
    """Refuses a checkpoint whose head for this task would be random: its weights are not in the files.

    ``head`` are the names of its parameters, by default of all outside the encoder.
    """
    names = head_parameters(model) if head is None else head
    fresh: Collection[str] | None = getattr(model, "harness_fresh", None)
    if fresh is None:  # loaded by other means than ours: by the names in the files
        fresh = set(names) - stored_names(folder)
    absent = [name for name in names if name in fresh]
    if absent:
        raise ModelError(
            f"{folder}: no trained head for this task ({absent[0]} is not among its weights)",
            hint="leave out --train never to fine-tune on English first, or give a fine-tuned checkpoint",
        )
