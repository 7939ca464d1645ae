"""Fingerprints of model folders: sha256 of the weights and of everything that changes what the model computes."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

_TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "sentencepiece.bpe.model",
    "spiece.model",
)


@lru_cache(maxsize=256)
def _sha256(path: Path, inode: int, size: int, modified: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file; remembered as long as inode, size and modification time stay the same."""
    stat = path.stat()
    return _sha256(path.resolve(), stat.st_ino, stat.st_size, stat.st_mtime_ns)


def model_fingerprint(folder: Path) -> str:
    """One sha256 over weights, configuration and tokenizer of a model folder, by content and not by path."""
    digest = hashlib.sha256()
    names = sorted(path.name for path in folder.glob("*.safetensors"))
    names += ["config.json", *(name for name in _TOKENIZER if (folder / name).is_file())]
    for name in names:
        digest.update(f"{name} {file_sha256(folder / name)}\n".encode())
    return digest.hexdigest()
