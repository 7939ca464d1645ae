"""``python -m benchmarks.overhead``: what a GPU would wait for: tokenising, batching, decoding, scoring and writing.

    python -m benchmarks.overhead --model XLMR --share 1 --threads 2 --out benchmarks/results

A model of one tiny layer with the tokenizer of ``--model`` predicts the test sets of XTREME, made text of their official
sizes (:mod:`benchmarks.official_text`), all tasks but mining in one process. Processor seconds of all threads are counted
by phase; those of loading the model and of the forward pass are told apart from the rest, the overhead. A row with a
tenth of the languages of the largest task says whether the peak memory grows with them.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.__main__ import default_model, machine
from benchmarks.measure import run
from benchmarks.official_text import MadeText, write_test_sets
from benchmarks.report import save
from benchmarks.work import with_head

HEADS = {"classification": "classification", "tagging": "tagging", "span_qa": "qa"}
"""The head of each family, as :func:`benchmarks.work.with_head` calls it."""
MINED = ("bucc2018",)
GROWS = "panx"
COLUMNS = ("load", "tokenise", "batch", "decode", "write", "score", "record", "rest")
"""Phases that are overhead. ``rest`` is what is in no phase: the plan, keys, claims."""


def tiny_encoder(folder: Path, tokenizer_of: Path) -> Path:
    """A BERT of one layer of width 32 and random weights, for the tokenizer of another model."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_of)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        pad_token_id=tokenizer.pad_token_id,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def plan(folder: Path, tokenizer_of: Path, share: float, tasks: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Writes models and data under ``folder``; the entries of the measurement, the first of which warms up."""
    from transformers import AutoTokenizer

    from harness.registry.default import get_registry

    registry = get_registry()
    encoder = tiny_encoder(folder / "encoder", tokenizer_of)
    text = MadeText(AutoTokenizer.from_pretrained(encoder).get_vocab())
    entries: list[dict[str, Any]] = []
    for name, codes in registry.benchmark("xtreme").tasks.items():
        task = registry.task(name)
        if name in MINED or (tasks and name not in tasks):
            continue
        head = HEADS.get(task.family)
        model = with_head(folder, encoder, head, name) if head else encoder
        count = write_test_sets(folder / "data", task, list(codes), text, share)
        entry = {"model": str(model), "data": str(folder / "data"), "limit": None}
        entries.append({**entry, "name": name, "task": name, "examples": count})
        if name == GROWS:
            few = codes[:: max(len(codes) // 4, 1)]
            entries.append({**entry, "name": f"{name}, {len(few)} languages", "task": f"{name}[{','.join(few)}]"})
    return [{**entries[0], "name": "start", "limit": 2}, *entries]


def overhead(phases: Mapping[str, float]) -> float:
    """Processor seconds of a task beside loading its model and the forward pass."""
    return sum(phases.get(name, 0.0) for name in COLUMNS)


def markdown(results: Mapping[str, Any]) -> str:
    """Two tables: processor seconds of each phase of each task, and examples that a phase handles in such a second."""
    start, *entries = results["entries"]
    whole = [entry for entry in entries if "examples" in entry]
    head = ["task", "examples", *COLUMNS, "overhead", "model", "forward", "page", "peak MiB"]
    lines = [
        f"{results['machine']['processor']}, {results['machine']['threads']} threads, tokenizer of {results['model']}, "
        f"{results['share']:g} of the official sizes. Processor seconds of all threads.",
        "",
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
    ]
    for entry in entries:
        phases = entry["phases"]
        seconds = [*(phases.get(name, 0.0) for name in COLUMNS), overhead(phases)]
        seconds += [phases.get(name, 0.0) for name in ("model", "forward", "page")]
        count = f"{entry['examples']:,}" if "examples" in entry else ""
        cells = [entry["name"], count, *(f"{value:.2f}" for value in seconds), f"{entry['mib']:,.0f}"]
        lines.append(f"| {' | '.join(cells)} |")
    total = sum(overhead(entry["phases"]) for entry in whole)
    lines += [
        "",
        f"All tasks: {sum(entry['examples'] for entry in whole):,} examples, {total:.1f} processor seconds of overhead. "
        f"Until the first {start['task']} was scored (libraries, tokenizer, model): {start['until']:.1f}.",
        "",
        f"| examples a processor second | {' | '.join(COLUMNS)} |",
        f"|---|{'---|' * len(COLUMNS)}",
    ]
    for entry in whole:
        rates = (entry["examples"] / max(entry["phases"].get(name, 0.0), 1e-9) for name in COLUMNS)
        lines.append(f"| {entry['name']} | {' | '.join(f'{rate:,.0f}' if rate < 1e8 else '' for rate in rates)} |")
    return "\n".join(lines) + "\n"


def measure(folder: Path, model: Path, share: float, threads: int, tasks: Sequence[str] = ()) -> dict[str, Any]:
    """Prepares the work under ``folder`` and measures it in a process of its own."""
    (folder / "plan.json").write_text(json.dumps(plan(folder, model, share, tasks)), encoding="utf-8")
    files = [str(folder / "plan.json"), str(folder / "out.json")]
    run([sys.executable, "-m", "benchmarks.overhead_run", *files], threads)
    found: dict[str, Any] = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    return found | {"model": model.name, "share": share, "machine": machine(threads)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model(), help="a folder with a tokenizer, XLM-R's say")
    parser.add_argument("--share", type=float, default=1.0, help="of the official sizes [1]")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--task", action="append", default=[], help="only this one; repeat for several")
    parser.add_argument("--out", type=Path, help="folder for overhead.json and overhead.md")
    args = parser.parse_args()
    if args.model is None:
        parser.error("--model: a folder with a tokenizer")
    with tempfile.TemporaryDirectory() as folder:
        results = measure(Path(folder), args.model, args.share, args.threads, args.task)
    text = markdown(results)
    if args.out:
        save(args.out, "overhead", results, text)
    print(text)


if __name__ == "__main__":
    main()
