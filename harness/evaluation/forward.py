"""One stream of batches through a loaded model: length order, a token budget, and back-off when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.families.features import Features, IntArray

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

CPU_TOKENS = 1024
"""Padded tokens a thread: on a processor, larger batches leave the cache (benchmarks: a quarter slower at 8,192)."""

Step = Callable[["PreTrainedModel", Mapping[str, "torch.Tensor"]], Mapping[str, "torch.Tensor"]]


def batches(lengths: IntArray, budget: int, order: IntArray | None = None) -> Iterator[IntArray]:
    """Rows longest first, cut so that each padded batch holds at most ``budget`` tokens (and at least one row).

    ``order`` are the rows to cut, already longest first; by default all of them.
    """
    if order is None:
        order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        width = max(int(lengths[order[start]]), 1)
        rows = max(budget // width, 1)
        yield order[start : start + rows]
        start += rows


@dataclass
class Forward:
    """A model ready to predict: on its device, in eval mode, with its tokenizer and its numeric precision.

    ``budget`` is the number of padded tokens a batch may hold; it is halved, for good, when memory runs out. On a CPU
    batches hold at most :data:`CPU_TOKENS` tokens a thread.
    ``build_index`` is the hook ``harness_build_index``, for families that search.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    device: str
    dtype: str = "fp32"
    budget: int = 8192
    tokens: int = 0
    progress: Callable[[int], None] = lambda rows: None
    build_index: Callable[..., Any] | None = None

    def stream(self, features: Features, step: Step) -> dict[str, list[np.ndarray[Any, Any]]]:
        """Runs ``step`` over all rows; its outputs scattered back to the order of the rows, one array a row."""
        collected: dict[str, list[Any]] = {}
        left = np.argsort(-features.lengths, kind="stable")
        while len(left):
            rows = next(batches(features.lengths, self._tokens_a_batch(), left))
            try:
                outputs = self._run(features, rows, step)
            except (MemoryError, RuntimeError) as error:
                if not _out_of_memory(error) or len(rows) == 1:
                    raise
                self._shrink(int(features.lengths[rows].max()) * len(rows))
                continue
            for name, values in outputs.items():
                column = collected.setdefault(name, [None] * len(features))
                for row, value in zip(rows, values, strict=True):
                    column[row] = value
            left = left[len(rows) :]
            self.tokens += int(features.lengths[rows].sum())
            self.progress(len(rows))
        return collected

    def _tokens_a_batch(self) -> int:
        import torch

        if torch.device(self.device).type != "cpu":
            return self.budget
        return min(self.budget, CPU_TOKENS * torch.get_num_threads())

    def _run(self, features: Features, rows: IntArray, step: Step) -> dict[str, np.ndarray[Any, Any]]:
        import torch

        pad = self.tokenizer.pad_token_id
        arrays = features.batch(rows, 0 if pad is None else pad)
        with torch.inference_mode(), self._autocast():
            batch = {name: torch.from_numpy(array).to(self.device) for name, array in arrays.items()}
            outputs = step(self.model, batch)
            return {
                name: (value.float() if value.is_floating_point() else value).cpu().numpy()
                for name, value in outputs.items()
            }

    def _autocast(self) -> Any:
        import torch

        if self.dtype == "fp32":
            return nullcontext()
        kind = torch.bfloat16 if self.dtype == "bf16" else torch.float16
        return torch.autocast(torch.device(self.device).type, dtype=kind)

    def _shrink(self, held: int) -> None:
        import torch

        self.budget = max(held // 2, 1)
        log.warning("out of memory at %d tokens a batch: going on with %d", held, self.budget)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _out_of_memory(error: BaseException) -> bool:
    import torch

    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
