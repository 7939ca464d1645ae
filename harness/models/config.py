"""The configuration of a model, read by transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.models._sound import AGAIN

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


def load_config(reference: str | Path, **where: Any) -> PreTrainedConfig:
    """The configuration of a model, which is not loaded; :class:`~harness.core.errors.ModelError` where it cannot be read."""
    from transformers import AutoConfig

    with border(f"{reference}: no usable config.json", ModelError, hint=AGAIN):
        return AutoConfig.from_pretrained(reference, **where)
