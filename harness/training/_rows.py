"""Embedding rows that a stage can touch: they alone are trained, and the weights are those of training the whole table.

A multilingual vocabulary holds most of a model's parameters, and English data use a tenth of it. The other rows never
have a gradient, so that AdamW leaves them as they are but for weight decay, whose factors are those of all rows. The rows
of a stage's own data are gathered into a small table. The whole one, which is neither on the device nor in the optimizer,
gets them back whenever the model is scored or written.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.core.arrays import IntArray
from harness.core.errors import PluginError
from harness.models.heads import plain_model

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from harness.training._trainer import HeadTask

log = logging.getLogger(__name__)

_IN_CACHE = 1 << 17
"""Weights that a processor multiplies by the decay of all steps before it takes the next ones."""
_ELSEWHERE = 1 << 22


class EmbeddingRows(torch.nn.Module):
    """Stands in for an embedding of which some rows are here; they are looked up by the ids of the whole.

    ``decay`` holds the factor of each optimizer step that the other rows have yet to be multiplied by, 1 for those to
    come. It is a buffer, because it belongs to the state of the training; there is none where ``steps`` is 0.
    """

    decay: torch.Tensor | None

    def __init__(self, whole: torch.nn.Embedding, ids: torch.Tensor, steps: int) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = whole.num_embeddings, whole.embedding_dim
        self.rows = torch.nn.Parameter(whole.weight.detach()[ids])
        self.sparse = False
        place = torch.full((whole.num_embeddings,), -1, dtype=torch.int32)
        place[ids] = torch.arange(len(ids), dtype=torch.int32)
        self.padding_idx = None if whole.padding_idx is None else int(place[whole.padding_idx])
        self.register_buffer("decay", torch.ones(steps) if steps else None)
        # No buffers: they follow from the data, and are neither saved nor sent to other processes.
        self._place, self._missed = place, torch.zeros((), dtype=torch.bool)

    @property
    def weight(self) -> torch.Tensor:
        """The device and the type of the table, without a row: computing with all of them fails, with some it cannot."""
        return self.rows.new_empty(0, self.embedding_dim)

    @property
    def missed(self) -> bool:
        """Tells whether an id without a row was looked up; it waits for the device."""
        return bool(self._missed)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Looks up the ids. One that has no row gets another's, and :attr:`missed` tells."""
        if self._place.device != ids.device:
            self._place, self._missed = self._place.to(ids.device), self._missed.to(ids.device)
        places = self._place[ids]
        self._missed = self._missed | (places < 0).any()
        return torch.nn.functional.embedding(
            places.clamp(min=0), self.rows, padding_idx=self.padding_idx, sparse=self.sparse
        )


@dataclass
class Table:
    """An embedding and its stand-in.

    ``places`` are the modules and attributes that hold it, each with the embedding that was there: several may share one
    weight. ``decayed`` counts the steps whose decay that weight has.
    """

    places: Sequence[tuple[torch.nn.Module, str, torch.nn.Embedding]]
    ids: torch.Tensor
    stand_in: EmbeddingRows
    decayed: int = 0

    def narrow(self) -> None:
        """Puts the stand-in in all places."""
        for owner, name, _ in self.places:
            setattr(owner, name, self.stand_in)

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Within, the whole table is in all places, with what was trained, on the device of the rows."""
        weight = self.places[0][2].weight
        kept, rows = weight.data, self.stand_in.rows.detach()
        weight.data = kept.to(rows.device)
        decayed = self._decay(weight.data)
        weight.data[self.ids.to(rows.device)] = rows
        for owner, name, embedding in self.places:
            setattr(owner, name, embedding)
        try:
            yield
        finally:
            self.narrow()
            weight.data = kept.copy_(weight.data) if decayed else kept

    def _decay(self, weight: torch.Tensor) -> bool:
        """Multiplies by the factors one after the other, as AdamW does on a processor: rounding gives the same bits."""
        if self.stand_in.decay is None:
            return False
        factors = self.stand_in.decay[self.decayed :].tolist()
        while factors and factors[-1] == 1:  # steps to come
            factors.pop()
        self.decayed += len(factors)
        rows = max((_IN_CACHE if weight.device.type == "cpu" else _ELSEWHERE) // weight.shape[1], 1)
        for block in torch.split(weight, rows) if factors else ():
            for factor in factors:
                block.mul_(factor)
        return bool(factors)


class TouchedRows:
    """The tables of a stage that are trained in part; by default none are. ``decay`` is the weight decay of embeddings."""

    def __init__(self, tables: Sequence[Table] = (), decay: float = 0.0) -> None:
        self._tables = tables
        self._decay = decay

    @property
    def digest(self) -> str:
        """Names the rows, for the state of a training; "" where whole tables are trained."""
        ids = b"".join(table.ids.numpy().tobytes() for table in self._tables)
        return hashlib.sha256(ids).hexdigest() if self._tables else ""

    def stepped(self, step: int, rate: float) -> None:
        """Takes down the decay of an optimizer step, while its gradients are still there."""
        for table in self._tables:
            if table.stand_in.decay is not None and table.stand_in.rows.grad is not None:
                table.stand_in.decay[step] = 1 - rate * self._decay

    def check(self) -> None:
        """PluginError where the training has looked up an id that has no row; it waits for the device."""
        if any(table.stand_in.missed for table in self._tables):
            raise PluginError(
                "the training looked up tokens that are not in its rows, and of which no embedding is trained",
                hint="what adds them says so: embedding_rows of the family, or of the objective, returns None",
            )

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Within, the models are as if whole tables were trained: to be scored, and to be written."""
        self.check()
        with ExitStack() as stack:
            for table in self._tables:
                stack.enter_context(table.whole())
            yield


