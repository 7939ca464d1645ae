"""Results as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def markdown(results: Mapping[str, Any]) -> str:
    """One table: a row a contestant, with times, memory, how many times quicker the harness is, and what agrees."""
    machine = results["machine"]
    lines = [
        f"{machine['processor']}, {machine['threads']} threads, torch {machine['torch']}, transformers "
        f"{machine['transformers']}; {results['model']}; {results['repeats']} turns, medians (smallest-largest).",
        "",
        "| path | contestant | seconds | cpu seconds | x harness fp32 | x (cpu) | peak MiB | agrees with harness fp32 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for path, found in results["paths"].items():
        for name, entry in found["contestants"].items():
            lines.append(
                f"| {path} | {name} | {_seconds(entry['wall'])} | {_seconds(entry['cpu'])} "
                f"| {_ratio(entry['ratio']['wall'])} | {_ratio(entry['ratio']['cpu'])} "
                f"| {entry['memory']['median']:.0f} | {_agrees(entry)} |"
            )
        lines += [f"| {path} | {name} | left out: {why} | | | | | |" for name, why in found["left_out"].items()]
    return "\n".join(lines) + "\n"


def _seconds(entry: Mapping[str, float]) -> str:
    return f"{entry['median']:.1f} ({entry['min']:.1f}-{entry['max']:.1f})"


def _ratio(entry: Mapping[str, float]) -> str:
    return f"{entry['median']:.2f} ({entry['min']:.2f}-{entry['max']:.2f})"


def _agrees(entry: Mapping[str, Any]) -> str:
    if "mean_loss" in entry:
        return f"mean loss {entry['mean_loss']:.3f}"
    return f"{entry['same']:,} of {entry['of']:,}"
