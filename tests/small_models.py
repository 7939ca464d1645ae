"""Random models of five architectures with tokenizers of their kind, small enough to build in a test."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

TEXTS = [
    "The committee did not say when the next meeting would take place, and nobody asked.",
    "Two dogs are running across a field while a child in a red coat watches them.",
    "Der Ausschuss sagte nicht, wann die nächste Sitzung stattfinden würde.",
    "Комитет не сказал, когда состоится следующее заседание.",
    "لم تذكر اللجنة متى سيعقد الاجتماع القادم.",
    "委员会没有说下次会议何时举行。",
    "समिति ने यह नहीं बताया कि अगली बैठक कब होगी।",
    "คณะกรรมการไม่ได้บอกว่าการประชุมครั้งต่อไปจะจัดขึ้นเมื่อใด",
    "Kamati haikusema mkutano ujao ungefanyika lini.",
]

KINDS = ("xlmr", "bert", "llama", "qwen2", "mt5")


@cache
def tokenizer(kind: str) -> Any:
    """A tokenizer with the special tokens and templates of this kind of model."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if kind == "xlmr":
        from harness.models.tiny import train_tokenizer

        return train_tokenizer(TEXTS, vocabulary=700)
    quiet: dict[str, Any] = {"show_progress": False}
    # Trained vocabularies of these two would differ from run to run.
    letters, words = sorted(set("".join(TEXTS)) - {" "}), [*TEXTS[0].split()[:6], *TEXTS[3].split()]
    if kind == "bert":
        special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *words]
        base = Tokenizer(
            models.WordPiece({piece: i for i, piece in enumerate(dict.fromkeys(pieces))}, unk_token="[UNK]")
        )
        base.normalizer = normalizers.BertNormalizer(lowercase=False)
        base.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        base.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]",
            pair="[CLS] $A [SEP] $B:1 [SEP]:1",
            special_tokens=[(name, base.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
        )
        names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
        inputs = ["input_ids", "token_type_ids", "attention_mask"]
        return PreTrainedTokenizerFast(tokenizer_object=base, model_input_names=inputs, **names)
    inputs = ["input_ids", "attention_mask"]
    if kind == "mt5":
        special = ["<pad>", "</s>", "<unk>"]
        pieces = ["▁", *letters, *(f"▁{word}" for word in words)]
        scores = [(piece, 0.0) for piece in special] + [(piece, -10.0 / len(piece)) for piece in pieces]
        base = Tokenizer(models.Unigram(scores, unk_id=2))
        base.normalizer = normalizers.NFKC()
        base.pre_tokenizer = pre_tokenizers.Metaspace()
        base.post_processor = processors.TemplateProcessing(
            single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", base.token_to_id("</s>"))]
        )
        return PreTrainedTokenizerFast(
            tokenizer_object=base,
            pad_token="<pad>",
            eos_token="</s>",
            unk_token="<unk>",
            model_input_names=inputs,
        )
    base = Tokenizer(models.BPE())
    base.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<|begin|>", "<|end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    base.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=500, special_tokens=special, initial_alphabet=alphabet, **quiet)
    )
    if kind == "llama":
        base.post_processor = processors.TemplateProcessing(
            single="<|begin|> $A", pair="<|begin|> $A <|begin|>:1 $B:1", special_tokens=[("<|begin|>", 0)]
        )
    ends = {"eos_token": "<|end|>"} | ({"bos_token": "<|begin|>"} if kind == "llama" else {})
    # Both kinds come without a padding token; harness.models.load pads with the end token.
    return PreTrainedTokenizerFast(tokenizer_object=base, pad_token="<|end|>", model_input_names=inputs, **ends)


def separated(kind: str) -> Any:
    """The same with the layout of pairs that the harness gives to a tokenizer that would glue them: a reference for rows."""
    tokens = tokenizer(kind)
    if kind != "qwen2":
        return tokens
    from tokenizers import processors

    tokens = copy.deepcopy(tokens)
    end = [(tokens.eos_token, tokens.eos_token_id)]
    tokens.backend_tokenizer.post_processor = processors.TemplateProcessing("$A", f"$A {tokens.eos_token} $B", end)
    return tokens


