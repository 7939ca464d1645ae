"""What the measurements of a GPU come to: tables, and the time of the whole of XTREME."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.gpu_work import BUCC, suite_tokens, training_tokens


def estimate(results: dict[str, Any], ceiling_tflops: float, parameter_count: int) -> dict[str, Any]:
    """Seconds for all of XTREME from measured rates, and the floor: its operations at the measured ceiling."""
    found: dict[str, Any] = {}
    for part, sizes, operations in (("evaluation", suite_tokens(), 2), ("training", training_tokens(), 6)):
        measured = results.get(part)
        needed = {workload for workload, _ in sizes.values()}
        if not measured or not needed <= measured.keys():
            continue
        tasks = {name: tokens / measured[workload]["tokens_per_second"] for name, (workload, tokens) in sizes.items()}
        total = sum(tokens for _, tokens in sizes.values())
        floor = operations * parameter_count * total / (ceiling_tflops * 1e12)
        if part == "evaluation" and "mining" in results:
            mined = results["mining"]
            size = mined["foreign"] * mined["english"]
            tasks["mining bucc2018"] = sum(math.prod(pool) for pool in BUCC.values()) / size * mined["bf16"]["seconds"]
        found[part] = {"tokens": total, "tasks": tasks, "seconds": sum(tasks.values()), "floor_seconds": floor}
    return found


def markdown(results: dict[str, Any]) -> str:
    """The tables of a page."""
    best = results["ceiling"]["bf16" if results["dtype"] == "bf16" else "fp32"]
    lines = [
        f"{results['device']}, torch {results['torch']}, {results['dtype']}; ceiling: "
        + ", ".join(f"{value:,.3g} TFLOP/s in {name}" for name, value in results["ceiling"].items()),
        "",
        "| path | family | tokens/s | TFLOP/s | of the ceiling | peak GiB | forward, of all |",
        "|---|---|---|---|---|---|---|",
    ]
    for part in ("evaluation", "training"):
        for name, row in results.get(part, {}).items():
            phases = row.get("phases", {})
            share = f"{phases['forward'] / row['seconds']:.0%}" if phases.get("forward") else ""
            cells = [
                part,
                name,
                f"{row['tokens_per_second']:,.0f}",
                f"{row['tflops']:.3g}",
                f"{row['tflops'] / best:.0%}",
            ]
            lines.append("| " + " | ".join([*cells, f"{row['memory_gib']:.1f}", share]) + " |")
    mined = results.get("mining")
    if mined:
        size = f"{mined['foreign']:,} x {mined['english']:,} x {mined['dimension']}"
        lines += ["", f"| mining {size} | seconds | peak GiB | pairs |", "|---|---|---|---|"]
        for name in ("fp32", "bf16", "faiss"):
            if row := mined.get(name):
                lines.append(f"| {name} | {row['seconds']:.2f} | {row['memory_gib']:.1f} | {row['pairs']:,} |")
        lines.append(f"| the processor, two searches, scaled up from 1,000 queries | {mined['cpu_seconds']:,.0f} | | |")
    for part, row in results["estimate"].items():
        tasks = ", ".join(f"{name} {seconds:,.1f}" for name, seconds in row["tasks"].items())
        lines += [
            "",
            f"All of XTREME, {part}: {row['tokens']:,} tokens, estimated {row['seconds']:,.1f} s"
            f" (at the ceiling {row['floor_seconds']:,.1f} s): {tasks}.",
        ]
    return "\n".join(lines) + "\n"
