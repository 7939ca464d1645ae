"""Training on examples that stay on disk: the same bits as from memory, in memory that does not grow with the data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from small_models import TEXTS, save_model
from training_stages import cpu_stages

from harness import DatasetsData, IntermediateTask, Split, Text
from harness.core.imports import load_object
from harness.data._stored_rows import StoredExamples
from harness.data.sources import load_examples
from harness.families.mlm import MaskedLanguageModel
from harness.models.load import load_tokenizer
from harness.models.resolve import check_folder
from harness.registry.default import get_registry
from harness.training._trainer import HeadTask, Trainer
from harness.training.schedule import make_schedule
from harness.types.options import TrainOptions, build


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    folder.mkdir()
    write(folder / "text.json", 60)
    return folder


def write(path: Path, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for i in range(count):
            words = TEXTS[i % 3].split()
            file.write(json.dumps({"id": str(i), "text": " ".join(words[i % len(words) :] + words[: i % 7])}) + "\n")


def text_task(stays_on_disk: bool) -> IntermediateTask:
    source = DatasetsData("json", ("text.json",), "made here", stays_on_disk=stays_on_disk)
    return IntermediateTask(
        name="own-text",
        version=1,
        family="mlm",
        train=Split(source),
        dev=Split(),
        example=lambda row: Text(row["id"], row["text"]),
        metric="harness:MaskedTokens",
    )


def losses(folder: Path, examples: Any, state: Path) -> list[Any]:
    options = TrainOptions(lr=2e-3, batch=8, max_steps=12, batch_tokens=100)
    head = MaskedLanguageModel((), build(MaskedLanguageModel.Options, {"max_length": 24}))
    features = head.features(load_tokenizer(folder), examples, training=True)
    torch.manual_seed(options.seed)
    trainer = Trainer(
        [HeadTask("mlm", head, head.load(str(folder), dtype="float32"), features)],
        make_schedule([features.item_count], options),
        options,
        Accelerator(cpu=True),
        pad_id=1,
        state_folder=state,
        evaluate=None,
        keep=lambda: None,
    )
    return list(trainer.run().losses)


def test_training_from_disk_and_from_memory_gives_the_same_losses(tmp_path: Path, data: Path) -> None:
    folder = save_model("xlmr", tmp_path / "m")
    loaded = [load_examples(task, task.train, data_dir=data) for task in map(text_task, (False, True))]
    assert isinstance(loaded[1].examples, StoredExamples) and not isinstance(loaded[0].examples, StoredExamples)
    assert loaded[0].fingerprint == loaded[1].fingerprint
    memory, disk = (losses(folder, each.examples, tmp_path / str(i)) for i, each in enumerate(loaded))
    assert memory == disk and len(memory) > 0


def test_a_stage_has_one_key_whether_its_examples_stay_on_disk_or_not(tmp_path: Path, data: Path) -> None:
    model = check_folder(save_model("xlmr", tmp_path / "m"), "small", None)
    keys = {cpu_stages(get_registry(), "tiny", data).stage([text_task(where)], model).key for where in (False, True)}
    assert len(keys) == 1


WEIGHED = """
import sys, tracemalloc
from pathlib import Path
import numpy as np
import pyarrow as pa
import pyarrow.ipc
import datasets
from small_models import tokenizer
from test_stored_examples import text_task
from harness.data.sources import load_examples
from harness.families.mlm import MaskedLanguageModel
from harness.training._order import micro_batches, step_items
from harness.types.options import build

folder, stays_on_disk = Path(sys.argv[1]), sys.argv[2] == "disk"
head = MaskedLanguageModel((), build(MaskedLanguageModel.Options, {"max_length": 24}))
tokens = tokenizer("xlmr")
head.features(tokens, [], training=True)
tracemalloc.start()
task = text_task(stays_on_disk)
examples = load_examples(task, task.train, data_dir=folder).examples
tracemalloc.reset_peak()
features = head.features(tokens, examples, training=True)
for step in range(10):
    items = step_items(features.item_count, 32, 0, step)
    for rows in micro_batches(features, items, 512):
        features.batch(rows, 1)
held, peak = tracemalloc.get_traced_memory()
print(len(examples), held, peak, pa.total_allocated_bytes())
"""


def weighed(folder: Path, count: int, where: str) -> tuple[int, int, int]:
    """Bytes held, held at most while training, and held by Arrow, in a process of its own."""
    folder.mkdir()
    write(folder / "text.json", count)
    tests = Path(__file__).resolve().parents[1]
    path = os.pathsep.join([*sys.path, str(tests), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", WEIGHED, str(folder), where],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    size, held, peak, arrow = map(int, done.stdout.split())
    assert size == count
    return held, peak, arrow


def test_memory_does_not_grow_with_examples_that_stay_on_disk(tmp_path: Path) -> None:
    small, large = (weighed(tmp_path / str(count), count, "disk") for count in (5_000, 40_000))
    for few, many in zip(small, large, strict=True):
        assert many - few < 35_000 * 4  # the numbers and hashes of ids are gone by now
    held = weighed(tmp_path / "memory", 40_000, "memory")[0]
    assert held - large[0] > 40_000 * 100  # what the same examples take in memory


def test_a_step_reads_only_the_rows_that_it_trains_on(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from small_models import tokenizer

    from harness.training._order import micro_batches

    task = text_task(True)
    examples = load_examples(task, task.train, data_dir=data).examples
    features = load_object("harness.families.mlm:MaskedLanguageModel")(
        (), build(MaskedLanguageModel.Options, {})
    ).features(tokenizer("xlmr"), examples, training=True)
    read: list[int] = []
    get = StoredExamples.__getitem__

    def counted(self: StoredExamples, index: Any) -> Any:
        read.append(index)
        return get(self, index)

    monkeypatch.setattr(StoredExamples, "__getitem__", counted)
    import numpy as np

    for rows in micro_batches(features, np.array([3, 41, 17]), 512):
        features.batch(rows, 1)
    assert sorted(read) == [3, 17, 41]
