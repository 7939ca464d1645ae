"""The ``tiny`` model: an XLM-R of a few million parameters, built here from the sample corpus, for trying things out.

Its tokenizer is trained on all scripts of the corpus, its encoder with a short masked-language-model phase. The build
runs on one thread from fixed seeds, so the same versions give the same bits everywhere; it is kept in the cache. Its
variants (:mod:`harness.models.tiny_variants`) differ in width or text, and are built in as many steps of as many sentences.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.built import built
from harness.core.paths import cache_dir
from harness.data import sample
from harness.models.tiny_seq2seq import STEPS as WRITER_STEPS
from harness.models.tiny_seq2seq import pretrain_seq2seq
from harness.models.tiny_variants import TINY_VARIANTS, TinyVariant

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

log = logging.getLogger(__name__)

VERSION = 2
VOCABULARY = 5000
STEPS = 500
SENTENCES_A_STEP = 64
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]


def tiny_model(name: str = "tiny") -> Path:
    """The folder of the tiny model, or of a variant, built on first use: half a minute, or some."""
    versions = "-".join(f"{name}{version(name).partition('+')[0]}" for name in ("torch", "transformers", "tokenizers"))

    def build(folder: Path) -> None:
        log.info("building the model %s (once)", name)
        build_tiny(folder, name)

    return built(cache_dir() / "models" / f"{name}-{VERSION}-{versions}", build)


def build_tiny(folder: Path, name: str = "tiny", *, steps: int | None = None) -> None:
    """Builds tokenizer and weights into ``folder``, in the layout of ``save_pretrained``."""
    from harness.models.heads import quiet

    variant = TINY_VARIANTS[name]
    texts = [line for lines in _text(variant).values() for line in lines]
    tokenizer = train_tokenizer(texts)
    tokenizer.save_pretrained(folder)
    if variant.writes:
        model = pretrain_seq2seq(tokenizer, texts, steps or WRITER_STEPS, variant.width)
    else:
        model = _pretrain(tokenizer, texts, steps or STEPS, variant.width)
    with quiet():
        model.save_pretrained(folder)


def tiny_tokenizer(name: str = "tiny") -> PreTrainedTokenizerFast:
    """The tokenizer of the tiny model or of a variant, without building the model."""
    return train_tokenizer(line for lines in _text(TINY_VARIANTS[name]).values() for line in lines)


@cache  # the text takes most of a second
def tiny_languages(name: str = "tiny") -> Mapping[str, float]:
    """The share of each language in the sentences that the tiny model, or a variant, has seen; they sum to 1."""
    counts = {language: len(lines) for language, lines in _text(TINY_VARIANTS[name]).items()}
    return {language: round(count / sum(counts.values()), 4) for language, count in counts.items()}


def _text(variant: TinyVariant) -> dict[str, list[str]]:
    """The sentences by language. Of a thinned one every so manieth is left, so that all kinds of sentences are."""
    chosen = variant.languages or sample.sample_languages()
    return {language: sample.sample_text(language)[:: variant.thinned.get(language, 1)] for language in chosen}


def train_tokenizer(texts: Iterable[str], vocabulary: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """A byte-fallback BPE tokenizer with XLM-R's special tokens and templates; no text is out of its vocabulary."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 1, special_tokens=SPECIAL + byte_tokens, show_progress=False, limit_alphabet=2000
    )
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        cls_token="<s>",
        unk_token="<unk>",
        pad_token="<pad>",
        mask_token=AddedToken("<mask>", lstrip=True),
        model_max_length=512,
        model_input_names=["input_ids", "attention_mask"],
    )


def _pretrain(tokenizer: PreTrainedTokenizerFast, texts: list[str], steps: int, width: int) -> Any:
    import numpy as np
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    threads = torch.get_num_threads()
    state = torch.get_rng_state()
    torch.set_num_threads(1)  # sums in one order on every machine
    try:
        torch.manual_seed(0)
        config = XLMRobertaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            num_hidden_layers=4,
            num_attention_heads=width // 32,
            intermediate_size=3 * width,
            max_position_embeddings=514,
            type_vocab_size=1,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        model = XLMRobertaForMaskedLM(config)
        model.train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
        rng = np.random.default_rng(0)
        rows = tokenizer(texts, truncation=True, max_length=64)["input_ids"]
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = 1e-3 * min((step + 1) / 30, (steps - step) / steps)
            chosen = [rows[i] for i in rng.choice(len(rows), SENTENCES_A_STEP, replace=False)]
            ids = np.full((len(chosen), max(map(len, chosen))), tokenizer.pad_token_id)
            for i, row in enumerate(chosen):
                ids[i, : len(row)] = row
            hidden = (rng.random(ids.shape) < 0.15) & (ids > tokenizer.unk_token_id)
            batch = torch.from_numpy(np.where(hidden, tokenizer.mask_token_id, ids))
            attention = (batch != tokenizer.pad_token_id).long()
            # Only the hidden tokens go through the output layer, which is the dear part of so small a model.
            states = model.base_model(input_ids=batch, attention_mask=attention).last_hidden_state
            guesses = model.lm_head(states[torch.from_numpy(hidden)])
            loss = torch.nn.functional.cross_entropy(guesses, torch.from_numpy(ids[hidden]))
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        log.info("tiny model: masked-language-model loss %.2f after %d steps", float(loss.detach()), steps)
        # Dropout stays off while pretraining so little, but fine-tuning wants the usual amount.
        model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1
        return model.eval()
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
