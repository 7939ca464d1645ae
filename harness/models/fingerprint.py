"""Fingerprints of model folders: sha256 of the weights and of everything else that changes what the model computes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from harness.core.hashing import file_sha256
from harness.models._deciding import deciding_files

_FIRST = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)
"""Fingerprints were once taken over these alone; they keep their places, so that old results stay valid."""


def model_fingerprint(folder: Path) -> str:
    """One sha256 over every file of a model folder that decides what it computes, by content and not by path."""
    digest = hashlib.sha256()
    for name in sorted(deciding_files(folder), key=_place):
        digest.update(f"{name} {file_sha256(folder / name)}\n".encode())
    return digest.hexdigest()


def _place(name: str) -> tuple[int, str]:
    """Weights come first, then the files of :data:`_FIRST` in their order, then all others by name."""
    if name.endswith(".safetensors") and "/" not in name:
        return -1, name
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST)), name
