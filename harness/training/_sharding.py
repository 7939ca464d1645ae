"""Weights, gradients and optimizer state spread over the processes (FSDP), for several models on one encoder.

``accelerate launch --use_fsdp`` asks for it. accelerate's own preparation takes one model, and none on a processor, so
torch's ``fully_shard`` is applied here.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

if TYPE_CHECKING:
    from accelerate import Accelerator

_ASKED = "ACCELERATE_USE_FSDP"


@contextmanager
def sharding_asked_for() -> Iterator[bool]:
    """Tells whether the launcher asks for FSDP. Within, accelerate and transformers do not see it: the one would refuse,
    the other load no weights in any process but the first."""
    said = os.environ.get(_ASKED)
    os.environ[_ASKED] = "false"
    try:
        yield (said or "").lower() in ("1", "true", "yes", "on") and int(os.environ.get("WORLD_SIZE", "1")) > 1
    finally:
        if said is None:
            del os.environ[_ASKED]
        else:
            os.environ[_ASKED] = said


class Sharded(torch.nn.Module):
    """The models of a stage as one root, which gathers the weights of a layer when it is computed.

    ``models`` are sharded in place: each layer of a stack by itself, the rest together. Numbers without a dimension
    (the scale of a dual encoder) stay whole in every process. ``first`` remains as a whole copy in the first process,
    to be written from.
    """

    def __init__(self, models: torch.nn.ModuleList, accelerator: Accelerator) -> None:
        from torch.distributed.device_mesh import init_device_mesh

        super().__init__()
        self.models = models
        # in a tuple, which hides it from sharding
        self._whole = (copy.deepcopy(models[0]).cpu(),) if accelerator.is_main_process else ()
        mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
        self.scalars = [p for p in models.parameters() if p.dim() == 0]
        for layer in _layers(models):
            fully_shard(layer, mesh=mesh, ignored_params=set(self.scalars))
        fully_shard(self, mesh=mesh, ignored_params=set(self.scalars))

    def forward(self, index: int, *args: Any, **kwargs: Any) -> Any:
        """The output of one of the models."""
        return self.models[index](*args, **kwargs)

    def callables(self) -> list[ThroughRoot]:
        """The models, called through the root."""
        return [ThroughRoot(self, index) for index in range(len(self.models))]

    def reduce_scalars(self) -> None:
        """Averages over the processes the gradients that FSDP leaves alone."""
        for scalar in self.scalars:
            if scalar.grad is not None:
                torch.distributed.all_reduce(scalar.grad)
                scalar.grad /= torch.distributed.get_world_size()

    def most(self, number: int) -> int:
        """The largest of the processes' numbers."""
        largest = torch.tensor(number, device=next(self.parameters()).device)
        torch.distributed.all_reduce(largest, torch.distributed.ReduceOp.MAX)
        return int(largest)

    @property
    def whole(self) -> Any:
        """The first model as it was at the last :meth:`gather`; None in other processes than the first."""
        return self._whole[0] if self._whole else None

    def gather(self) -> None:
        """Puts the present weights into :attr:`whole`; all processes have to call it."""
        self.reshard()
        for name, value in self.models[0].named_parameters():
            full = whole_tensor(value)
            for model in self._whole:
                model.get_parameter(name).data.copy_(full)

    def reshard(self) -> None:
        """Gives back what a forward pass without a backward one has gathered: parameters are their shards again."""
        for module in self.modules():
            if isinstance(module, FSDPModule):
                module.reshard()


class ThroughRoot:
    """Stands in for a model: calling it calls the root; ``module`` is the model itself."""

    def __init__(self, root: Sharded, index: int) -> None:
        self.root = root
        self.index = index
        self.module = root.models[index]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The model's output."""
        return self.root(self.index, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)


def whole_tensor(value: torch.Tensor) -> torch.Tensor:
    """The tensor, put together from all processes if it is spread over them (then all have to call it)."""
    return value.full_tensor() if isinstance(value, DTensor) else value


def spread_like(value: torch.Tensor, whole: torch.Tensor) -> torch.Tensor:
    """``whole``, which every process has, spread as ``value`` is."""
    if not isinstance(value, DTensor):
        return whole
    placed = whole.to(value.device)
    return distribute_tensor(placed, value.device_mesh, value.placements, src_data_rank=None)


def _layers(models: Sequence[torch.nn.Module] | torch.nn.Module) -> list[torch.nn.Module]:
    """The members of the outermost stacks, those of a shared encoder once."""
    found: dict[int, torch.nn.Module] = {}
    for model in models.children() if isinstance(models, torch.nn.Module) else models:
        for child in model.children():
            if isinstance(child, torch.nn.ModuleList):
                found.update((id(layer), layer) for layer in child)
            else:
                found.update((id(layer), layer) for layer in _layers([child]))
    return list(found.values())
