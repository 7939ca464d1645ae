"""``--model`` is one string: a Hub id, ``org/name@revision``, a folder, ``tiny`` or a variant of it, ``demo:e5-small``,
``demo:minilm``, or ``baseline:majority|random``.

Any other ``scheme:rest`` is for plugins (the hook ``harness_load_encoder``).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import ModelError, UsageError
from harness.models.tiny_variants import TINY_VARIANTS
from harness.types.defaults import RECIPE

BASELINES = ("majority", "random")
DEMO = "demo:e5-small"
"""The model of :mod:`harness.models.e5_small`."""
MINILM = "demo:minilm"
"""The model of :mod:`harness.models.minilm`."""


@dataclass(frozen=True, slots=True)
class ModelReference:
    """Reference to a model, as the user gave it. ``kind`` is "hub", "folder", "tiny", "demo", "baseline"
    or "plugin"; ``name`` the id, path or baseline."""

    kind: str
    name: str
    revision: str | None = None

    def __str__(self) -> str:
        if self.kind == "baseline":
            return f"baseline:{self.name}"
        return f"{self.name}@{self.revision}" if self.revision else self.name

    @property
    def slug(self) -> str:
        """A short name fit for a folder, which no other model has.

        A digest of the path distinguishes folders of one name, and any name that cannot be written as it is.
        """
        if self.kind == "folder":
            path = Path(self.name).resolve()
            exact, name = (
                str(path),
                "-".join(path.parts[-2:] if path.name.startswith("checkpoint") else path.parts[-1:]),
            )
        else:
            exact = str(self)
            name = exact.replace("/", "--")
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "model"
        if self.kind in ("hub", "tiny", "demo", "baseline") and self.revision is None:
            return plain
        return f"{plain}-{hashlib.sha256(exact.encode()).hexdigest()[:8]}"


def parse_model(text: str) -> ModelReference:
    """Reads a ``--model`` string; an existing folder is a folder, else a Hub id."""
    if text in TINY_VARIANTS:
        return ModelReference("tiny", text)
    if text.startswith("baseline:"):
        name = text.removeprefix("baseline:")
        if name not in BASELINES:
            raise UsageError(f"unknown baseline {name!r}", hint="baseline:majority or baseline:random")
        return ModelReference("baseline", name)
    if text.startswith("demo:"):
        if text not in (DEMO, MINILM):
            raise UsageError(f"unknown model {text!r}", hint=f"of this kind there are {DEMO} and {MINILM}")
        return ModelReference("demo", text)
    if "\0" in text:
        raise UsageError(f"--model {text!r}: a path cannot contain a NUL character")
    try:
        path = Path(text).expanduser()
    except RuntimeError:
        raise ModelError(f"{text}: there is no such user", hint="give the folder's whole path") from None
    if path.is_dir():
        return ModelReference("folder", str(path))
    if path.is_file():
        raise ModelError(f"{text}: a file, not a model folder", hint="give the folder that holds config.json")
    if text.startswith((".", "/", "~")):
        raise ModelError(
            f"{text}: no such folder", hint="a model folder holds config.json, a tokenizer and *.safetensors"
        )
    if re.fullmatch(r"[a-z][a-z0-9+.-]+:\S+", text):
        return ModelReference("plugin", text)
    name, at, revision = text.partition("@")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", name) or (at and not revision):
        raise UsageError(
            f"--model {text!r}: neither a folder nor a Hub id",
            hint="org/name, org/name@revision, ./folder, tiny, demo:e5-small, baseline:majority or baseline:random",
        )
    return ModelReference("hub", name, revision or None)


def default_recipe(model: ModelReference) -> str:
    """The recipe that "auto" means: the models ``tiny`` and ``tiny-...`` need other hyper-parameters than any other model."""
    return "tiny" if model.kind == "tiny" else RECIPE
