"""``python -m benchmarks.efficiency``: whether ``harness efficiency`` can be trusted on this machine.

    python -m benchmarks.efficiency --data-dir DATA --runs 20 --out benchmarks/results

Three questions, none of which a test can ask, as the answers depend on what else the machine does:

- a model against itself: in how many runs does the interval of the ratio contain 1?
- a model against one with half its layers, rows of 128 tokens: is the forward pass 1.7 to 2.1 times as long?
- memory: is that of e5-small in fp32 its weights and at most 15% more?

``--layers`` and ``--width`` are of the models with random weights. The text is that of XNLI in DATA.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.report import save
from benchmarks.vocabulary import write_shape

TASK = "xnli"
WEIGHTS = 118e6 * 4
"""Bytes of e5-small in fp32."""


def itself(options: Any, protocol: Any, runs: int) -> dict[str, Any]:
    """Runs of the tiny model against itself, each with a seed of its own."""
    from harness.efficiency.measure import measure
    from harness.registry.default import get_registry

    found = []
    for seed in range(runs):
        result = measure(["tiny", "tiny"], TASK, get_registry(), options, replace(protocol, seed=seed), memory=False)
        ratio = result.models[1].ratio
        assert ratio is not None
        found.append({"value": ratio.value, "low": ratio.low, "high": ratio.high, "blocks": ratio.blocks})
        print(f"itself, run {seed + 1} of {runs}: {ratio}", file=sys.stderr)
    contained = sum(each["low"] is not None and each["low"] <= 1 <= each["high"] for each in found)
    return {"runs": found, "contain 1": contained}


def twice_the_layers(options: Any, protocol: Any, layers: int, width: int) -> dict[str, Any]:
    """The forward pass on rows of 128 tokens with twice the layers, over that with ``layers``."""
    from harness.efficiency.measure import measure
    from harness.models.tiny import tiny_model
    from harness.registry.default import get_registry

    shape = {"hidden_size": width, "num_attention_heads": width // 64, "intermediate_size": 4 * width}
    with tempfile.TemporaryDirectory() as place:
        folders = [
            str(write_shape(Path(place) / str(count), shape, count, tiny_model())) for count in (layers, 2 * layers)
        ]
        wanted = replace(protocol, batch_sizes=(8,), lengths=(128,))
        result = measure(folders, TASK, get_registry(), options, wanted, memory=False)
    one, two = (model.throughput[0].forward for model in result.models)
    assert one is not None and two is not None
    return {"layers": [layers, 2 * layers], "width": width, "examples a second": [one, two], "ratio": one / two}


def memory(options: Any, protocol: Any) -> dict[str, Any]:
    """The memory of e5-small over its weights."""
    from harness.efficiency.memory import Task, measure_memory

    found = measure_memory(Task("demo:e5-small", TASK, ("en",), options, protocol, 20))
    assert found.model is not None
    return {"bytes": found.model, "weights": WEIGHTS, "ratio": found.model / WEIGHTS}


def answers(found: Mapping[str, Any]) -> list[str]:
    """The outcomes in words."""
    lines = []
    if (own := found.get("itself")) is not None:
        lines.append(f"itself: 1 in the interval in {own['contain 1']} of {len(own['runs'])} runs (18 of 20 expected)")
    if (layers := found.get("layers")) is not None:
        lines.append(f"twice the layers: {layers['ratio']:.2f} times as long (1.7 to 2.1 expected)")
    if (used := found.get("memory")) is not None:
        lines.append(f"memory of e5-small: {used['ratio']:.2f} times its weights (up to 1.15 expected)")
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Measures, prints and saves; judges nothing."""
    from harness.efficiency.protocol import Protocol
    from harness.types.options import EvalOptions

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", required=True)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--only", choices=("itself", "layers", "memory"), action="append")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    given = parser.parse_args(argv)
    options = EvalOptions(data_dir=given.data_dir, offline=True)
    protocol = Protocol(given.calls, given.seconds, batch_sizes=())
    asked = given.only or ["itself", "layers", "memory"]
    found: dict[str, Any] = {}
    if "itself" in asked:
        found["itself"] = itself(options, protocol, given.runs)
    if "layers" in asked:
        found["layers"] = twice_the_layers(options, protocol, given.layers, given.width)
    if "memory" in asked:
        found["memory"] = memory(options, protocol)
    text = "\n".join(answers(found)) + "\n"
    save(given.out, "efficiency", found, text)
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
