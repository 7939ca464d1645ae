"""Results as Markdown, and in files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PHASES = {
    "load": "load data",
    "model": "load model",
    "train": "train",
    "tokenise": "tokenise",
    "forward": "forward",
    "decode": "decode",
    "write": "write",
    "score": "score",
    "record": "record",
    "rest": "rest",
}
"""Phases of a record in the order of a run; what it has none for (start-up, imports, page) is the rest."""


def save(folder: Path, name: str, results: Mapping[str, Any], text: str) -> None:
    """Writes ``name``.json, all that was measured, and ``name``.md, the text of it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(text, encoding="utf-8")


def markdown(results: Mapping[str, Any]) -> str:
    """Two tables: a row a contestant, with times, memory, how many times quicker the harness is, and what agrees; and
    where the time of the harness goes."""
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
    return "\n".join([*lines, *_phases(results)]) + "\n"


def _phases(results: Mapping[str, Any]) -> list[str]:
    """Path by phase, in percent of the time on the clock; phases that no path has are left out."""
    rows = {
        (path, name): entry["phases"]
        for path, found in results["paths"].items()
        for name, entry in found["contestants"].items()
        if entry.get("phases")
    }
    found = dict.fromkeys([*PHASES, *(phase for shares in rows.values() for phase in shares)])
    columns = [phase for phase in found if any(phase in shares for shares in rows.values())]
    titles = [PHASES.get(phase, phase) for phase in columns]
    lines = ["", f"| where the time goes, % | contestant | {' | '.join(titles)} |", "|---" * (2 + len(titles)) + "|"]
    for (path, name), shares in rows.items():
        cells = [f"{100 * shares[phase]:.0f}" if phase in shares else "" for phase in columns]
        lines.append(f"| {path} | {name} | {' | '.join(cells)} |")
    return lines if rows else []


def _seconds(entry: Mapping[str, float]) -> str:
    return f"{entry['median']:.1f} ({entry['min']:.1f}-{entry['max']:.1f})"


def _ratio(entry: Mapping[str, float]) -> str:
    return f"{entry['median']:.2f} ({entry['min']:.2f}-{entry['max']:.2f})"


def _agrees(entry: Mapping[str, Any]) -> str:
    if "mean_loss" in entry:
        return f"mean loss {entry['mean_loss']:.3f}"
    return f"{entry['same']:,} of {entry['of']:,}"
