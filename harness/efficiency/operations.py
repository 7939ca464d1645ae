"""Parameters of a model and the operations of a forward pass, by a formula and as torch counts them.

Parameters, operations and times can disagree (Dehghani et al. 2022, "The Efficiency Misnomer"): all are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError
from harness.models.heads import plain_model
from harness.studies.cost import forward_operations
from harness.studies.model_shapes import Shape, shape_in

if TYPE_CHECKING:
    from harness.efficiency.opened import Opened

COUNTED = 4
"""Examples whose operations are counted."""


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters, each tensor once.

    ``embedding`` are those of tables, of which a token looks up a row. ``active`` are those of all other layers that a
    forward pass goes through; the rest is there and not used, such as a pooler without a head. ``bytes`` are those of all
    weights as they are loaded.
    """

    total: int
    active: int
    embedding: int
    bytes: int


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of an example: the mean over the sample, and over its first few by formula and counted.

    ``tokens`` is the mean number of tokens of an example. None where the model's shape is not known, or nothing counts.
    """

    example: float | None
    tokens: float
    formula: float | None
    counted: float | None

    @property
    def deviation(self) -> float | None:
        """The formula over what was counted, minus 1."""
        return self.formula / self.counted - 1 if self.formula and self.counted else None


def row_operations(shape: Shape, lengths: Sequence[int]) -> float:
    """Operations of the forward pass over rows of these lengths: 2 N tokens + 4 L d times the sum of their squares."""
    return float(sum(length * forward_operations(shape, length) for length in lengths))


def count(opened: Opened) -> tuple[Parameters, Operations]:
    """Counts on the first examples of the sample, without ``torch.compile``; the formula goes over all of them."""
    import torch

    batch, lengths = opened.rows(min(COUNTED, len(opened.sample)))
    with torch.compiler.set_stance("force_eager"), opened.computing():
        used, counted = _counted(opened, batch)
    parameters = parameters_of(plain_model(opened.network), used)
    _, every = opened.rows(len(opened.sample))
    try:
        shape = shape_in(opened.session.folder)
    except ModelError:
        shape = None
    if opened.session.compute.quant:
        counted = None
        if shape is not None:  # several weights of a layer share a number there
            parameters = Parameters(shape.total, shape.parameters, shape.embeddings, parameters.bytes)
    # Padding is computed as well: a row is as long as the longest of its batch.
    padded = [int(lengths.max())] * len(lengths)
    return parameters, Operations(
        example=None if shape is None else row_operations(shape, every.tolist()) / len(opened.sample),
        tokens=float(every.sum() / len(opened.sample)),
        formula=None if shape is None else row_operations(shape, padded),
        counted=counted,
    )


def _counted(opened: Opened, batch: Any) -> tuple[set[int], float | None]:
    """The modules that a forward pass goes through, by identity, and its operations as torch counts them."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

    count: Any = sdpa_flop_count
    used: set[int] = set()
    handles = [
        module.register_forward_pre_hook(lambda module, _: used.add(id(module))) for module in opened.network.modules()
    ]

    def attention(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(count(query, key, value))

    # torch's counter knows the attention of GPUs, and not that of processors
    of_processors = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
    try:
        with FlopCounterMode(display=False, custom_mapping={of_processors: attention}) as counter:
            opened.family.outputs(opened.network, batch)
    finally:
        for handle in handles:
            handle.remove()
    return used, float(counter.get_total_flops()) or None


def parameters_of(network: Any, used: set[int]) -> Parameters:
    """Counts the parameters of a network, of which the modules with these identities were called."""
    import torch

    stored = {id(parameter): parameter.numel() * parameter.element_size() for parameter in network.parameters()}
    every = {id(parameter): parameter.numel() for parameter in network.parameters()}
    tables = {
        id(parameter)
        for module in network.modules()
        if isinstance(module, torch.nn.Embedding)
        for parameter in module.parameters(recurse=False)
    }
    active = {
        id(parameter)
        for module in network.modules()
        if id(module) in used
        for parameter in module.parameters(recurse=False)
    }
    return Parameters(
        total=sum(every.values()),
        active=sum(every[key] for key in active - tables),
        embedding=sum(every[key] for key in tables),
        bytes=sum(stored.values()),
    )
