"""The training loop: one for every family.

A step is a fixed number of items, cut into micro-batches under a token budget; the summed losses are divided by the
number of terms of the whole step, so that the update does not depend on how the step was cut (PROTOCOL section 2).
"""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import ModelError
from harness.families.base import HeadFamily
from harness.families.features import Features
from harness.options import TrainOptions
from harness.train.checkpoint import Progress, load_state, save_state
from harness.train.order import micro_batches, step_items, steps_in_epoch

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

LOOK_EVERY = 20
"""Steps between looks at the loss: each look waits for the device."""


def total_steps(items: int, options: TrainOptions) -> int:
    """Optimizer steps of the whole stage."""
    return options.max_steps or max(1, math.ceil(steps_in_epoch(items, options.batch) * options.epochs))


def learning_rate(step: int, total: int, options: TrainOptions) -> float:
    """Linear warm-up, then linear decay to 0 at ``total``; ``step`` counts from 0."""
    warmup = options.warmup_steps or round(options.warmup_ratio * total)
    if step < warmup:
        return options.lr * (step + 1) / warmup if options.warmup_ratio else options.lr * step / warmup
    return options.lr * max(0.0, (total - step) / max(1, total - warmup))


def make_optimizer(model: PreTrainedModel, options: TrainOptions) -> torch.optim.Optimizer:
    """AdamW; biases and layer norms are not decayed (PROTOCOL section 2)."""
    import torch

    plain = ("bias", "layernorm.weight", "layer_norm.weight", "norm.weight")
    groups: dict[bool, list[torch.nn.Parameter]] = {True: [], False: []}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[not name.lower().endswith(plain)].append(parameter)
    return torch.optim.AdamW(
        [
            {"params": groups[True], "weight_decay": options.weight_decay},
            {"params": groups[False], "weight_decay": 0.0},
        ],
        lr=options.lr,
        eps=options.adam_epsilon,
        fused=next(model.parameters()).device.type in ("cuda", "cpu"),
    )


