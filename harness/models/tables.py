"""The tables of a model, of tokens and of positions: errors before anything is computed where they are too small.

Looked up beyond its end, a table ends a run in the middle: on a GPU with an error that names neither model nor file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError
from harness.models.places import places_put_in

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_POSITIONS = (
    "position_embeddings",
    "position_embedding",
    "embed_positions",
    "pos_embeddings",
    "wpe",
    "char_position_embeddings",
)


def check_vocabulary(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """:class:`ModelError` where the tokenizer has tokens that the model has no embedding of."""
    try:
        table: Any = model.get_input_embeddings()
    except (AttributeError, NotImplementedError):  # some read text otherwise, as CANINE does its characters
        return
    weight = getattr(table, "weight", None)
    rows = getattr(table, "num_embeddings", None) or (len(weight) if weight is not None else None)
    if rows is None or model.config.model_type == "canine" or len(tokenizer) <= rows:
        return
    added = sorted(token for token in tokenizer.added_tokens_decoder if token >= rows)
    if len(tokenizer) == rows + 1 and added == _never_given(tokenizer):
        return
    names = ", ".join(str(tokenizer.added_tokens_decoder[token]) for token in added[:3])
    raise ModelError(
        f"{tokenizer.name_or_path}: its tokenizer has {len(tokenizer):,} tokens"
        + (f" ({names} added)" if added else "")
        + f", its model embeddings of {rows:,}",
        hint="model.resize_token_embeddings(len(tokenizer)), and train the new ones; or take the model's own tokenizer",
    )


def _never_given(tokenizer: PreTrainedTokenizerBase) -> list[int | None]:
    """The unknown token of a model of bytes, to which nothing is unknown; transformers adds Qwen's to any tokenizer."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    knows_all = backend is not None and getattr(backend.model, "unk_token", "") is None
    return [tokenizer.unk_token_id] if knows_all else []


def check_positions(model: PreTrainedModel, longest: int, where: str = "") -> None:
    """:class:`ModelError` where the model has fewer positions than the longest row has tokens."""
    positions = position_count(model)
    positions = None if positions is None else positions - places_put_in(model.config)
    if positions is not None and longest > positions:
        raise ModelError(
            f"{where or model.config.name_or_path}: a row of {longest:,} tokens, and the model has {positions:,} positions",
            hint=f"--set max_length={positions} (of the task: --set TASK.max_length={positions}) shortens its rows",
        )


def position_count(model: PreTrainedModel) -> int | None:
    """Tokens that its learned positions have room for; None where positions are computed.

    The RoBERTa family counts from after its padding id, BART's from 2.
    """
    import torch

    room = [
        table.num_embeddings
        - int(getattr(table, "offset", 0) or (-1 if table.padding_idx is None else table.padding_idx) + 1)
        for name, table in model.named_modules()
        if name.rpartition(".")[2] in _POSITIONS and isinstance(table, torch.nn.Embedding)
    ]
    # CANINE hashes positions, and has as many as its list of them.
    room += [buffer.shape[-1] for name, buffer in model.named_buffers() if name.rpartition(".")[2] == "position_ids"]
    return min(room, default=None)
