"""The output of a model, kept while one loss is computed from it, so that another one needs no second pass."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class Replay:
    """Stands in for a model that has computed a batch: it gives the output again. ``module`` is the model itself."""

    def __init__(self, model: Any) -> None:
        self.module = model
        self._calls = self._passes = 0
        self._output: Any = None

    def __call__(self, **arguments: Any) -> Any:
        """The output of the pass; the model computes it where there were others, or none over as many rows."""
        rows = len(arguments["input_ids"])
        logits = getattr(self._output, "logits", getattr(self._output, "start_logits", None))
        # Of several passes, no one is that of the batch: the first ones look for noise, and their graphs are gone.
        kept = max(self._calls, self._passes) == 1 and logits is not None and len(logits) == rows
        return self._output if kept else self.module(**arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)

    def keep(self, module: torch.nn.Module, given: Any, output: Any) -> None:
        """Forward hook: keeps the output."""
        self._output = output
        self._calls += 1

    def count(self, module: torch.nn.Module, given: Any, output: Any) -> None:
        """Forward hook of the network inside wrappers, which objectives may call by itself: counts its passes."""
        self._passes += 1


@contextmanager
def replayed(model: Any) -> Iterator[Replay]:
    """The stand-in for a model; it keeps what the model computes within."""
    import torch

    from harness.models.heads import plain_model

    replay = Replay(model)
    # A stand-in for a model that reads padding calls it once for each length: there is no one output of the batch.
    handles = []
    if isinstance(model, torch.nn.Module):
        network = plain_model(model)
        handles = [model.register_forward_hook(replay.keep), network.register_forward_hook(replay.count)]
    try:
        yield replay
    finally:
        for handle in handles:
            handle.remove()
