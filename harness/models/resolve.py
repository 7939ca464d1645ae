"""From a model reference to a local folder with a configuration, a tokenizer, safetensors weights and a fingerprint."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.errors import ModelError
from harness.core.hashing import file_sha256
from harness.core.safe_text import sanitise
from harness.models._deciding import HARMLESS, MODULE_PICKLE, module_paths
from harness.models._hub import from_hub
from harness.models._pickled import converted, pickles
from harness.models._remote_code import needs_code, register_code
from harness.models._sound import (
    check_checkpoint,
    check_files,
    check_pointers,
    check_token_ids,
    check_tokenizer,
    read_header,
    read_object,
)
from harness.models.e5_small import COPY_NOTE, e5_small
from harness.models.fingerprint import model_fingerprint
from harness.models.minilm import minilm
from harness.models.reference import MINILM, ModelReference
from harness.models.tiny import tiny_model
from harness.types.trusted_code import parse_trusted

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.options import EvalOptions

log = logging.getLogger(__name__)

_PICKLED = ("pytorch_model*.bin", "pytorch_model.bin.index.json")
_NATIVE = {"new": "alibaba-nlp-community/gte-multilingual-base"}
"""Types of model whose code comes with them, and where one is that was converted to a type of transformers."""


@dataclass(frozen=True)
class ResolvedModel:
    """A model in a local folder. ``revision`` is the commit of a Hub model; ``config`` its config.json.

    ``pickled`` names the files that its weights were converted from, with their sha256; ``code`` says whose code of an
    architecture was run (repository, revision, sha256 of files).
    """

    reference: str
    folder: Path
    revision: str | None
    fingerprint: str
    config: dict[str, Any]
    pickled: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)

    @property
    def hidden_size(self) -> int:
        """Width of the encoder, which decides between a recipe's columns."""
        for key in ("hidden_size", "d_model", "n_embd", "dim"):
            if isinstance(self.config.get(key), int):
                return int(self.config[key])
        return 0

    @property
    def copy_note(self) -> str | None:
        """Says of what the model is a copy, and how exact; None for one that is what its name says."""
        note = self.config.get(COPY_NOTE)
        return sanitise(note, 200) if isinstance(note, str) and note else None

    @property
    def parameters(self) -> int | None:
        """Counts the parameters in a folder's safetensors by their headers; None where a header cannot be read."""
        index = self.folder / "model.safetensors.index.json"
        single = self.folder / "model.safetensors"
        try:
            if index.is_file():
                names = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
                files = [self.folder / name for name in names]
            else:
                files = [single] if single.is_file() else list(self.folder.glob("*.safetensors"))
            return sum(map(_elements, files))
        except Exception:
            return None


Loader = Callable[..., Path | None]
"""The hook ``harness_load_encoder``: called with ``reference`` and ``offline``; the folder of a model, or None."""


@dataclass(frozen=True)
class Access:
    """Allows what finding and loading a model may do.

    Weights are safetensors, or pickles of nothing but tensors, which are converted; ``allow_pickle`` allows no more than
    that. No code is run but that of the repository and commit that ``trust_remote_code`` names ("org/name@sha").
    ``loader`` is asked first for any model but ``tiny`` and
    ``demo:...``.
    """

    offline: bool = False
    allow_pickle: bool = False
    trust_remote_code: str | None = None
    loader: Loader | None = None

    @classmethod
    def of(cls, options: EvalOptions, registry: Registry) -> Access:
        """Reads what the options allow, with the plugins of a registry."""
        loader = registry.hook.harness_load_encoder
        return cls(options.offline, options.allow_pickle, options.trust_remote_code, loader)


