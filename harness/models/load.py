"""Tokenizers, loaded once and ready for batches."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.core.hashing import file_sha256
from harness.models._deciding import deciding_files
from harness.models._sound import AGAIN, check_tokenizer, read_object
from harness.models.encoder import head_parameters
from harness.models.letters import letters_of
from harness.models.stored import stored_names

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

_WEIGHTS = (".safetensors", ".safetensors.index.json")
_HARMLESS = {
    "config.json": {
        "architectures",
        "dtype",
        "id2label",
        "image_tower",
        "label2id",
        "problem_type",
        "soft_prompt",
        "torch_dtype",
        "use_cache",
    },
    "tokenizer_config.json": {"is_local", "local_files_only"},
}
"""Entries of the two configurations in which folders with the same tokenizer may differ."""
_WORDS = 1 << 18
"""Words whose tokens a tokenizer of the kind BPE or Unigram remembers. It forgets none to remember another: its own 10,000
would all be of the first languages of a run (docs/speed.md)."""


def load_tokenizer(folder: Path, settings: Mapping[str, Any] = {}) -> PreTrainedTokenizerBase:
    """The fast tokenizer of a model folder, padding with the end token if it has no padding token.

    It pads and cuts on the right, unless ``settings``, attributes of the tokenizer, say something else. Folders whose files
    say the same of the tokenizer share what is loaded: a vocabulary of 250,000 takes seconds. So nothing may be added to it.
    """
    check_tokenizer(folder)
    named = folder / "tokenizer.json"
    try:
        with border(f"{named if named.exists() else folder}: no usable tokenizer", ModelError, hint=AGAIN):
            shared = _loaded(_TokenizerFiles(folder))
    except ModelError as error:
        if error.hint == AGAIN and named.exists():
            error.hint = _newer(named)
        raise
    tokenizer = copy.copy(shared)
    tokenizer.__dict__.update({name: copy.copy(value) for name, value in vars(shared).items() if _is_changed(value)})
    for name, value in {"padding_side": "right", "truncation_side": "right", **settings}.items():
        setattr(tokenizer, name, value)
    tokenizer.name_or_path = str(folder)
    return tokenizer


def _newer(path: Path) -> str:
    """A hint for a tokenizer.json that cannot be used: one that is whole may be of a newer format."""
    import tokenizers

    try:
        json.loads(path.read_bytes())
    except ValueError:
        return AGAIN
    return (
        f"the file is whole, but not in the format of tokenizers {tokenizers.__version__}: pip install -U tokenizers "
        "transformers, or save it again with the version that is installed"
    )


@dataclass(frozen=True)
class _TokenizerFiles:
    """A model folder, equal to all others with the same tokenizer: files are compared by content, weights not at all.

    Configurations are compared by all entries but those of the head and of how the tokenizer was loaded before.
    """

    folder: Path = field(compare=False)
    content: str = field(init=False)

    def __post_init__(self) -> None:
        """Reads small files and takes the hash of large ones."""
        names = (name for name in deciding_files(self.folder) if not name.endswith(_WEIGHTS))
        object.__setattr__(self, "content", json.dumps([[name, self._content(name)] for name in names]))

    def _content(self, name: str) -> Any:
        path = self.folder / name
        if name in _HARMLESS:
            return {key: value for key, value in read_object(path).items() if key not in _HARMLESS[name]}
        return file_sha256(path)


@lru_cache(maxsize=2)
def _loaded(files: _TokenizerFiles) -> PreTrainedTokenizerBase:
    """The last two: that of a pretrained model, whose files transformers writes differently, and that of its stages."""
    from transformers import AutoTokenizer

    folder = files.folder
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True, trust_remote_code=False)
    if not tokenizer.is_fast and letters_of(tokenizer) is not None:
        log.warning("%s: its tokens are letters, found by Python: tokenisation is slow", folder)
    elif not tokenizer.is_fast:
        raise ModelError(
            f"{folder}: only a slow tokenizer, which has no character offsets",
            hint="save a tokenizer.json: AutoTokenizer.from_pretrained(...).save_pretrained(folder)",
        )
    if tokenizer.pad_token_id is None:
        if tokenizer.eos_token is None:
            raise ModelError(
                f"{folder}: the tokenizer has neither a padding nor an end token", hint="set pad_token in it"
            )
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.is_fast and hasattr(tokenizer.backend_tokenizer.model, "_resize_cache"):
        tokenizer.backend_tokenizer.model._resize_cache(_WORDS)
    return tokenizer


def _is_changed(value: object) -> bool:
    """Tells whether setting an attribute of a tokenizer may change this value in place."""
    return isinstance(value, dict | list | set)


def check_head(model: PreTrainedModel, folder: Path, head: Collection[str] | None = None) -> None:
    """Refuses a checkpoint whose head for this task would be random: its weights are not in the files.

    ``head`` are the names of its parameters, by default of all outside the encoder.
    """
    names = head_parameters(model) if head is None else head
    fresh: Collection[str] | None = getattr(model, "harness_fresh", None)
    if fresh is None:  # loaded by other means than ours: by the names in the files
        fresh = set(names) - stored_names(folder)
    absent = [name for name in names if name in fresh]
    if absent:
        raise ModelError(
            f"{folder}: no trained head for this task ({absent[0]} is not among its weights)",
            hint="leave out --train never to fine-tune on English first, or give a fine-tuned checkpoint",
        )
