"""The ``tiny-seq2seq`` model: a T5 v1.1 of two and two layers, built from the sample corpus as ``tiny`` is, that writes.

It learns to write a sentence of which three tokens in ten are masked, in all languages of the corpus.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from transformers import PreTrainedTokenizerFast

log = logging.getLogger(__name__)

STEPS = 800
SENTENCES_A_STEP = 64
_LR = 2e-3
_HIDDEN = 0.3
_LONGEST = 48


def pretrain_seq2seq(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], steps: int, width: int) -> Any:
    """The model after ``steps`` steps, from a fixed seed and on one thread, which gives the same bits everywhere."""
    import numpy as np
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    threads, state = torch.get_num_threads(), torch.get_rng_state()
    torch.set_num_threads(1)
    try:
        torch.manual_seed(0)
        pad, end, special = tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.all_special_ids
        config = T5Config(
            vocab_size=len(tokenizer),
            d_model=width,
            d_kv=64,
            d_ff=3 * width,
            num_layers=2,
            num_decoder_layers=2,
            num_heads=width // 64,
            feed_forward_proj="gated-gelu",
            tie_word_embeddings=True,
            dropout_rate=0.0,
            pad_token_id=pad,
            eos_token_id=end,
            decoder_start_token_id=pad,
        )
        model = T5ForConditionalGeneration(config).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=_LR, weight_decay=0.01)
        rng = np.random.default_rng(0)
        rows = [np.array(row) for row in tokenizer(list(texts), truncation=True, max_length=_LONGEST)["input_ids"]]

        def padded(chosen: Sequence[Any], fill: int) -> torch.Tensor:
            table = np.full((len(chosen), max(map(len, chosen))), fill)
            for place, row in enumerate(chosen):
                table[place, : len(row)] = row
            return torch.from_numpy(table)

        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = _LR * min((step + 1) / 50, (steps - step) / steps)
            chosen = [rows[i] for i in rng.choice(len(rows), SENTENCES_A_STEP, replace=False)]
            hidden = [
                np.where((rng.random(len(row)) < _HIDDEN) & ~np.isin(row, special), tokenizer.mask_token_id, row)
                for row in chosen
            ]
            read, written = padded(hidden, pad), padded([row[1:] for row in chosen], -100)  # without the first <s>
            loss = model(input_ids=read, attention_mask=(read != pad).long(), labels=written).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        log.info("tiny model: loss of written tokens %.2f after %d steps", float(loss.detach()), steps)
        model.config.dropout_rate = 0.1  # for fine-tuning, as in the tiny encoder
        return model.eval()
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
