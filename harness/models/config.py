"""The configuration of a model, read by transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import ModelError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def load_config(reference: str | Path, **where: Any) -> PreTrainedConfig:
    """The configuration of a model, which is not loaded; :class:`~harness.errors.ModelError` where it cannot be read."""
    from transformers import AutoConfig

    try:
        return AutoConfig.from_pretrained(reference, **where)
    except Exception as error:  # values of a wrong type fail in any way there is
        raise ModelError(f"{reference}: no usable config.json: {first_line(error)}") from error


def not_loadable(reference: str | Path, error: Exception) -> ModelError:
    """What is said of weights that transformers could not load."""
    return ModelError(f"{reference}: cannot be loaded: {first_line(error)}")


def first_line(error: Exception) -> str:
    """The first line of an exception's text, or its kind where it has none."""
    return str(error).strip().partition("\n")[0] or type(error).__name__
