"""Tokens of an example, as the family of its task gives them to a model."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

from harness.core.errors import DataError
from harness.families.base import HeadFamily
from harness.models.places import PLACEHOLDER
from harness.registry.attribution import attributing_errors
from harness.registry.registry import Registry, load_part
from harness.types.examples import Example
from harness.types.options import build
from harness.types.tasks import Task

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def example_tokens(
    registry: Registry, task: Task, example: Example, tokenizer: PreTrainedTokenizerBase
) -> list[list[str]]:
    """The rows of tokens that the task's family makes of an example, or the tokens of each text in it.

    Places of vectors, which are no token of any vocabulary, are "<prompt>", or "<picture>" where they are those of a picture.
    Where a picture is not at hand, the rows are those of the text alone.
    """
    with attributing_errors(task, registry):
        kind = load_part(registry.family(task.family), "implementation")
        family = kind(task.labels, build(kind.Options, dict(task.options)))
        rows = _rows(family, example, tokenizer)
    place = "<picture>" if getattr(family, "reads_images", False) else "<prompt>"
    return [
        [place if token >= PLACEHOLDER else tokenizer.convert_ids_to_tokens(token) for token in row] for row in rows
    ]


def _rows(family: Any, example: Example, tokenizer: PreTrainedTokenizerBase) -> list[list[int]]:
    if isinstance(family, HeadFamily):
        try:
            features = family.features(tokenizer, [example], training=False)
        except DataError:
            if not family.reads_images:
                raise
            features = family.text_rows(tokenizer, [example], training=False)
        if len(features):
            import numpy as np

            return [features.batch(np.array([row]), 0)["input_ids"][0].tolist() for row in range(len(features))]
    return [list(tokenizer(text)["input_ids"]) for text in _texts(example)]


def _texts(example: Any) -> list[str]:
    """The strings of an example, its id left out."""
    if not is_dataclass(example):
        return []
    values = [getattr(example, field.name) for field in fields(example) if field.name != "id"]
    return [value for value in values if isinstance(value, str)]
