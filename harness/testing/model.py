"""Models for checks, of random weights, built in a second: an XLM-R with its pooler and its masked-language-model head,
and for families that write an mT5.

No text is out of their tokenizer's vocabulary.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.core.built import built
from harness.models.tiny import train_tokenizer

_TEXTS = (
    "the small bird did not sing in the garden yesterday",
    "der kleine Vogel sang gestern nicht im Garten",
    "маленькая птица вчера не пела в саду",
    "العصفور الصغير لم يغرد في الحديقة أمس",
    "小鸟昨天没有在花园里唱歌",
    "नन्ही चिड़िया कल बगीचे में नहीं गाई",
)


def small_model(folder: Path, *, writes: bool = False) -> Path:
    """Writes the model into ``folder`` (once), in the layout of ``save_pretrained``; one that ``writes`` beside it."""
    return built(folder.with_name(f"{folder.name}-writer"), _build_writer) if writes else built(folder, _build)


def _build(folder: Path) -> None:
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaModel

    from harness.models.heads import quiet

    tokenizer = _save_tokenizer(folder)
    config = XLMRobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.3,  # so that decisions are no near ties
        max_position_embeddings=514,
        type_vocab_size=1,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        bare = XLMRobertaModel(config).state_dict()
        model = XLMRobertaForMaskedLM(config)
        model.roberta.load_state_dict(bare, strict=False)
        pooler = {f"roberta.{name}": value for name, value in bare.items() if name.startswith("pooler")}
        model.save_pretrained(folder, state_dict={**model.state_dict(), **pooler})


def _build_writer(folder: Path) -> None:
    import torch
    from transformers import MT5Config, MT5ForConditionalGeneration

    from harness.models.heads import quiet

    tokenizer = _save_tokenizer(folder)
    config = MT5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        initializer_factor=4.0,  # so that decisions are no near ties
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        MT5ForConditionalGeneration(config).save_pretrained(folder)


def _save_tokenizer(folder: Path) -> Any:
    tokenizer = train_tokenizer(_TEXTS, vocabulary=500)
    tokenizer.save_pretrained(folder)
    return tokenizer
