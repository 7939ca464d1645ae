"""Result of a measurement, as it is written to ``efficiency.json``."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.damage import Damaged
from harness.core.errors import DataError
from harness.core.json_schema import schema_errors
from harness.core.sealed import read_sealed, sealed
from harness.efficiency.machine import SessionState
from harness.efficiency.memory import Memory
from harness.efficiency.operations import Operations, Parameters
from harness.efficiency.pareto import ScoredRun
from harness.efficiency.percentiles import Percentile
from harness.efficiency.protocol import Protocol
from harness.efficiency.ratio import Ratio

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

SCHEMA = "harness-efficiency/1"
FILE = "efficiency.json"
PAGE = "efficiency.html"


@dataclass(frozen=True)
class Latency:
    """Milliseconds of a call on one example: from text to prediction, and of the forward pass in it."""

    calls: int
    total: tuple[Percentile, ...]
    forward: tuple[Percentile, ...]
    joules_an_example: float | None = None

    @property
    def median(self) -> float:
        """Milliseconds from text to prediction that half of the calls take at most."""
        return self.total[0].value


@dataclass(frozen=True)
class Throughput:
    """Examples a second in batches of one size.

    ``length`` is "natural", for texts that are padded to the longest of their batch, or the number of tokens in all rows;
    then nothing is tokenised and ``total`` is None. ``reason`` says why nothing was measured.
    """

    batch_size: int
    length: int | str
    calls: int = 0
    total: float | None = None
    forward: float | None = None
    joules_an_example: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Fertility:
    """Tokens that a tokenizer makes of the sample's texts in a language; None a word where nothing is between words."""

    language: str
    a_word: float | None
    a_character: float
    an_example: float


@dataclass(frozen=True)
class ModelEfficiency:
    """All that was measured of a model. ``head`` is the checkpoint's "own", or a "random" one, which takes as long."""

    name: str
    reference: str
    fingerprint: str
    head: str
    dtype: str
    attention: str
    parameters: Parameters
    operations: Operations
    latency: Latency
    throughput: tuple[Throughput, ...]
    memory: Memory | None
    fertility: tuple[Fertility, ...]
    ratio: Ratio | None = None
    forward_ratio: Ratio | None = None


@dataclass(frozen=True)
class Efficiency:
    """Result of :func:`~harness.efficiency.measure.measure`.

    ``ratio`` of a model is that of its median latency to the first model's. ``blocks`` are all times, in milliseconds.
    ``scores`` are of runs that accuracy is taken from.
    """

    task: str
    languages: tuple[str, ...]
    missing: tuple[str, ...]
    examples: int
    protocol: Protocol
    hardware: Mapping[str, Any]
    environment: Mapping[str, Any]
    threads: int
    compiled: bool
    energy: str | None
    sessions: tuple[SessionState, ...]
    models: tuple[ModelEfficiency, ...]
    blocks: tuple[Mapping[str, Any], ...] = ()
    scores: tuple[ScoredRun, ...] = ()

    @property
    def device(self) -> str:
        """The device that all models were measured on."""
        return str(self.hardware["device"])

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON holds it, with the version of its schema and a checksum."""
        return sealed({"schema": SCHEMA, **asdict(self)})

    def cautions(self) -> Iterator[str]:
        """Yields what a reader has to know before any number."""
        busy = sum(state.busy for state in self.sessions)
        if busy:
            yield f"{busy} of {len(self.sessions)} sessions were on a busy machine: more processes than cores"
        if not self.protocol.of_report:
            yield f"a short measurement, of {self.protocol.seconds:g} s a model; one to publish takes 600 s"
        if self.missing:
            yield f"no data in {', '.join(self.missing)}"
        if self.hardware.get("power_source") == "battery":
            yield "the machine ran on its battery"


def read_efficiency(path: Path) -> dict[str, Any]:
    """Reads an ``efficiency.json``, checked against its schema. DataError where it is none, or damaged."""
    try:
        content = read_sealed(path)
    except Damaged as damage:
        raise DataError(str(damage), hint="measure again: harness efficiency MODEL --task TASK") from None
    if errors := schema_errors(_validator(), content):
        where = "/".join(map(str, errors[0].instance_path)) or "the file"
        raise DataError(f"{path}: {where}: {errors[0].message}", hint=f"a file of the schema {SCHEMA} is expected")
    return content


@cache
def _validator() -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator

    text = files("harness.efficiency").joinpath("efficiency.schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))
