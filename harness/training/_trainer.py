"""The training loop: one for every family, and for one task or several on a shared encoder.

A step is a fixed number of items of one task, cut into micro-batches under a token budget; the summed losses are
divided by the number of terms of the whole step, so that the update does not depend on how the step was cut
(PROTOCOL section 2; multi-task: one task a step, Phang et al. 2020).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import IntArray
from harness.core.claims import heed_lost_claims
from harness.core.errors import ModelError, UsageError
from harness.core.interruption import GOES_ON, Interrupted, held_back
from harness.families.base import HeadFamily
from harness.inference.features import FeatureRows
from harness.models.device import sent
from harness.models.padding import Unpadded
from harness.models.swapped_adapters import adapters_in
from harness.scoring.scale import shown_dev
from harness.training._checkpoint import StageProgress, load_state, save_state
from harness.training._order import in_step, micro_batches, step_items
from harness.training._sparse import densify, sparsify
from harness.training.objectives.base import ObjectiveContext
from harness.training.objectives.composition import PLAIN, Composition
from harness.types.languages import LANGUAGE
from harness.types.options import TrainOptions

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from transformers import PreTrainedModel

    from harness.training._rows import TouchedRows

log = logging.getLogger(__name__)

CPU_TOKENS = 512
"""Padded tokens in a micro-batch: on a processor, larger ones leave the cache and pad more (docs/speed.md: a step
of 32 pairs takes 1.9 times as long in one piece)."""
SECOND = "second"
"""Key of the optimizer's group that has the second learning rate."""
LOOK_EVERY = 20
"""Steps between looks at the loss: each look waits for the device."""
TELL_EVERY = 0.5
"""Seconds between reports of the step."""