def save_model(kind: str, folder: Path, *, seed: int = 0, width: int = 32) -> Path:
    """Saves an encoder without a head (random weights from ``seed``) and its tokenizer."""
    import torch
    from transformers import AutoModel, BertConfig, LlamaConfig, MT5Config, Qwen2Config, XLMRobertaConfig

    tokens = tokenizer(kind)
    size: dict[str, Any] = {"vocab_size": len(tokens), "hidden_size": width, "num_hidden_layers": 2}
    inner = 48 if width == 32 else 2 * width
    size |= {"num_attention_heads": 2, "intermediate_size": inner, "initializer_range": 0.3}
    encoder = size | {"max_position_embeddings": 300, "pad_token_id": tokens.pad_token_id}
    decoder = size | {"num_key_value_heads": 1, "bos_token_id": 0, "eos_token_id": 1}
    config = {
        "xlmr": lambda: XLMRobertaConfig(**encoder, type_vocab_size=1, bos_token_id=0, eos_token_id=2),
        "bert": lambda: BertConfig(**encoder),
        "llama": lambda: LlamaConfig(**decoder),
        "qwen2": lambda: Qwen2Config(**decoder),
        "mt5": lambda: MT5Config(
            vocab_size=len(tokens), d_model=width, d_kv=width // 2, d_ff=inner, num_layers=2, num_heads=2
        ),
    }[kind]()
    torch.set_num_threads(1)  # over matrices this small, threads only wait for each other
    torch.manual_seed(seed)
    AutoModel.from_config(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def cutting(budget: int) -> Any:
    """Makes a Forward on the CPU in fp32 with this token budget from a model and a tokenizer."""
    from harness.inference.forward import Forward

    return lambda model, tokens: Forward(model.eval(), tokens, "cpu", budget=budget)


def save_other(kind: str, folder: Path, *, head: str = "", seed: int = 0, **more: Any) -> Path:
    """Saves a model of another architecture, with BERT's tokenizer, bare or with the ``head`` ("MaskedLM", ...)."""
    import torch
    import transformers

    tokens = tokenizer("bert")
    size: dict[str, Any] = {"vocab_size": len(tokens), "pad_token_id": tokens.pad_token_id}
    names = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    long = {"max_position_embeddings": 300}
    ends = {"bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}
    wide = {"initializer_range": 0.3}
    own: dict[str, dict[str, Any]] = {
        "albert": names | long | wide | {"embedding_size": 16},
        "big_bird": names | long | wide | ends,
        "convbert": names | long | wide | {"embedding_size": 32, "conv_kernel_size": 5, "head_ratio": 1},
        "deberta-v2": names | long | wide | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
        "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48} | long | wide,
        "electra": names | long | wide | {"embedding_size": 32},
        "fnet": names | long | wide,
        "funnel": {
            "d_model": 32,
            "block_sizes": [1, 1],
            "block_repeats": [1, 1],
            "n_head": 2,
            "d_head": 16,
            "d_inner": 48,
        }
        | {"num_decoder_layers": 1},
        "longformer": names | long | wide | ends | {"attention_window": 8},
        "mobilebert": names | long | wide | {"embedding_size": 32, "intra_bottleneck_size": 32},
        "modernbert": names | long | wide | ends | {"global_attn_every_n_layers": 2, "local_attention": 16},
        "mpnet": names | long | wide,
        "nystromformer": names | long | wide | {"num_landmarks": 4, "segment_means_seq_len": 64},
        "rembert": names | long | wide | {"input_embedding_size": 16, "output_embedding_size": 16},
        "roformer": names | long | wide | {"embedding_size": 32},
        "squeezebert": names | long | wide | {"embedding_size": 32},
        "xlm": {"emb_dim": 32, "n_layers": 2, "n_heads": 2, "max_position_embeddings": 300},
        "xlnet": {"d_model": 32, "n_layer": 2, "n_head": 2, "d_inner": 48} | wide,
        "yoso": names | long | wide | {"use_expectation": True},
    }
    config = transformers.AutoConfig.for_model(kind, **size | own[kind] | more)
    auto = getattr(transformers, f"AutoModelFor{head}") if head else transformers.AutoModel
    config.architectures = ["FunnelModel"] if kind == "funnel" and not head else None  # which has two bare models
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    auto.from_config(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder


def save_english_bert(folder: Path, unused: int = 9) -> Path:
    """A small mBERT: special tokens and unused entries first, letters of Latin script without dots and tones, and words."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    letters = sorted(set("".join(TEXTS[:3])) - {" "})
    special = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = ["[PAD]", *(f"[unused{i}]" for i in range(1, unused + 1)), *special]
    pieces += [*letters, *(f"##{letter}" for letter in letters), "Two", "dogs", "the", "##ing"]
    base = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    base.normalizer = normalizers.BertNormalizer(lowercase=False)
    base.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    base.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, base.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    names = {f"{name.strip('[]').lower()}_token": name for name in ("[PAD]", *special)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=base, model_input_names=["input_ids", "token_type_ids", "attention_mask"], **names
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    size: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=len(tokenizer), intermediate_size=16, max_position_embeddings=80, **size)
    BertForMaskedLM(config).save_pretrained(folder)
    return folder
