"""The encoders that people use, each with random weights in a tiny shape and its own scheme of tokens, as it is published.

Configurations come from transformers' own classes, so that an architecture is what transformers makes of it; tokenizers
are of the scheme that the authors use (:mod:`tokenizer_schemes`), learned from a few sentences.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from small_models import tokenizer
from tokenizer_schemes import scheme

_BERT = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
_LONG = {"max_position_embeddings": 160}
_ROPE = {"num_key_value_heads": 1, "head_dim": 16}
_T5 = {"d_model": 32, "d_kv": 16, "d_ff": 48, "num_layers": 2, "num_decoder_layers": 2, "num_heads": 2}


@dataclass(frozen=True, eq=False)
class Published:
    """An architecture: ``kind`` is transformers' type of model, ``tokens`` the scheme, ``head`` what it is published with
    ("" for the bare model), ``known_for`` the models that people mean by it."""

    kind: str
    known_for: str
    tokens: str
    head: str = "MaskedLM"
    shape: dict[str, Any] = field(default_factory=dict)


_ENCODER = _BERT | _LONG
PUBLISHED = (
    Published("xlm-roberta", "XLM-R, XLM-V, Glot500, BGE-m3", "xlmr", shape=_ENCODER | {"type_vocab_size": 1}),
    Published("xlm-roberta-xl", "XLM-R XL and XXL", "xlmr", shape=_ENCODER | {"type_vocab_size": 1}),
    Published("roberta", "RoBERTa and its relatives", "roberta", shape=_ENCODER | {"type_vocab_size": 1}),
    Published("bert", "mBERT, LaBSE, e5", "bert", shape=_ENCODER),
    Published(
        "distilbert", "mDistilBERT", "bert", shape=_LONG | {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48}
    ),
    Published("albert", "ALBERT, IndicBERT", "mt5", shape=_ENCODER | {"embedding_size": 16}),
    Published("electra", "ELECTRA", "bert", shape=_ENCODER | {"embedding_size": 32}),
    Published("deberta", "DeBERTa", "gpt2", shape=_ENCODER),
    Published(
        "deberta-v2",
        "mDeBERTa-v3",
        "mt5",
        shape=_ENCODER | {"relative_attention": True, "position_buckets": 16, "pos_att_type": ["p2c", "c2p"]},
    ),
    Published("rembert", "RemBERT", "mt5", shape=_ENCODER | {"input_embedding_size": 16, "output_embedding_size": 16}),
    Published("mpnet", "MPNet", "bert", shape=_ENCODER),
    Published("luke", "LUKE, mLUKE", "xlmr", shape=_ENCODER | {"entity_vocab_size": 8, "entity_emb_size": 16}),
    Published("xlm", "XLM-15, XLM-100", "bert", shape={"emb_dim": 32, "n_layers": 2, "n_heads": 2} | _LONG),
    Published("modernbert", "mmBERT, Ettin, ModernBERT", "gemma", shape=_ENCODER | {"global_attn_every_n_layers": 2}),
    Published("eurobert", "EuroBERT", "eurobert", shape=_ENCODER | _ROPE),
    Published("gte", "mGTE, gte-multilingual, Arctic Embed 2", "xlmr", shape=_ENCODER | {"type_vocab_size": 1}),
    Published("nomic_bert", "Nomic Embed", "bert", head="", shape=_ENCODER | {"head_dim": 16}),
    Published("jina_embeddings_v3", "jina-embeddings-v3", "xlmr", head="", shape=_ENCODER | {"type_vocab_size": 1}),
    Published("roformer", "RoFormer", "bert", shape=_ENCODER | {"embedding_size": 32}),
    Published("fnet", "FNet", "bert", shape=_ENCODER),
    Published("xlnet", "XLNet", "mt5", head="", shape={"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48}),
    Published("xmod", "X-MOD", "xlmr", shape=_ENCODER | {"languages": ["en_XX", "de_DE"]}),
    Published(
        "gemma3_text",
        "EmbeddingGemma",
        "gemma",
        head="",
        shape=_ENCODER | _ROPE | {"use_bidirectional_attention": True},
    ),
    Published("qwen3", "Qwen3-Embedding", "qwen2", head="", shape=_ENCODER | _ROPE),
    Published("mistral", "e5-mistral", "llama", head="CausalLM", shape=_ENCODER | _ROPE),
    Published("llama", "Llama", "llama", head="CausalLM", shape=_ENCODER | _ROPE),
    Published("modernbert-decoder", "Ettin decoders", "modernbert", head="CausalLM", shape=_ENCODER),
    Published(
        "gpt2",
        "GPT-2, mGPT",
        "gpt2_bare",
        head="CausalLM",
        shape={"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 160},
    ),
    Published("bloom", "BLOOM", "gpt2_bare", head="CausalLM", shape={"hidden_size": 32, "n_layer": 2, "n_head": 2}),
    Published(
        "xglm",
        "XGLM",
        "xlmr",
        head="CausalLM",
        shape={"d_model": 32, "num_layers": 2, "attention_heads": 2, "ffn_dim": 48} | _LONG,
    ),
    Published("mt5", "mT5", "mt5", head="Seq2SeqLM", shape=_T5),
    Published("umt5", "umT5", "mt5", head="Seq2SeqLM", shape=_T5),
    Published("t5", "ByT5", "ByT5Tokenizer", head="Seq2SeqLM", shape=_T5 | {"decoder_start_token_id": 0}),
    Published(
        "canine",
        "CANINE",
        "CanineTokenizer",
        head="",
        shape=_BERT | {"max_position_embeddings": 512, "local_transformer_stride": 32, "num_hash_buckets": 64},
    ),
    Published(
        "mbart",
        "mBART",
        "xlmr",
        head="Seq2SeqLM",
        shape=_LONG
        | {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2}
        | {"decoder_attention_heads": 2, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48},
    ),
)


def tokens_of(published: Published) -> Any:
    """Its tokenizer, with a mask token where it is published for masked language modelling."""
    if published.tokens.endswith("Tokenizer"):  # letters: there is nothing to learn
        import transformers

        return getattr(transformers, published.tokens)()
    if published.tokens in ("llama", "qwen2"):
        return tokenizer(published.tokens)
    made = copy.deepcopy(scheme(published.tokens.removesuffix("_bare")))
    if published.tokens.endswith("_bare"):  # GPT-2 and BLOOM put nothing around a text
        from tokenizers import processors
        from transformers import PreTrainedTokenizerFast

        backend = made.backend_tokenizer
        backend.post_processor = processors.ByteLevel(trim_offsets=False)
        return PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="<pad>", eos_token="</s>")
    made.add_special_tokens({"mask_token": "<mask>", "bos_token": "<s>", "eos_token": "</s>"})
    return made


def architecture(kind: str) -> Published:
    """The architecture of this kind."""
    return next(each for each in PUBLISHED if each.kind == kind)


def save_published(published: Published, folder: Path) -> Path:
    """Saves the model, with its head, and its tokenizer."""
    import torch
    import transformers

    tokens = tokens_of(published)
    ids = {
        f"{name}_token_id": getattr(tokens, f"{name}_token_id")
        for name in ("pad", "bos", "eos", "cls", "sep", "mask")
        if getattr(tokens, f"{name}_token_id") is not None
    }
    size = ({} if published.kind == "canine" else {"vocab_size": len(tokens)}) | ids | published.shape
    config = transformers.AutoConfig.for_model(published.kind, **size)
    auto = getattr(transformers, f"AutoModelFor{published.head}" if published.head else "AutoModel")
    torch.set_num_threads(1)  # over matrices this small, threads only wait for each other
    torch.manual_seed(0)
    auto.from_config(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder
