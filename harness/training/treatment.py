"""What sets the results of a model apart from those of most others, for the keys under which they are kept."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.families.base import Predictor
from harness.models.load import load_tokenizer
from harness.models.resolve import ResolvedModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


def treatment(family: Predictor, model: ResolvedModel | None) -> dict[str, Any]:
    """How a family treats the texts of a model where that is not the usual way; empty for most, and for baselines.

    ModelError where the model has no usable tokenizer.
    """
    if model is None or type(family).treatment is Predictor.treatment:
        return {}
    return family.treatment(_tokenizer(model.folder, model.fingerprint))


@lru_cache(maxsize=8)
def _tokenizer(folder: Path, fingerprint: str) -> PreTrainedTokenizerBase:
    return load_tokenizer(folder)
