"""Model folders that cannot be read as one, found before a library trips over them: cut, empty or missing files.

Values that are wrong but readable are not found here: only a fingerprint tells them.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.damage import Damaged
from harness.core.errors import ModelError
from harness.core.sealed import read_sealed
from harness.models.letters import LETTER_TOKENIZERS

log = logging.getLogger(__name__)

_VOCABULARIES = ("tokenizer.json", "vocab.*", "*.model", "*.tiktoken", "tekken.json", "*.vocab")
_POINTER = b"version https://git-lfs.github.com/spec/"
AGAIN = "download or write the model again"


def check_files(folder: Path) -> None:
    """:class:`~harness.core.errors.ModelError` naming the first file of a model folder that is missing or damaged."""
    read_object(folder / "config.json")
    check_weights(folder)


def check_pointers(folder: Path) -> None:
    """The same for files that stand for others: what git leaves in a clone where Git LFS has not fetched the content."""
    for path in sorted(folder.iterdir()):
        if path.is_file():
            with border(f"{path}: cannot be read", ModelError, hint=AGAIN), path.open("rb") as file:
                start = file.read(len(_POINTER))
            if start == _POINTER:
                raise ModelError(
                    f"{path}: a pointer of Git LFS instead of the file itself",
                    hint="'git lfs pull' in the clone that it comes from, or download the file",
                )


def check_token_ids(config: dict[str, Any], path: Path) -> None:
    """The same for a padding token that the model has no embedding of; ``path`` is that of the configuration."""
    pad, size = config.get("pad_token_id"), config.get("vocab_size")
    if isinstance(pad, int) and (pad < 0 or (isinstance(size, int) and pad >= size)):
        known = f"tokens 0 to {size - 1:,}" if isinstance(size, int) else "tokens from 0"
        raise ModelError(
            f"{path}: pad_token_id is {pad:,}, and the model has the {known}",
            hint="set it to the id of the tokenizer's padding token, or of its end token, in a copy of the folder",
        )


def check_checkpoint(folder: Path, fingerprint: str) -> None:
    """The same for the stage.json of a checkpoint that the harness trained, which says what the model was trained on.

    A model that is not as its training left it is only warned of: its configuration may be edited with good reason.
    """
    path = folder / "stage.json"
    if not path.exists():
        return
    try:
        written = read_sealed(path).get("fingerprint", fingerprint)
    except Damaged as damage:
        raise ModelError(
            str(damage), hint="it says what the model was trained on: train it again, or remove it if it is not needed"
        ) from None
    if written != fingerprint:
        log.warning("%s: the model is not as its training left it: changed since then, or damaged", folder)


def check_tokenizer(folder: Path) -> None:
    """The same for its tokenizer. A large tokenizer.json is not read as a whole, which takes a second."""
    path = folder / "tokenizer.json"
    if (folder / "tokenizer_config.json").exists():
        kind = read_object(folder / "tokenizer_config.json").get("tokenizer_class")
        if kind in LETTER_TOKENIZERS and not path.exists():
            return
    if not any(path.is_file() for pattern in _VOCABULARIES for path in folder.glob(pattern)):
        raise ModelError(f"{path}: missing, and there is no other vocabulary", hint=AGAIN)
    if path.exists():
        try:
            with path.open("rb") as file:
                start = file.read(64).lstrip()
                file.seek(max(0, path.stat().st_size - 64))
                end = file.read().rstrip()
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror}", hint=AGAIN) from None
        if not (start.startswith(b"{") and end.endswith(b"}")):
            raise ModelError(f"{path}: empty, cut or not a JSON object", hint=AGAIN)


def check_weights(folder: Path) -> None:
    """The same for the safetensors and for the index that says which tensor is in which of them."""
    index = folder / "model.safetensors.index.json"
    if index.exists():
        places = read_object(index).get("weight_map")
        if not isinstance(places, dict) or not all(isinstance(name, str) for name in places.values()):
            raise ModelError(f"{index}: no table 'weight_map' of tensors and files", hint=AGAIN)
        for name in sorted(set(places.values())):
            if not (folder / Path(name).name).is_file():
                raise ModelError(f"{folder / Path(name).name}: missing, and {index.name} names it", hint=AGAIN)
    for path in sorted(folder.glob("*.safetensors")):
        read_header(path)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model folder; ModelError where it is none."""
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"{path}: missing", hint=AGAIN) from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}", hint=AGAIN) from None
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: empty, cut or not JSON: {error}", hint=AGAIN) from None
    if not isinstance(content, dict):
        raise ModelError(f"{path}: a JSON object expected, not {type(content).__name__}", hint=AGAIN)
    return content


def read_header(path: Path) -> dict[str, Any]:
    """Reads the header of a safetensors file; ModelError where it is damaged, or where the file has another length."""
    with border(f"{path}: no header of safetensors", ModelError, hint=AGAIN):
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or 8 + length > size:
                raise ModelError(f"{path}: empty or cut: the header is not whole", hint=AGAIN)
            header = json.loads(file.read(length))
        end = max((tensor["data_offsets"][1] for name, tensor in header.items() if name != "__metadata__"), default=0)
    if 8 + length + end != size:
        raise ModelError(f"{path}: {size:,} bytes, where its header tells of {8 + length + end:,}", hint=AGAIN)
    return dict(header)
