"""What a run costs, from what is in it: seconds of the processor and memory.

    python -m benchmarks.cost_model scaling.json --model FOLDER --units 15 --examples 75150 --tokens 4000000

The sum has one term for each thing that takes time: starting, a model (with the record and page of its run), units (a
task in a language), examples, operations of the forward pass, operations of the search, and the sentences searched.
What each costs is fitted to the measurements of :mod:`benchmarks.scaling` on the machine in question.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.types.defaults import CPU_BATCH_TOKENS

MIB = 2**20
A_ROW = 500
"""Bytes that mining needs for a sentence, beside its vector."""


@dataclass(frozen=True)
class Encoder:
    """The shape of a transformer encoder; ``layers`` are those computed, ``parameters`` all that are loaded."""

    layers: int
    hidden: int
    inner: int
    parameters: int

    @classmethod
    def of(cls, folder: Path, layers: int | None = None) -> Encoder:
        """From ``config.json``; biases and norms, a thousandth of the whole, are left out."""
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        depth, hidden, inner = (config[name] for name in ("num_hidden_layers", "hidden_size", "intermediate_size"))
        whole = cls(depth, hidden, inner, (config["vocab_size"] + config["max_position_embeddings"]) * hidden)
        return cls(depth if layers is None else layers, hidden, inner, whole.parameters + whole.computed)

    @property
    def computed(self) -> int:
        """Parameters of the layers that are computed: each token is multiplied by each of them once."""
        return self.layers * (4 * self.hidden**2 + 2 * self.hidden * self.inner)


@dataclass(frozen=True)
class Work:
    """What a run has to do. ``squares`` is the sum of squared lengths in tokens; ``foreign`` x ``english`` is the
    matrix of a search. Without ``tokens`` no model is loaded: ``harness mine`` where all vectors are kept."""

    encoder: Encoder
    units: int = 0
    examples: int = 0
    tokens: int = 0
    squares: int = 0
    foreign: int = 0
    english: int = 0

    @property
    def forward(self) -> float:
        """Operations of the forward pass: two a parameter and token, and in every layer two products of the positions
        of a text with one another."""
        encoder = self.encoder
        return 2.0 * encoder.computed * self.tokens + 4.0 * encoder.layers * encoder.hidden * self.squares

    @property
    def search(self) -> float:
        """Operations of one product of the two sides."""
        return 2.0 * self.foreign * self.english * self.encoder.hidden

    @property
    def batch(self) -> int:
        """Tokens of the largest batch of a thread: what its activations are made for."""
        return min(self.tokens, CPU_BATCH_TOKENS)

    @property
    def weights(self) -> float:
        """Bytes of the weights in fp32, where the model is loaded."""
        return 4.0 * self.encoder.parameters * (self.tokens > 0)

    @property
    def search_bytes(self) -> float:
        """Vectors, a copy of one side for the first pass, and what every row of a search needs."""
        rows, width = self.foreign + self.english, 4 * self.encoder.hidden
        return float(rows * width + self.english * width + A_ROW * rows)


@dataclass(frozen=True)
class CostModel:
    """Seconds: of the processor, a thread. Bytes: at the peak, beside the weights in fp32.

    ``model`` is its libraries, loading it, and the record and page; ``model_bytes`` is its libraries."""

    start: float
    model: float
    unit: float
    example: float
    operation: float
    search_operation: float
    searched: float
    base_bytes: float
    model_bytes: float
    batch_bytes: float
    example_bytes: float
    search_share: float

    def seconds(self, work: Work) -> float:
        """Seconds of processor time, in fp32."""
        costs = (self.start, self.model, self.unit, self.example, self.operation, self.search_operation, self.searched)
        return float(np.dot(costs, _time_terms(work)))

    def mib(self, work: Work) -> float:
        """Peak memory in MiB, in fp32."""
        costs = (self.base_bytes, self.model_bytes, self.batch_bytes, self.example_bytes, self.search_share)
        return float(np.dot(costs, _memory_terms(work)) + work.weights) / MIB

    @classmethod
    def fit(cls, works: Sequence[Work], seconds: Sequence[float], mib: Sequence[float]) -> CostModel:
        """Least squares of the relative errors, no cost below 0."""
        weights = [work.weights for work in works]
        held = np.asarray(mib, np.float64) * MIB
        times = _solved(np.array([_time_terms(work) for work in works]), np.asarray(seconds), np.asarray(seconds))
        return cls(*times, *_solved(np.array([_memory_terms(work) for work in works]), held - weights, held))


def _time_terms(work: Work) -> list[float]:
    searched = work.foreign + work.english
    return [1.0, float(work.tokens > 0), work.units, work.examples, work.forward, work.search, searched]


def _memory_terms(work: Work) -> list[float]:
    return [1.0, float(work.tokens > 0), work.batch, work.examples, work.search_bytes]


def _solved(terms: Any, costs: Any, scale: Any) -> list[float]:
    from scipy.optimize import nnls

    width = np.maximum(terms.max(axis=0), 1e-300)  # operations and units differ by twelve digits
    found, _ = nnls(terms / width / scale[:, None], costs / scale)
    return [float(value) for value in found / width]


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost_model", description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path, help="scaling.json of python -m benchmarks.scaling, on this machine")
    parser.add_argument("--model", type=Path, required=True, help="folder with the config.json of an encoder")
    parser.add_argument("--layers", type=int, help="layers that are computed (default: all)")
    for name in ("units", "examples", "tokens", "foreign", "english"):
        parser.add_argument(f"--{name}", type=int, default=0)
    args = parser.parse_args(argv)
    model = CostModel(**json.loads(args.results.read_text(encoding="utf-8"))["cost_model"])
    squares = args.tokens**2 // max(args.examples, 1)  # as if all texts were of one length
    encoder = Encoder.of(args.model, args.layers)
    work = Work(encoder, args.units, args.examples, args.tokens, squares, args.foreign, args.english)
    print(json.dumps({"cpu_seconds": round(model.seconds(work), 1), "mib": round(model.mib(work)), **asdict(work)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