def touched_rows(
    parts: Sequence[HeadTask], tokenizer: PreTrainedTokenizerBase, *, steps: int, decay: float
) -> TouchedRows:
    """Replaces the input embeddings of the parts' models by the rows that the training can touch.

    They stay whole where some row may be touched (``embedding_rows`` is None), and where anything else than looking up
    could be done with them: a head that is tied to them, a hook, code that comes with the model. Embeddings that are
    not trained stay as they are. ``steps`` is the length of the training, ``decay`` its weight decay.
    """
    ids = _ids(parts, tokenizer)
    models = [plain_model(part.model) for part in parts]
    if ids is None or not all(type(model).__module__.startswith("transformers.") for model in models):
        return TouchedRows()
    tables = []
    for weight in _input_weights(models):
        places = _places(models, weight)
        own = ids[ids < len(weight)]
        if places and len(own) < len(weight):
            rows = torch.from_numpy(own)
            tables.append(Table(places, rows, EmbeddingRows(places[0][2], rows, steps if decay else 0)))
            tables[-1].narrow()
            log.debug("%d of %d rows of the input embeddings are trained", len(own), len(weight))
    return TouchedRows(tables, decay)


def _ids(parts: Sequence[HeadTask], tokenizer: PreTrainedTokenizerBase) -> IntArray | None:
    """The ids that any of the parts can look up, sorted, and all special ones; None where these can be any."""
    found = [np.array(tokenizer.all_special_ids, np.int64)]
    for part in parts:
        ids = part.family.embedding_rows(part.features)
        if ids is not None and part.context is not None:
            ids = part.objective.embedding_rows(ids, part.context)
        if ids is None:
            return None
        found += [ids, _special(plain_model(part.model))]
    return np.unique(np.concatenate(found))


def _special(model: Any) -> IntArray:
    """The special tokens of the configuration, which the model itself may put in, and the padding of its embeddings."""
    named = [value for name, value in model.config.to_dict().items() if name.endswith("token_id")]
    ids = [each for value in named for each in (value if isinstance(value, list) else [value])]
    padding = [module.padding_idx for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    return np.array([each for each in (*ids, *padding) if isinstance(each, int) and each >= 0], np.int64)


def _input_weights(models: Sequence[Any]) -> list[torch.nn.Parameter]:
    """The weights of the models' input embeddings, each once."""
    found: dict[int, torch.nn.Parameter] = {}
    for model in models:
        try:
            weight = model.get_input_embeddings().weight
        except (AttributeError, NotImplementedError):  # models without such a table
            continue
        found[id(weight)] = weight
    return list(found.values())


def _places(
    models: Sequence[torch.nn.Module], weight: torch.nn.Parameter
) -> list[tuple[torch.nn.Module, str, torch.nn.Embedding]]:
    """The attributes that hold embeddings with this weight; none where it does not train, or is used otherwise as well."""
    users = {id(module): module for model in models for module in model.modules() if _has(module, weight)}
    if not weight.requires_grad or not all(_only_looks_up(module) for module in users.values()):
        return []
    if len({module.padding_idx for module in users.values()}) > 1:
        return []
    owners = {id(module): module for model in models for module in model.modules()}.values()
    return [
        (owner, name, child)
        for owner in owners
        for name, child in owner.named_children()
        if id(child) in users and isinstance(child, torch.nn.Embedding)
    ]


def _has(module: torch.nn.Module, weight: torch.nn.Parameter) -> bool:
    return any(parameter is weight for parameter in module.parameters(recurse=False))


def _only_looks_up(module: torch.nn.Module) -> bool:
    """Tells whether it is an embedding, and nothing watches it or its weight."""
    return (
        type(module) is torch.nn.Embedding
        and module.max_norm is None
        and not module.scale_grad_by_freq
        and not (module._forward_hooks or module._forward_pre_hooks)
        and not (module._backward_hooks or module._backward_pre_hooks)
        and not (module.weight._backward_hooks or module.weight._post_accumulate_grad_hooks)
    )
