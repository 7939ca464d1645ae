"""Language adapters in a loaded model, one of them active at a time.

They are hooks on the linear layers: the model keeps its parameters and their names, so that it is trained, saved and
wrapped as ever, and the adapters stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import IntArray
from harness.core.errors import ModelError
from harness.models.heads import plain_model
from harness.models.language_adapters import HINT, LanguageAdapter, LanguageAdapters
from harness.models.languages import languages_of
from harness.types.languages import numbered_language

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel

    from harness.models.language_adapters import Matrices

_ATTRIBUTE = "harness_adapters"


class SwappedAdapters:
    """The adapters of a model. ``model`` is its encoder, with or without a head; it gets the hooks."""

    def __init__(self, adapters: LanguageAdapters, model: PreTrainedModel) -> None:
        self.adapters = adapters
        base = model.base_model
        self._prefix = f"{base.base_model_prefix}."
        self._linear = {name: module for name, module in base.named_modules() if _is_linear(module)}
        self._active: Mapping[str, Matrices] = {}
        self._places = {adapter.folder: self._placed(adapter) for adapter in adapters.found.values()}
        for name in {place for places in self._places.values() for place in places.values()}:
            self._linear[name].register_forward_hook(self._hook(name))

    def __deepcopy__(self, memo: dict[int, Any]) -> SwappedAdapters:
        """Stays one: the hooks of a copied model are those of the model."""
        return self

    @contextmanager
    def using(self, code: str) -> Iterator[None]:
        """Within, the adapter of this language is active; outside, none is."""
        adapter = self.adapters.choose(code).adapter
        if adapter is not None:
            places = self._places[adapter.folder]
            weights = adapter.weights(str(self._linear[next(iter(places.values()))].weight.device))
            self._active = {place: weights[name] for name, place in places.items()}
        try:
            yield
        finally:
            self._active = {}

    def groups(self, numbers: IntArray) -> Iterator[tuple[str, IntArray]]:
        """The languages of rows, given by their numbers, and the rows; languages with one adapter count as one."""
        found: dict[Any, tuple[str, list[int]]] = {}
        for number in np.unique(numbers).tolist():
            code = numbered_language(number)
            adapter = self.adapters.choose(code).adapter
            found.setdefault(adapter and adapter.folder, (code, []))[1].append(number)
        for code, together in found.values():
            yield code, np.flatnonzero(np.isin(numbers, together))

    def _placed(self, adapter: LanguageAdapter) -> dict[str, str]:
        """The names of the model's layers by those of the adapter, which may have been trained in another class."""
        found: dict[str, str] = {}
        for name, (width_in, width_out, _) in adapter.shapes.items():
            inside = name.removeprefix(self._prefix)
            spellings = (name, inside, inside.removeprefix("encoder."))
            place = next((each for each in spellings if each in self._linear), None)
            if place is None and self._lacks(inside.partition(".")[0]):
                continue
            if place is None:
                raise ModelError(
                    f"{adapter.folder}: an adapter for another model: this one has no linear layer {name}",
                    hint=HINT,
                )
            layer = self._linear[place]
            if (layer.in_features, layer.out_features) != (width_in, width_out):
                raise ModelError(
                    f"{adapter.folder}: an adapter for another model: {name} is {width_out} x {width_in} there and "
                    f"{layer.out_features} x {layer.in_features} here",
                    hint=HINT,
                )
            found[name] = place
        return found

    def _lacks(self, part: str) -> bool:
        """Tells whether a part is one that some classes of an architecture go without, as this model does.

        That is the pooler, and the decoder of an encoder-decoder whose encoder is used alone.
        """
        return part in ("pooler", "decoder") and not any(name.startswith(f"{part}.") for name in self._linear)

    def _hook(self, name: str) -> Callable[[Any, tuple[Any, ...], Any], Any]:
        # A closure: a copy of the model shares it.
        def add(module: Any, given: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
            matrices = self._active.get(name)
            if matrices is None:
                return output
            from torch.nn.functional import linear

            down, up = matrices
            changed = linear(linear(given[0].to(down.dtype), down), up)
            return output + changed.to(output.dtype)

        return add


def attach_adapters(model: Any, adapters: LanguageAdapters | None) -> None:
    """Puts the adapters into a loaded model; none is active then. None: the model stays as it is.

    ModelError for adapters of another model.
    """
    if adapters is not None:
        plain = plain_model(model)
        setattr(plain, _ATTRIBUTE, SwappedAdapters(adapters, plain))


def share_adapters(first: Any, other: Any) -> None:
    """Tells a model that it has the encoder of the first one, and its adapters with it."""
    if (found := adapters_in(first)) is not None:
        setattr(plain_model(other), _ATTRIBUTE, found)


def adapters_in(model: Any) -> SwappedAdapters | None:
    """The adapters that a loaded model has; None for most models."""
    found: SwappedAdapters | None = getattr(plain_model(model), _ATTRIBUTE, None)
    return found


def reads_languages(model: Any) -> bool:
    """Tells whether a model needs the language of every row, for modules of its own or for adapters."""
    return bool(languages_of(plain_model(model))) or adapters_in(model) is not None


def _is_linear(module: Any) -> bool:
    import torch

    return isinstance(module, torch.nn.Linear)
