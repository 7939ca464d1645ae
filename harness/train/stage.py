"""A stage: one task trained on top of one checkpoint, keyed by its content, trained once and kept as a model folder."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DataError
from harness.families.base import HeadFamily, UnitExamples
from harness.models.fingerprint import model_fingerprint
from harness.options import TrainOptions, as_plain
from harness.specs import IntermediateTask
from harness.train.checkpoint import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.data.sources import LoadedSplit
    from harness.models.resolve import ResolvedModel
    from harness.submission.base import Format

log = logging.getLogger(__name__)

_NOT_IN_KEY = {"batch_tokens", "save_every"}
"""Options that change speed and memory but not what is learned."""


@dataclass(frozen=True)
class Stage:
    """What decides the weights that a stage ends with: task and data, options, and the parent it starts from."""

    task: IntermediateTask
    parent: ResolvedModel | Stage
    train: LoadedSplit
    dev: LoadedSplit | None
    options: TrainOptions
    family_options: Any
    dtype: str

    @property
    def key(self) -> str:
        """sha256 over all of it."""
        content = {
            "parent": self.parent.key if isinstance(self.parent, Stage) else self.parent.fingerprint,
            "task": [self.task.name, self.task.version, self.task.family, list(self.task.labels)],
            "train": self.train.fingerprint,
            "dev": self.dev.fingerprint if self.dev else None,
            "options": {k: v for k, v in as_plain(self.options).items() if k not in _NOT_IN_KEY},
            "family_options": as_plain(self.family_options),
            "dtype": self.dtype,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def folder(self, root: Path) -> Path:
        """Where the finished checkpoint lies under the stages folder."""
        return root / f"{self.task.name}-{self.key[:12]}"


@dataclass(frozen=True)
class TrainedStage:
    """A finished stage: its checkpoint folder and what the record says about it."""

    folder: Path
    fingerprint: str
    summary: Mapping[str, Any]


def finished(stage: Stage, root: Path) -> TrainedStage | None:
    """The stage if it was trained before and its weights are still what they were."""
    folder = stage.folder(root)
    summary_file = folder / "stage.json"
    if not summary_file.is_file():
        return None
    summary = json.loads(summary_file.read_text(encoding="utf-8"))
    fingerprint = model_fingerprint(folder)
    if fingerprint != summary.get("fingerprint"):
        log.warning("%s: the weights are not those that were written: training again", folder)
        return None
    return TrainedStage(folder, fingerprint, summary)


def train_stage(
    stage: Stage,
    parent: Path,
    root: Path,
    family: HeadFamily,
    format_: Format,
    *,
    device: str,
    tell: Callable[[int, int, float], None] = lambda step, total, loss: None,
) -> TrainedStage:
    """Trains the stage on the model in ``parent``, or continues it, or returns it if it is finished."""
    done = finished(stage, root)
    if done is not None:
        return done
    from accelerate import Accelerator

    from harness.models.load import load_tokenizer
    from harness.train.head import reset_head
    from harness.train.loop import Part, Trainer
    from harness.train.schedule import make_schedule

    if not stage.train.examples:
        raise DataError(f"{stage.task.name}: the training split is empty", hint=", ".join(map(str, stage.train.files)))
    check_labels(stage.task, stage.train)
    folder = stage.folder(root)
    work = folder.with_name(folder.name + ".partial")
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision={"fp32": "no"}.get(stage.dtype, stage.dtype))
    tokenizer = load_tokenizer(parent)
    features = family.features(tokenizer, stage.train.examples, training=True)
    if not len(features):
        raise DataError(f"{stage.task.name}: no training example is usable")
    model = family.load(str(parent), ignore_mismatched_sizes=True, dtype="float32")
    reset_head(model, stage.options.seed)
    best = work / "best"
    trainer = Trainer(
        [Part(stage.task.name, family, model, features)],
        make_schedule([features.item_count], stage.options),
        stage.options,
        accelerator,
        pad_id=tokenizer.pad_token_id or 0,
        state_folder=work / "state",
        evaluate=_dev_score(stage, family, format_, model, tokenizer, accelerator),
        keep=lambda: _write_model(model, tokenizer, best),
        tell=tell,
    )
    progress = trainer.run()
    accelerator.wait_for_everyone()
    summary = {
        **describe(stage),
        **_outcome(progress, trainer.total),
        "items": features.item_count,
        "tokens": trainer.tokens,
        "seconds": round(time.monotonic() - started, 3),
        "fingerprint": model_fingerprint(best),
        "folder": str(folder),
    }
    if accelerator.is_main_process:
        (best / "stage.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        best.rename(folder)
        shutil.rmtree(work, ignore_errors=True)
    accelerator.wait_for_everyone()
    return TrainedStage(folder, str(summary["fingerprint"]), summary)


def describe(stage: Stage) -> dict[str, Any]:
    """The lineage of a stage, known before it is trained."""
    return {
        "key": stage.key,
        "task": stage.task.name,
        "version": stage.task.version,
        "provider": stage.task.provider,
        "parent": {"stage": stage.parent.key}
        if isinstance(stage.parent, Stage)
        else {"model": stage.parent.reference, "fingerprint": stage.parent.fingerprint},
        "data": {
            name: {
                "rows": split.rows,
                "examples": len(split.examples),
                "expected": split.expected,
                "fingerprint": split.fingerprint,
                "notes": list(split.notes),
            }
            for name, split in (("train", stage.train), ("dev", stage.dev))
            if split is not None
        },
        "options": as_plain(stage.options),
        "family_options": as_plain(stage.family_options),
        "dtype": stage.dtype,
        "head": "fresh",
    }


def check_labels(task: IntermediateTask, split: LoadedSplit) -> None:
    """Refuses labels outside the task's label set before any model is loaded."""
    if not task.labels:
        return
    known = set(task.labels)
    for example in split.examples:
        label = getattr(example, "label", None)
        tags = getattr(example, "tags", None) or ()
        for value in (label, *tags):
            if value is not None and value not in known:
                raise DataError(
                    f"{task.name}: example {example.id!r} has the label {value!r}"
                    if hasattr(example, "id")
                    else task.name,
                    hint=f"the task's labels are {', '.join(task.labels)}",
                )