@dataclass(frozen=True)
class HeadTask:
    """One task of a stage: its family, its model (the encoder is shared between parts) and its training features.

    ``padding`` is "none" for a model that reads it (:func:`~harness.models.padding.padding_of`). An ``objective`` comes with
    the ``context`` that it is given.
    """

    name: str
    family: HeadFamily
    model: PreTrainedModel
    features: FeatureRows
    padding: str = "right"
    objective: Composition = PLAIN
    context: ObjectiveContext | None = None

    def loss(self, model: Any, batch: Mapping[str, torch.Tensor], **step: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed loss of a micro-batch and the number of terms; ``step`` are the fields of the context that it has."""
        if self.context is None:
            return self.family.loss(model, batch)
        return self.objective.loss(model, batch, self.family.loss, replace(self.context, **step))


def learning_rate(step: int, total: int, options: TrainOptions, *, second: bool = False) -> float:
    """Linear warm-up from 0, then linear decay to 0 at ``total``; ``step`` counts from 0. ``second``: of the second rate."""
    highest = options.second_lr if second else options.lr
    warmup = options.warmup_steps or round(options.warmup_ratio * total)
    if step < warmup:
        return highest * step / warmup
    return highest * max(0.0, (total - step) / max(1, total - warmup))


def make_optimizer(
    model: torch.nn.Module, options: TrainOptions, second: Sequence[torch.nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """AdamW; biases and layer norms are not decayed (PROTOCOL section 2). ``second`` are trained at the second rate.

    They are parameters of the model, or beside it.
    """
    import torch

    plain = ("bias", "layernorm.weight", "layer_norm.weight", "norm.weight")
    apart = {id(parameter) for parameter in second}
    groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {
        (at, decayed): [] for at in (False, True) for decayed in (True, False)
    }
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[id(parameter) in apart, not name.lower().endswith(plain)].append(parameter)
            apart.discard(id(parameter))
    groups[True, True] += [parameter for parameter in second if id(parameter) in apart]  # beside the model
    return torch.optim.AdamW(
        [
            {
                "params": own,
                "weight_decay": options.weight_decay if decayed else 0.0,
                **({SECOND: True} if at_second else {}),
            }
            for (at_second, decayed), own in groups.items()
            if own or not at_second
        ],
        lr=options.lr,
        eps=options.adam_epsilon,
        fused=next(model.parameters()).device.type in ("cuda", "cpu"),
    )


def _lowness(evaluations: Sequence[Mapping[str, Any]], step: int) -> float | None:
    """The negated dev loss of the evaluation after a step; None where there was none, or where it had no loss."""
    loss = next((entry.get("loss") for entry in evaluations if entry["step"] == step), None)
    return None if loss is None else -float(loss)


class Trainer:
    """Trains the parts of a stage, keeping the best checkpoint and a state to continue from.

    ``schedule`` says which part each optimizer step trains. ``evaluate`` returns the English dev ``score`` (0-100) of the
    current model, and what else to record with it; ``keep`` is called when the model is the best so far and must
    store it; ``tell`` is called with (step, total, mean loss), as
    :meth:`~harness.types.progress.ProgressListener.training` says. With ``shard`` the processes share the weights
    (:mod:`harness.training._sharding`). ``tables`` are embeddings that are trained in part: they are whole again while
    ``evaluate`` and ``keep`` run (:mod:`harness.training._rows`). ``new_tokens`` are those of the
    second learning rate. The state in ``state_folder`` is that of ``stage``, a key. ``started`` is when this start began, on
    the monotonic clock; it counts in the seconds of the progress.
    """

    def __init__(
        self,
        parts: Sequence[HeadTask],
        schedule: IntArray,
        options: TrainOptions,
        accelerator: Accelerator,
        *,
        pad_id: int,
        state_folder: Path,
        evaluate: Callable[[], Mapping[str, Any]] | None,
        keep: Callable[[], None],
        tell: Callable[[int, int, float], None] = lambda step, total, loss: None,
        shard: bool = False,
        tables: TouchedRows | None = None,
        new_tokens: Sequence[int] = (),
        stage: str = "",
        started: float | None = None,
    ) -> None:
        import torch

        from harness.training._rows import TouchedRows
        from harness.training._second_rate import new_token_rows, projectors
        from harness.training._sharding import Sharded

        for part in parts:
            # Each process would call its model as often as it has lengths, where all must call theirs equally often.
            if shard and part.padding == "none" and part.features.item_count != len(part.features):
                raise ModelError(
                    f"{part.name}: a model that reads padding, and examples of several rows, cannot be sharded",
                    hint="train without FSDP",
                )
        self.parts = parts
        self.schedule = schedule
        # How often each step's part was trained before it: its place in the order of the part's items.
        self.turns = np.array(
            [np.count_nonzero(schedule[:i] == part) for i, part in enumerate(schedule)], dtype=np.int64
        )
        self.options = options
        self.accelerator = accelerator
        self.pad_id = pad_id
        self.state_folder = state_folder
        self.evaluate = evaluate
        self.keep = keep
        self.tell = tell
        self.tables = tables or TouchedRows()
        self.modules = torch.nn.ModuleList(part.model.to(accelerator.device) for part in parts)
        self.sharded = Sharded(self.modules, accelerator) if shard else None
        # At equal rates one group does: its bits are those of a training without a second rate.
        second = options.second_lr and options.second_lr != options.lr
        self.new_rows = new_token_rows(parts, new_tokens) if second and options.new_tokens_lr else None
        apart = self.new_rows.parameters if self.new_rows else projectors(parts) if second else ()
        self.optimizer = make_optimizer(self.modules, options, apart)
        self.models: list[Any]
        if self.sharded:
            self.models, self.prepared = self.sharded.callables(), accelerator.prepare(self.optimizer)
        else:
            *self.models, self.prepared = accelerator.prepare(*self.modules, self.optimizer)
        # A launcher's wrapper, which averages gradients even of one process, takes no sparse ones.
        bare = all(model is own for model, own in zip(self.models, self.modules, strict=True))
        self.sparse = accelerator.device.type == "cpu" and bare
        if self.sparse:
            sparsify(self.modules)
        self.total = len(schedule)
        self.stage = stage
        self.started = time.monotonic() if started is None else started
        self.earlier_seconds = 0.0
        self.progress = StageProgress()
        self.window: list[torch.Tensor] = []
        self.tokens = 0
        self.micro_tokens = options.batch_tokens
        if accelerator.device.type == "cpu":
            self.micro_tokens = min(options.batch_tokens, CPU_TOKENS)

    @property
    def callable_models(self) -> list[Any]:
        """The model of each part, to be called for predictions by all processes alike."""
        return self.models if self.sharded else [part.model for part in self.parts]

    @property
    def seconds(self) -> float:
        """The time of all starts, each up to its last saved state, and of this one up to now."""
        return self.earlier_seconds + time.monotonic() - self.started

    @property
    def whole_model(self) -> Any:
        """The first part's model with all its weights, for ``keep`` to write."""
        return self.sharded.whole if self.sharded else self.parts[0].model

    def run(self) -> StageProgress:
        """Trains to the end, or on from the saved state; returns the finished progress."""
        import torch

        resumed = load_state(self.state_folder, self.modules, self.optimizer, stage=self.stage, rows=self.tables.digest)
        if resumed:
            self.progress = resumed
            self.tokens, self.earlier_seconds = resumed.tokens, resumed.seconds
            self.window = list(torch.tensor(resumed.recent, device=self.accelerator.device))
            if self.accelerator.process_index:
                # The saved random state is the first process's; the others must not repeat its dropout.
                torch.manual_seed(hash((self.options.seed, resumed.step, self.accelerator.process_index)) % 2**63)
            log.info("going on from step %d of %d", self.progress.step, self.total)
        self.modules.train()
        told = self._tell_step()
        with held_back() as signalled:
            while self.progress.step < self.total and not self.progress.stopped_early:
                self.window.append(self._step(self.progress.step))
                self.progress.step += 1
                step = self.progress.step
                heed_lost_claims()
                if step % LOOK_EVERY == 0 or step == self.total:
                    self._look(step)
                elif time.monotonic() - told >= TELL_EVERY:
                    told = self._tell_step()
                every = self.options.evaluate_every
                if every and step % every == 0 and step < self.total and self.options.select != "last":
                    self._select()
                elif step % self.options.save_every == 0 and step < self.total:
                    self._save()
                if number := self._anywhere(signalled()):
                    self._save()
                    named = "+".join(part.name for part in self.parts)
                    where = f"stopped at step {step} of {self.total} of {named}, saved"
                    raise Interrupted(f"{where}; {GOES_ON}", number)
        self._select(last=True)
        log.debug("%d steps in %.1f s", self.total, self.seconds)
        return self.progress

    def _step(self, step: int) -> torch.Tensor:
        import torch

        number = int(self.schedule[step])
        part, model = self.parts[number], self.models[number]
        turn = int(self.turns[step])
        items = step_items(part.features.item_count, self.options.batch, self.options.seed, turn)
        processes, bundles = self.accelerator.num_processes, np.arange(len(items)) // part.features.together
        own = items[bundles % processes == self.accelerator.process_index]
        # A process without an item of a small last step still takes part, with weight 0: the others wait for it.
        weight = float(len(own) > 0)
        items = own if len(own) else items[:1]
        rate = learning_rate(step, self.total, self.options)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(step, self.total, self.options, second=True) if group.get(SECOND) else rate
        device = self.accelerator.device
        loss_sum = torch.zeros((), device=device)
        terms = torch.zeros((), device=device)
        features = in_step(part.features, self.options.batch, turn, self.options.seed, step)
        chunks = list(micro_batches(features, items, self.micro_tokens, padding=part.padding))
        weights = [weight] * len(chunks)
        if self.sharded:  # every process computes as often as the others, who gather the weights with it
            spare = self.sharded.most(len(chunks)) - len(chunks)
            chunks, weights = chunks + chunks[:1] * spare, weights + [0.0] * spare
        # One autocast for all micro-batches keeps the rounded weights; shards must not be kept.
        with nullcontext() if self.sharded else self.accelerator.autocast():
            for position, (chunk, weight) in enumerate(zip(chunks, weights, strict=True)):
                pieces = self._in_one_language(part, features, chunk)
                for place, (adapter, rows, batch) in enumerate(pieces):
                    last = position == len(chunks) - 1 and place == len(pieces) - 1
                    with adapter, nullcontext() if last else self.accelerator.no_sync(model):
                        with self.accelerator.autocast():
                            called = Unpadded(model) if part.padding == "none" else model
                            loss, count = part.loss(called, batch, step=step, total=self.total, rows=rows)
                        with torch.autocast(device.type, enabled=False):
                            self.accelerator.backward(loss * weight)
                    loss_sum += loss.detach() * weight
                    terms += count * weight
                self.tokens += int(part.features.lengths[chunk].sum())
        if self.sparse:
            densify(self.modules)
        if self.sharded:
            self.sharded.reduce_scalars()
        if self.accelerator.num_processes > 1:
            loss_sum, terms = self.accelerator.reduce(loss_sum), self.accelerator.reduce(terms)
        # Dividing commutes with the unscaling of fp16 gradients, which clipping does.
        gradients = [p.grad for p in self.modules.parameters() if p.grad is not None]
        torch._foreach_mul_(gradients, self.accelerator.num_processes / terms.clamp(min=1))
        self.accelerator.clip_grad_norm_(self.modules.parameters(), self.options.clip)
        if self.new_rows:
            self.new_rows.before_step()
        self.prepared.step()
        if self.new_rows:
            self.new_rows.after_step()
        if not self.accelerator.optimizer_step_was_skipped:
            self.tables.stepped(step, rate)
        self.prepared.zero_grad()
        return loss_sum / terms.clamp(min=1)

    def _batch(self, features: FeatureRows, rows: IntArray) -> Mapping[str, torch.Tensor]:
        arrays = features.batch(rows, self.pad_id)
        return {name: sent(array, self.accelerator.device) for name, array in arrays.items()}

    def _in_one_language(
        self, part: HeadTask, features: FeatureRows, rows: IntArray
    ) -> list[tuple[AbstractContextManager[None], IntArray, Mapping[str, torch.Tensor]]]:
        """The batch of these rows, or, for a model with language adapters, one for each of them, in which it is active."""
        batch = self._batch(features, rows)
        swapped = adapters_in(part.model)
        if swapped is None:
            return [(nullcontext(), rows, batch)]
        if LANGUAGE not in batch:
            raise ModelError(
                f"{part.name}: language adapters, and rows that do not say their language",
                hint="their class needs the method with_languages; Features have it",
            )
        groups = list(swapped.groups(batch[LANGUAGE].cpu().numpy()))
        if len(groups) == 1:
            return [(swapped.using(groups[0][0]), rows, batch)]
        if self.sharded or part.features.together > 1:
            what = "with FSDP" if self.sharded else "for pairs that are each other's negatives"
            raise UsageError(
                f"{part.name}: training data in several languages, each with its adapter: not {what}",
                hint="train in one language",
            )
        return [
            (swapped.using(code), rows[own], {name: value[own] for name, value in batch.items()})
            for code, own in groups
        ]

    def _look(self, step: int) -> None:
        self.tables.check()
        losses, self.window = self._recent(), []
        for offset, loss in enumerate(losses):
            if not math.isfinite(loss):
                at = step - len(losses) + offset
                raise ModelError(
                    f"training diverged: the loss is {loss} at step {at + 1} of {self.total}"
                    f" (learning rate {learning_rate(at, self.total, self.options):.2e})",
                    hint="try a lower learning rate (--set lr=...), warm-up (--set warmup_ratio=0.1) or --dtype fp32",
                )
        mean = sum(losses) / len(losses)
        self.progress.losses.append((step, mean))
        self.tell(step, self.total, mean)

    def _tell_step(self) -> float:
        """Reports the step, with no new loss; returns the time."""
        self.tell(self.progress.step, self.total, math.nan)
        return time.monotonic()

    def _recent(self) -> list[float]:
        """The losses since the last look; it waits for the device."""
        import torch

        return torch.stack(self.window).tolist() if self.window else []

    def _select(self, *, last: bool = False) -> None:
        with self.tables.whole():
            self._score_and_keep(last)
        if not last:
            self._save()

    def _score_and_keep(self, last: bool) -> None:
        """Scores English dev and keeps the model if it is strictly better, or if it is the last one and that counts."""
        step = self.progress.step
        score: float | None = None
        if self.progress.dev and self.progress.dev[-1]["step"] == step:
            score = self.progress.dev[-1]["score"]
        elif self.evaluate is not None:
            self.modules.eval()
            found = self.evaluate()
            self.modules.train()
            self.progress.dev.append({"step": step, **found})
            score = found["score"]
            loss = f", loss {found['loss']:.3f}" if "loss" in found else ""
            log.info("step %d: English dev %s%s", step, shown_dev(score), loss)
        best, value = self.progress.best_score, score
        if self.options.select == "loss":
            best, value = (_lowness(self.progress.dev, at) for at in (self.progress.best_step, step))
        wanted = last and (self.options.select == "last" or (value is None and best is None))
        if wanted or (value is not None and (best is None or value > best)):
            self.progress.best_step, self.progress.best_score, self.progress.bad_evaluations = step, score, 0
            if self.sharded:
                self.sharded.gather()
            if self.accelerator.is_main_process:
                self.keep()
        else:
            self.progress.bad_evaluations += 1
            self.progress.stopped_early = 0 < self.options.patience <= self.progress.bad_evaluations

    def _save(self) -> None:
        self.tables.check()
        write = self.accelerator.is_main_process
        if self.sharded:
            self.sharded.reshard()
        if write or self.sharded:
            self.progress.recent = self._recent()
            self.progress.tokens, self.progress.seconds = self.tokens, self.seconds
            save_state(
                self.state_folder,
                self.modules,
                self.optimizer,
                self.progress,
                stage=self.stage,
                rows=self.tables.digest,
                write=write,
            )

    def _anywhere(self, signal: int) -> int:
        """The signal of this process, or of any of a sharded training, whose processes must stop together; 0: none."""
        return self.sharded.most(signal) if self.sharded else signal