class Trainer:
    """Trains one model on one task's features, keeping the best checkpoint and a state to continue from.

    ``evaluate`` returns the English dev score (0-100) of the model as it stands; ``keep`` is called when the model
    is the best so far and must store it; ``tell`` reports (step, total, loss).
    """

    def __init__(
        self,
        family: HeadFamily,
        model: PreTrainedModel,
        features: Features,
        options: TrainOptions,
        accelerator: Accelerator,
        *,
        pad_id: int,
        state_folder: Path,
        evaluate: Callable[[], float] | None,
        keep: Callable[[], None],
        tell: Callable[[int, int, float], None] = lambda step, total, loss: None,
    ) -> None:
        self.family = family
        self.features = features
        self.options = options
        self.accelerator = accelerator
        self.pad_id = pad_id
        self.state_folder = state_folder
        self.evaluate = evaluate
        self.keep = keep
        self.tell = tell
        self.plain_model = model.to(accelerator.device)
        self.optimizer = make_optimizer(model, options)
        self.model, self.prepared = accelerator.prepare(model, self.optimizer)
        self.total = total_steps(features.item_count, options)
        self.progress = Progress()
        self.tokens = 0

    def run(self) -> Progress:
        """Trains to the end, or on from the saved state; returns the finished progress."""
        resumed = load_state(self.state_folder, self.plain_model, self.optimizer)
        if resumed:
            self.progress = resumed[0]
            log.info("going on from step %d of %d", self.progress.step, self.total)
        started = time.monotonic()
        window: list[torch.Tensor] = []
        self.model.train()
        with interrupt_between_steps() as interrupted:
            while self.progress.step < self.total and not self.progress.stopped_early:
                window.append(self._step(self.progress.step))
                self.progress.step += 1
                step = self.progress.step
                if step % LOOK_EVERY == 0 or step == self.total:
                    self._look(window, step)
                    window = []
                every = self.options.evaluate_every
                if every and step % every == 0 and step < self.total and self.options.select == "best":
                    self._select()
                elif step % self.options.save_every == 0 and step < self.total:
                    self._save()
                if interrupted():
                    self._save()
                    raise KeyboardInterrupt
        self._select(last=True)
        log.info("%d steps in %.1f s", self.total, time.monotonic() - started)
        return self.progress

    def _step(self, step: int) -> torch.Tensor:
        import torch

        items = step_items(self.features.item_count, self.options.batch, self.options.seed, step)
        items = items[self.accelerator.process_index :: self.accelerator.num_processes]
        rate = learning_rate(step, self.total, self.options)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        device = self.accelerator.device
        loss_sum = torch.zeros((), device=device)
        terms = torch.zeros((), device=device)
        chunks = list(micro_batches(self.features, items, self.options.batch_tokens))
        for number, rows in enumerate(chunks):
            batch = self._batch(rows)
            last = number == len(chunks) - 1
            with self.accelerator.autocast(), _maybe_no_sync(self.accelerator, self.model, last):
                loss, count = self.family.loss(self.model, batch)
                self.accelerator.backward(loss)
            loss_sum += loss.detach()
            terms += count
            self.tokens += int(self.features.lengths[rows].sum())
        if self.accelerator.num_processes > 1:
            loss_sum, terms = self.accelerator.reduce(loss_sum), self.accelerator.reduce(terms)
        scale = self.accelerator.num_processes / terms.clamp(min=1)
        gradients = [p.grad for p in self.plain_model.parameters() if p.grad is not None]
        torch._foreach_mul_(gradients, scale)
        self.accelerator.clip_grad_norm_(self.model.parameters(), self.options.clip)
        self.prepared.step()
        self.prepared.zero_grad()
        return loss_sum / terms.clamp(min=1)

    def _batch(self, rows: np.ndarray[Any, Any]) -> Mapping[str, torch.Tensor]:
        import torch

        arrays = self.features.batch(rows, self.pad_id)
        return {name: torch.from_numpy(array).to(self.accelerator.device) for name, array in arrays.items()}

    def _look(self, window: list[torch.Tensor], step: int) -> None:
        import torch

        losses = torch.stack(window).tolist()
        for offset, loss in enumerate(losses):
            if not math.isfinite(loss):
                at = step - len(losses) + offset
                raise ModelError(
                    f"training diverged: the loss is {loss} at step {at + 1} of {self.total}"
                    f" (learning rate {learning_rate(at, self.total, self.options):.2e})",
                    hint="lower the learning rate (--set lr=...), warm up (--set warmup_ratio=0.1), or use --dtype fp32",
                )
        mean = sum(losses) / len(losses)
        self.progress.losses.append((step, mean))
        self.tell(step, self.total, mean)

    def _select(self, *, last: bool = False) -> None:
        """Scores English dev and keeps the model if it is strictly better, or if it is the last one and that counts."""
        step = self.progress.step
        if self.evaluate is None or (self.progress.dev and self.progress.dev[-1]["step"] == step):
            score = self.progress.dev[-1]["score"] if self.progress.dev else None
        else:
            self.model.eval()
            score = self.evaluate()
            self.model.train()
            self.progress.dev.append({"step": step, "score": score})
            log.info("step %d: English dev %.2f", step, score)
        best = self.progress.best_score
        if (last and (self.options.select == "last" or score is None)) or (
            score is not None and (best is None or score > best)
        ):
            self.progress.best_step, self.progress.best_score, self.progress.bad_evaluations = step, score, 0
            if self.accelerator.is_main_process:
                self.keep()
        else:
            self.progress.bad_evaluations += 1
            self.progress.stopped_early = 0 < self.options.patience <= self.progress.bad_evaluations
        if not last:
            self._save()

    def _save(self) -> None:
        if self.accelerator.is_main_process:
            save_state(self.state_folder, self.plain_model, self.optimizer, self.progress, {})


@contextmanager
def interrupt_between_steps() -> Iterator[Callable[[], bool]]:
    """Holds back the first Ctrl-C until the step is complete, so that the saved state is whole; not the second."""
    caught = False

    def note(number: int, frame: Any) -> None:
        nonlocal caught
        if caught:
            raise KeyboardInterrupt
        caught = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    previous = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: caught
    finally:
        signal.signal(signal.SIGINT, previous)


def _maybe_no_sync(accelerator: Accelerator, model: Any, last: bool) -> Any:
    return nullcontext() if last else accelerator.no_sync(model)
