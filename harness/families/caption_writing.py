"""Captions of pictures by a model that writes: the vectors of the picture and a request, and the caption from the decoder.

An encoder-decoder reads both and its decoder writes; a decoder goes on after them. What is written as the checkpoint is the
text model alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import OutputRows
from harness.core.errors import UsageError
from harness.families._caption_rows import WrittenRows, in_front
from harness.families._source_rows import source_rows, target_rows
from harness.families.captioning import Captioning, captions_of
from harness.families.generation import Generation
from harness.inference.features import Features
from harness.models.language_model import check_precision
from harness.models.places import PLACEHOLDER
from harness.types.examples import Example
from harness.types.languages import language_name
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.inference.forward import Forward

    Seeing = Callable[[Any, Mapping[str, torch.Tensor]], AbstractContextManager[None]]

REQUEST = "caption in {}:"
"""The text after the vectors of a picture, with the name of the language."""


class _Writer(Generation):
    """Writes, and learns to write, while it is ``seeing`` the pictures of a batch."""

    def __init__(self, options: Any, seeing: Seeing) -> None:
        super().__init__((), options)
        self._seeing = seeing

    def seeing(self, plain: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> AbstractContextManager[None]:
        """See :meth:`Generation.seeing`."""
        return self._seeing(plain, batch)


class WrittenCaptions(Captioning):
    """A prediction is a caption that was written, greedily and as a whole. Of the options those on masks have no use."""

    writes = True
    adapts_head = False
    stream_rows = Generation.stream_rows

    def __init__(self, labels: tuple[str, ...], options: Any) -> None:
        super().__init__(labels, options)
        if options.tower_at_inference != "removed":
            raise UsageError(
                f"a model that writes captions keeps no vectors: not with {options.tower_at_inference!r}",
                hint="leave it out: the checkpoint is the text model alone",
            )
        self.writer = _Writer(Generation.Options(), super().seeing)

    def load_network(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with its language-model head; ModelError where it cannot write."""
        kwargs.pop("ignore_mismatched_sizes", None)
        return self.writer.load(reference, **kwargs)

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """The kind of the tower, and how the writer treats texts."""
        return {**super().treatment(tokenizer), **self.writer.treatment(tokenizer)}

    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """Writes a caption for every picture; ModelError for models that overflow in the precision that is asked for."""
        check_precision(forward.model, forward.dtype)
        return super().predict(forward, units)

    def features(  # type: ignore[override]
        self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool
    ) -> WrittenRows:
        """One row a caption: places of the picture, and the request. In training the caption is its label."""
        captions = captions_of(examples)
        self.check_pictures(captions)
        length = self.options.prefix
        requests = [REQUEST.format(language_name(caption.language)) for caption in captions]
        plain = source_rows(tokenizer, requests, self.options.max_length - length, np.arange(len(captions)))
        ids = in_front(plain.ids, np.arange(PLACEHOLDER, PLACEHOLDER + length))
        rows = WrittenRows(
            ids,
            plain.example,
            facts={"tokenizer": tokenizer},
            pictures=[caption.image for caption in captions],
            length=length,
            size=self.size,
        )
        most = self.writer.options.max_new_tokens
        if not training:
            return replace(rows, cost=ids.lengths + most)
        targets = target_rows(tokenizer, [caption.caption for caption in captions], most)
        return replace(rows, aligned={"labels": (targets, -100)}, cost=ids.lengths + targets.lengths)

    def text_rows(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """None: the caption is written and not read."""
        raise UsageError(
            "objective 'masked': a model that writes reads no captions",
            hint="--set prefix=0 writes them without pictures",
        )

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Summed cross-entropy of the tokens of the captions, in fp32, each after the right ones, and their number."""
        return self.writer.loss(model, batch)

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """``ids``: the tokens that were written."""
        return self.writer.outputs(model, batch)

    def decode(self, features: Any, outputs: Mapping[str, OutputRows], examples: Sequence[Example]) -> list[str]:
        """The captions that were written."""
        return self.writer.decode(features, outputs, examples)