def _outcome(progress: Progress, total: int) -> dict[str, Any]:
    return {
        "steps": progress.step,
        "planned_steps": total,
        "stopped_early": progress.stopped_early,
        "selected_step": progress.best_step,
        "dev_score": progress.best_score,
        "dev": progress.dev,
        "loss": progress.losses,
    }


def _dev_score(
    stage: Stage,
    family: HeadFamily,
    format_: Format,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    accelerator: Any,
) -> Callable[[], float] | None:
    from harness.evaluate.forward import Forward
    from harness.metrics import get_metric
    from harness.scoring import score_unit

    if stage.dev is None or not stage.dev.examples:
        return None
    limit = stage.options.eval_limit or len(stage.dev.examples)
    unit = UnitExamples(stage.task.name, "en", "dev", stage.dev.examples[:limit])
    metric = get_metric(stage.task.metric)

    def score() -> float:
        forward = Forward(model, tokenizer, str(accelerator.device), stage.dtype)
        predicted = next(iter(family.predict(forward, [unit]))).predictions
        with tempfile.TemporaryDirectory(prefix="harness-dev-") as name:
            predictions, labels = (Path(name) / f"{side}.{format_.extension}" for side in ("predictions", "labels"))
            format_.write_predictions(predictions, unit.examples, predicted)
            format_.write_labels(labels, unit.examples)
            scored = score_unit(stage.task.name, metric, format_, "en", predictions, labels, stage.task.labels)
        return float(sum(scored.metrics[name].value for name in metric.primary) / len(metric.primary))

    return score


def _write_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Writes a transformers folder as a whole: a half-written one never takes the place of a good one."""
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    model.save_pretrained(scratch)
    tokenizer.save_pretrained(scratch)
    shutil.rmtree(folder, ignore_errors=True)
    scratch.rename(folder)
