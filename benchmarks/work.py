"""The work of every path, laid out once: data for the harness, the same examples as plain JSON for peers, and models.

Heads are random, from a fixed seed: what is measured is time, and the answers of such a head are the hardest to agree
on, since its decisions are close. Dropout is on, as everywhere.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

XNLI = "ar bg de el en es fr hi ru sw th tr ur vi zh".split()
BATCH, RATE = 32, 2e-5
TASKS = {"classification": "xnli", "tagging": "panx", "qa": "xquad", "retrieval": "tatoeba"}


@dataclass(frozen=True)
class Size:
    """Languages and examples of each path (retrieval counts pairs), and steps of the training."""

    classification: tuple[int, int] = (15, 200)
    tagging: tuple[int, int] = (12, 100)
    qa: tuple[int, int] = (3, 100)
    retrieval: tuple[int, int] = (4, 1000)
    training: int = 20


def scaled(share: float) -> Size:
    """This share of the examples of every language, and of the steps."""
    full = Size()
    paths = {path: (languages, round(count * share)) for path in TASKS for languages, count in [getattr(full, path)]}
    return Size(**paths, training=max(round(full.training * share), 2))


TINY = Size((2, 6), (2, 6), (1, 4), (1, 12), 1)
HEADS = {"classification": "SequenceClassification", "tagging": "TokenClassification", "qa": "QuestionAnswering"}


def prepare(folder: Path, data_dir: Path, model: Path, size: Size) -> dict[str, Any]:
    """Writes inputs, data and models under ``folder``; returns what was written, also as ``work.json``."""
    work: dict[str, Any] = {"data": {}, "units": {}, "models": {}, "layer": 0, "steps": size.training}
    for path in TASKS:
        codes, count = getattr(size, path)
        examples = (
            _classification(data_dir, codes, count)
            if path == "classification"
            else _units(TASKS[path], data_dir, codes, count)
        )
        work["units"][path] = {code: len(rows) for code, rows in examples.items()}
        work["data"][path] = str(data_dir.resolve())
        if path == "classification":
            work["data"][path] = str((folder / "data").resolve())
            write_xnli(folder / "data", examples)
        _write(folder / "inputs" / f"{path}.json", {"units": examples, "layer": _layers(model)})
        work["models"][path] = str(with_head(folder, model, path) if path in HEADS else model)
    work["layer"] = _layers(model)
    train, labels = training_pairs(data_dir, size.training * BATCH)
    work["data"]["training"], work["models"]["training"] = str(data_dir.resolve()), str(model)
    work["train_examples"] = len(train)
    inputs = {"train": train, "labels": labels, "steps": size.training, "batch": BATCH, "lr": RATE}
    _write(folder / "inputs" / "training.json", inputs)
    _write(folder / "work.json", work)
    return work


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _layers(model: Path) -> int:
    return int(json.loads((model / "config.json").read_text(encoding="utf-8"))["num_hidden_layers"])


def _load(name: str, data_dir: Path, split: str, limit: int | None) -> Mapping[str, list[Any]]:
    from harness.core.errors import DataError
    from harness.data.sources import load_examples
    from harness.registry.default import get_registry

    task = get_registry().task(name)
    found: dict[str, list[Any]] = {}
    for code, splits in task.languages.items():
        try:
            found[code] = list(
                load_examples(task, splits[split], data_dir=data_dir, offline=True, limit=limit).examples
            )
        except (DataError, KeyError):
            continue
    return found


def _units(name: str, data_dir: Path, codes: int, count: int) -> dict[str, list[dict[str, Any]]]:
    from dataclasses import asdict

    loaded = {code: rows for code, rows in _load(name, data_dir, "test", count).items() if len(rows) == count}
    return {code: [asdict(row) for row in loaded[code]] for code in list(loaded)[:codes]}


def _classification(data_dir: Path, codes: int, count: int) -> dict[str, list[dict[str, Any]]]:
    """Distinct pairs under every language code, whichever languages there are."""
    pools = [rows for rows in _load("xnli", data_dir, "dev", None).values() if rows]
    used = [0] * len(pools)
    units = {}
    for number, code in enumerate(XNLI[:codes]):
        pool = number % len(pools)
        rows = pools[pool][used[pool] : used[pool] + count]
        used[pool] += count
        units[code] = [{"a": row.a, "b": row.b, "label": row.label} for row in rows]
    return units


def write_xnli(data: Path, units: Mapping[str, list[dict[str, Any]]]) -> None:
    """The test set of XNLI under ``data`` in the Hub's layout: rows with ``a``, ``b`` and ``label`` by language."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [
        {"language": code, "sentence1": row["a"], "sentence2": row["b"], "gold_label": row["label"]}
        for code, rows in units.items()
        for row in rows
    ]
    folder = data / "google" / "xtreme" / "XNLI"
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "test-00000-of-00001.parquet")


def training_pairs(data_dir: Path, count: int) -> tuple[list[dict[str, Any]], list[str]]:
    """The first pairs of MNLI's training data, and its labels."""
    from harness.data.sources import load_examples
    from harness.registry.default import get_registry

    task = get_registry().intermediate("mnli")
    rows = load_examples(task, task.train, data_dir=data_dir, offline=True, limit=count).examples
    return [{"a": row.a, "b": row.b, "label": row.label} for row in rows], list(task.labels)


def with_head(folder: Path, model: Path, path: str, task: str = "") -> Path:
    """A copy of the model under ``folder`` with a random head for the path's task, or another of its kind, always the same."""
    import torch
    import transformers

    from harness.registry.default import get_registry

    labels = ("start", "end") if path == "qa" else get_registry().task(task or TASKS[path]).labels
    target = folder / "models" / (task or path)
    torch.manual_seed(0)
    loaded = getattr(transformers, f"AutoModelFor{HEADS[path]}").from_pretrained(
        model,
        num_labels=len(labels),
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    loaded.save_pretrained(target)
    transformers.AutoTokenizer.from_pretrained(model).save_pretrained(target)
    if (model / "vocab.txt").is_file():  # for the tokenizers of old that peers take
        shutil.copy(model / "vocab.txt", target)
    return target
