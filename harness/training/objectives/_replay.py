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
        self._output: Any = None

    def __call__(self, **arguments: Any) -> Any:
        """The output of the last pass; the model computes it where there was none over as many rows."""
        rows = len(arguments["input_ids"])
        logits = getattr(self._output, "logits", getattr(self._output, "start_logits", None))
        return self.module(**arguments) if logits is None or len(logits) != rows else self._output

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)

    def keep(self, module: torch.nn.Module, given: Any, output: Any) -> None:
        """Forward hook: keeps the last output. Earlier ones may be of an ascent, whose graph is gone."""
        self._output = output


@contextmanager
def replayed(model: Any) -> Iterator[Replay]:
    """The stand-in for a model; it keeps what the model computes within."""
    import torch

    replay = Replay(model)
    # A stand-in for a model that reads padding calls it once for each length: there is no one output of the batch.
    handle = model.register_forward_hook(replay.keep) if isinstance(model, torch.nn.Module) else None
    try:
        yield replay
    finally:
        if handle is not None:
            handle.remove()
