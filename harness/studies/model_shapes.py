"""Sizes of encoders, by which a plan knows what they cost before any of them is downloaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models.reference import DEMO, MINILM, ModelReference, parse_model
from harness.models.tiny import VOCABULARY
from harness.models.tiny_variants import TINY_VARIANTS


@dataclass(frozen=True)
class Shape:
    """The size of an encoder.

    ``parameters`` are those that every token is multiplied by: of the layers, without embeddings. ``embeddings`` are the
    others. ``attentions`` counts the layers in which the tokens of a row attend to one another, and ``width`` is the size of
    the hidden states. Of an encoder-decoder both halves count, as both read the row under most heads: a layer of the decoder
    attends twice.
    """

    parameters: int
    attentions: int
    width: int
    embeddings: int = 0

    @property
    def total(self) -> int:
        """All parameters."""
        return self.parameters + self.embeddings


def shape_of(model: str) -> Shape:
    """The shape of a model string: a known one, or that of a config.json in a folder or in the cache of the Hub.

    Nothing is downloaded, and no weights are read. A baseline has no parameters. ModelError where it cannot be known.
    """
    reference = parse_model(model)
    if reference.kind == "baseline":
        return Shape(0, 0, 0)
    known = SHAPES.get(reference.name)
    return known or _of_files(reference)


def _of_files(reference: ModelReference) -> Shape:
    unknown = f"{reference}: its size is not known before it is downloaded"
    hint = "download it first: harness doctor --model MODEL"
    if reference.kind == "folder":
        folder = Path(reference.name)
    elif reference.kind == "hub":
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(reference.name, "config.json", revision=reference.revision)
        if not isinstance(found, str):
            raise ModelError(unknown, hint=hint)
        folder = Path(found).parent
    else:
        raise ModelError(unknown, hint=hint)
    return shape_in(folder)


def shape_in(folder: Path) -> Shape:
    """The shape that a model folder's config.json describes, counted on a model without numbers; ModelError without one."""
    with border(f"{folder}: no usable config.json", ModelError, hint="a model folder has one"):
        text = (folder / "config.json").read_text(encoding="utf-8")
        return _counted(text)


@lru_cache(maxsize=256)
def _counted(config_json: str) -> Shape:
    import torch
    from transformers import AutoConfig, AutoModel

    given = json.loads(config_json)
    config: Any = AutoConfig.for_model(given.pop("model_type"), **given)
    with torch.device("meta"):
        model = AutoModel.from_config(config)
    tables = {id(p) for m in model.modules() if isinstance(m, torch.nn.Embedding) for p in m.parameters()}
    unused = {id(p) for name, child in model.named_children() if name == "pooler" for p in child.parameters()}
    every = {id(p): p.numel() for p in model.parameters()}
    embeddings = sum(count for key, count in every.items() if key in tables)
    layers = sum(count for key, count in every.items() if key not in tables | unused)
    depth = int(config.num_hidden_layers)
    if getattr(config, "is_encoder_decoder", False):
        decoder = getattr(config, "num_decoder_layers", None) or getattr(config, "decoder_layers", None) or depth
        depth += 2 * int(decoder)
    return Shape(layers, depth, int(config.hidden_size), embeddings)


def _bert(layers: int, width: int, vocabulary: int, rows: int = 514 + 1, inner: int = 0) -> Shape:
    """A BERT, RoBERTa or XLM-R; ``rows`` are those of its further embeddings, of positions and of token types."""
    inner = inner or 4 * width
    layer = 4 * width * (width + 1) + 2 * width * inner + inner + width + 4 * width
    return Shape(layers * layer + 2 * width, layers, width, (vocabulary + rows) * width)


def _deberta(layers: int, width: int, vocabulary: int) -> Shape:
    """A DeBERTa-v3: no absolute positions, 512 relative ones, whose projections are those of the words."""
    plain = _bert(layers, width, vocabulary, 512)
    return Shape(plain.parameters + 2 * width, layers, width, plain.embeddings)


def _t5(layers: int, width: int, heads: int, inner: int, vocabulary: int) -> Shape:
    """A T5 v1.1 or mT5: gated layers without biases, heads of 64, as many layers in the decoder as in the encoder."""
    attention, gated = 4 * width * heads * 64, 3 * width * inner
    halves = layers * (attention + gated + 2 * width) + layers * (2 * attention + gated + 3 * width) + 2 * width
    return Shape(halves, 3 * layers, width, vocabulary * width + 2 * 32 * heads)


_XLMR, _ROBERTA, _MT5, _T5 = 250_002, 50_265, 250_112, 32_128
_BASE, _LARGE = (12, 768), (24, 1024)
_T5_SIZES = {
    "small": (8, 512, 6, 1024),
    "base": (12, 768, 12, 2048),
    "large": (24, 1024, 16, 2816),
    "xl": (24, 2048, 32, 5120),
    "xxl": (24, 4096, 64, 10240),
}

SHAPES = {
    **{
        name: _t5(2, variant.width, variant.width // 64, 3 * variant.width, VOCABULARY)
        if variant.writes
        else _bert(4, variant.width, VOCABULARY, inner=3 * variant.width)
        for name, variant in TINY_VARIANTS.items()
    },
    DEMO: _bert(12, 384, 250_037, 514),
    MINILM: _bert(6, 384, 30_522, 514),
    "intfloat/multilingual-e5-small": _bert(12, 384, 250_037, 514),
    "intfloat/multilingual-e5-base": _bert(*_BASE, _XLMR),
    "intfloat/multilingual-e5-large": _bert(*_LARGE, _XLMR),
    "microsoft/Multilingual-MiniLM-L12-H384": _bert(12, 384, 250_037, 514),
    "google-bert/bert-base-multilingual-cased": _bert(*_BASE, 119_547, 514),
    "google-bert/bert-base-cased": _bert(*_BASE, 28_996, 514),
    "google-bert/bert-base-uncased": _bert(*_BASE, 30_522, 514),
    "google-bert/bert-large-cased": _bert(*_LARGE, 28_996, 514),
    "sentence-transformers/LaBSE": _bert(*_BASE, 501_153, 514),
    "FacebookAI/roberta-base": _bert(*_BASE, _ROBERTA),
    "FacebookAI/roberta-large": _bert(*_LARGE, _ROBERTA),
    "FacebookAI/xlm-roberta-base": _bert(*_BASE, _XLMR),
    "FacebookAI/xlm-roberta-large": _bert(*_LARGE, _XLMR),
    "facebook/xlm-roberta-xl": _bert(36, 2560, 250_880),
    "facebook/xlm-roberta-xxl": _bert(48, 4096, 250_880),
    "facebook/xlm-v-base": _bert(*_BASE, 901_629),
    "microsoft/deberta-v3-base": _deberta(*_BASE, 128_100),
    "microsoft/deberta-v3-large": _deberta(*_LARGE, 128_100),
    "microsoft/mdeberta-v3-base": _deberta(*_BASE, 251_000),
    **{f"google/mt5-{size}": _t5(*numbers, _MT5) for size, numbers in _T5_SIZES.items()},
    **{f"google/t5-v1_1-{size}": _t5(*numbers, _T5) for size, numbers in _T5_SIZES.items()},
}
"""Shapes by name on the Hub."""

_MOVED = ("FacebookAI", "google-bert")
SHAPES.update({name.partition("/")[2]: shape for name, shape in SHAPES.items() if name.partition("/")[0] in _MOVED})