def resolve_model(reference: ModelReference, access: Access) -> ResolvedModel:
    """Finds or downloads the model, and checks it; ModelError for one that cannot be loaded or that ``access`` forbids."""
    if reference.kind == "baseline":
        raise ModelError(f"{reference}: a baseline has no weights")
    offline, loader, trust_remote_code = access.offline, access.loader, access.trust_remote_code
    revision = None
    found = (
        loader(reference=str(reference), offline=offline) if loader and reference.kind not in ("tiny", "demo") else None
    )
    if found is not None:
        folder = found
    elif reference.kind == "plugin":
        raise ModelError(
            f"model {str(reference)!r}: no plugin knows it",
            hint="'harness plugins' lists those with harness_load_encoder",
        )
    elif reference.kind == "tiny":
        folder = tiny_model(reference.name)
    elif reference.kind == "demo":
        folder = minilm() if reference.name == MINILM else e5_small()
    elif reference.kind == "hub":
        folder, revision = _download(reference, offline)
    else:
        folder = Path(reference.name)
    code = None
    if trust_remote_code is not None:
        trusted = parse_trusted(trust_remote_code)
        config = read_config(folder)
        if needs_code(config):
            repository = reference.name if revision else None
            code = register_code(config, str(reference), repository, trusted, offline=offline)
        else:
            log.warning("%s needs no code of its own: that of %s is not run", reference, trusted)
    return check_folder(folder, str(reference), revision, code=code)


def check_folder(
    folder: Path,
    reference: str,
    revision: str | None = None,
    *,
    allow_pickle: bool = False,  # once asked for; pickles of tensors alone are read without it
    code: Mapping[str, Any] | None = None,
) -> ResolvedModel:
    """A model folder, checked for what loading needs; ``code`` is the result of :func:`register_code` for its architecture."""
    config = read_config(folder)
    check_pointers(folder)
    check_token_ids(config, folder / "config.json")
    if code is None and needs_code(config):
        trust = "--trust-remote-code ORG/NAME@SHA runs that of one repository at one commit; read it first"
        native = _NATIVE.get(str(config.get("model_type")))
        raise ModelError(
            f"{reference}: a model of type {config.get('model_type')!r} needs code of its own, which is not run",
            hint=f"{native} is converted and needs none; {trust}" if native else trust,
        )
    if code is None and "auto_map" in config:
        log.warning(
            "%s: the code that its config.json names (auto_map) is not run: it is read as transformers' own %s",
            reference,
            config.get("model_type"),
        )
    pickled: dict[str, str] = {}
    if not any(folder.glob("*.safetensors")):
        found = pickles(folder)
        if not found:
            raise ModelError(
                f"{reference}: no weights: neither model.safetensors nor pytorch_model.bin in {folder}",
                hint="download or write the model again; other formats (h5, msgpack, gguf) are not read",
            )
        pickled = {path.name: file_sha256(path) for path in found}
        folder = converted(folder)
    check_files(folder)
    check_tokenizer(folder)
    fingerprint = model_fingerprint(folder)
    check_checkpoint(folder, fingerprint)
    if code:  # other code computes other things from the same weights
        fingerprint = hashlib.sha256(f"{fingerprint} {json.dumps(code['files'], sort_keys=True)}".encode()).hexdigest()
    return ResolvedModel(reference, folder, revision, fingerprint, config, pickled, code or {})


def read_config(folder: Path) -> dict[str, Any]:
    """A model folder's config.json; ModelError where it is none."""
    if not (folder / "config.json").exists():
        raise ModelError(
            f"{folder}: no config.json: not a model folder",
            hint="give a folder written by save_pretrained, or a run's checkpoint",
        )
    return read_object(folder / "config.json")


def _elements(file: Path) -> int:
    return sum(prod(tensor["shape"]) for name, tensor in read_header(file).items() if name != "__metadata__")


def _download(reference: ModelReference, offline: bool) -> tuple[Path, str]:
    """The files that decide what the model computes: of subfolders those of its modules, pickles where nothing else is."""
    from huggingface_hub import snapshot_download

    def download(revision: str | None, **patterns: Any) -> Path:
        return Path(
            snapshot_download(reference.name, revision=revision, local_files_only=offline, **patterns),
        )

    hint = "check the spelling, or give a local folder; without internet, download it first on another machine"
    with from_hub(f"cannot get the model {str(reference)!r}", offline=offline, hint=hint):
        folder = download(reference.revision, ignore_patterns=[*HARMLESS, "*/*"])
        commit = folder.name  # the hub client names the snapshot folder after the commit
        if modules := module_paths(folder):
            download(commit, allow_patterns=[f"{path}/*" for path in modules], ignore_patterns=list(HARMLESS))
            if bare := [path for path in modules if not any((folder / path).glob("*.safetensors"))]:
                download(commit, allow_patterns=[f"{path}/{MODULE_PICKLE}" for path in bare])
        if not any(folder.glob("*.safetensors")):
            download(commit, allow_patterns=list(_PICKLED))
    return folder, commit
