"""A model folder with the same weights and another tokenizer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.models._deciding import deciding_files
from harness.models.embedder import carry_modules

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_EARLIER = ("vocab.txt", "vocab.json", "merges.txt", "*.model", "added_tokens.json", "special_tokens_map.json")
"""Files of slow tokenizers: they know nothing of what is changed in tokenizer.json."""
AS_IT_IS = "PreTrainedTokenizerFast"
"""The class of tokenizer that takes tokenizer.json as it is; others make their own normaliser."""


def copy_with_tokenizer(model: Path, tokenizer: PreTrainedTokenizerBase, changed: dict[str, Any], folder: Path) -> None:
    """Writes the model to ``folder``, byte for byte; ``changed`` are the parts of its tokenizer.json that become others."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in deciding_files(model):
        path = Path(name)
        if path.parent == Path() and not any(path.match(pattern) for pattern in (*_EARLIER, "tokenizer*.json")):
            shutil.copyfile(model / name, folder / name)
    carry_modules(model, folder)
    save_tokenizer(tokenizer, changed, folder)
    for pattern in _EARLIER:
        for path in folder.glob(pattern):
            path.unlink()
    path = folder / "tokenizer_config.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    said |= {"tokenizer_class": AS_IT_IS, "model_input_names": list(tokenizer.model_input_names)}
    path.write_text(json.dumps(said, ensure_ascii=False, indent=2), encoding="utf-8")


def save_tokenizer(tokenizer: PreTrainedTokenizerBase, changed: dict[str, Any], folder: Path) -> None:
    """The tokenizer's files, with these parts of tokenizer.json."""
    tokenizer.save_pretrained(folder)
    path = folder / "tokenizer.json"
    saved = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**saved, **changed}, ensure_ascii=False), encoding="utf-8")
