"""Architectures that a repository brings as Python code: run only from a repository that the user named, at one commit.

``--trust-remote-code ORG/NAME@SHA`` says whose code, and which. Nothing else is ever run: not the code of another
repository, not the code next to the weights in a folder, not another commit of the same repository.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.core.border import border
from harness.core.errors import ModelError
from harness.core.hashing import file_sha256
from harness.models._hub import from_hub
from harness.types.trusted_code import TrustedCode

log = logging.getLogger(__name__)


def needs_code(config: Mapping[str, Any]) -> bool:
    """Tells whether a config.json names an architecture that transformers does not have, and code for it."""
    if "auto_map" not in config:
        return False
    from transformers import CONFIG_MAPPING

    kind = config.get("model_type")
    return not isinstance(kind, str) or kind not in CONFIG_MAPPING or kind in _ours


_ours: set[str] = set()
"""Architectures that were registered here."""


def register_code(
    config: Mapping[str, Any], model: str, repository: str | None, trusted: TrustedCode, *, offline: bool
) -> dict[str, Any]:
    """Registers a model's architecture with transformers; returns what to record: repository, revision and sha256 of files.

    ``repository`` is where the model itself came from, None for a folder (whose own code is not looked at). ModelError
    where the code is that of a repository that is not trusted, cannot be downloaded, or does not work.
    """
    entries = _entries(config, model)
    wanted = {_repository(entry) or repository or trusted.repository for entry in entries.values()}
    for other in sorted(wanted - {trusted.repository}):
        raise ModelError(
            f"{model}: its code is that of {other}, and {trusted.repository} is what is trusted",
            hint=f"--trust-remote-code {other}@SHA, after reading that code",
        )
    folder = _download(trusted, offline)
    log.warning("%s: running the code of %s", model, trusted)
    hint = "it may want other packages, or another version of transformers"
    with border(f"{model}: the code of {trusted} cannot be used", ModelError, hint=hint):
        _register(str(config["model_type"]), {name: entry.split("--")[-1] for name, entry in entries.items()}, folder)
    files = {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(folder.rglob("*.py"))}
    return {"repository": trusted.repository, "revision": trusted.revision, "files": files}


def _entries(config: Mapping[str, Any], model: str) -> dict[str, str]:
    """The classes by the Auto class that they are for, limited to those of configurations and models."""
    table = config.get("auto_map")
    entries = {
        name: entry
        for name, entry in (table.items() if isinstance(table, dict) else ())
        if re.fullmatch(r"AutoConfig|AutoModel\w*", str(name))
    }
    shape = r"([\w.-]+/[\w.-]+--)?\w+\.\w+"
    sound = all(isinstance(entry, str) and re.fullmatch(shape, entry) for entry in entries.values())
    if not sound or not {"AutoConfig", "AutoModel"} <= set(entries) or not isinstance(config.get("model_type"), str):
        raise ModelError(
            f"{model}: config.json names no usable code: model_type and an auto_map with AutoConfig and AutoModel expected"
        )
    return entries


def _repository(entry: str) -> str | None:
    """Of ``org/name--module.Class``, the repository."""
    return entry.split("--")[0] if "--" in entry else None


def _register(kind: str, classes: Mapping[str, str], folder: Path) -> None:
    import transformers
    from transformers.dynamic_module_utils import get_class_from_dynamic_module

    found: dict[str, Any] = {name: get_class_from_dynamic_module(entry, str(folder)) for name, entry in classes.items()}
    config = found.pop("AutoConfig")
    transformers.AutoConfig.register(kind, config, exist_ok=True)
    for name, model in found.items():
        if hasattr(transformers, name):
            getattr(transformers, name).register(config, model, exist_ok=True)
    _ours.add(kind)


def _download(trusted: TrustedCode, offline: bool) -> Path:
    from huggingface_hub import snapshot_download

    with from_hub(f"cannot get the code of {trusted}", offline=offline, hint="check repository and commit"):
        return Path(
            snapshot_download(
                trusted.repository, revision=trusted.revision, allow_patterns=["*.py"], local_files_only=offline
            )
        )
