"""Pretrained layers that transformers keeps outside the base model: they belong to the encoder all the same.

ModernBERT ends in a dense layer and a norm, called ``head``, which its masked language model has under the same name as
its classes for tasks. A layer counts as pretrained where both kinds of class have it and the checkpoint holds it. A task's
own layers are in no class for pretraining, so that every stage can tell by its parent's files alone.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.hashing import file_sha256
from harness.models.config import load_config
from harness.models.encoder import head_parameters
from harness.models.stored import stored_names

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

_PRETRAINING = ("PreTraining", "MaskedLM")
_TASKS = ("SequenceClassification", "TokenClassification", "QuestionAnswering", "MultipleChoice")


def carried_parameters(folder: Path) -> tuple[str, ...]:
    """Names of the parameters outside the base model that are part of the encoder of the checkpoint in ``folder``.

    They go from stage to stage as the encoder does. Most architectures, BERT and XLM-R among them, have none.
    """
    stored = stored_names(folder)
    return tuple(sorted(stored & _in_both(folder, file_sha256(folder / "config.json"))))


@lru_cache(maxsize=64)
def _in_both(folder: Path, config_sha256: str) -> frozenset[str]:
    """Names that a class for pretraining and one for a task have outside the base model, of the same shape."""
    from harness.models.heads import quiet

    with quiet():
        config = load_config(folder)
        pretrained = {item for kind in _PRETRAINING for item in _outside(kind, config)}
        return frozenset(name for kind in _TASKS for name, shape in pretrained & _outside(kind, config))


def _outside(kind: str, config: PreTrainedConfig) -> set[tuple[str, tuple[int, ...]]]:
    import torch
    import transformers

    mapping: Any = getattr(transformers, f"AutoModelFor{kind}")._model_mapping
    if type(config) not in mapping:
        return set()
    try:
        with torch.device("meta"):
            model = mapping[type(config)](copy.deepcopy(config))
    except Exception:  # some configurations are not for all classes of their architecture: then these share nothing
        return set()
    return {(name, tuple(parameter.shape)) for name, parameter in head_parameters(model).items()}
