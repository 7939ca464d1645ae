"""Language adapters: low-rank matrices (LoRA) for one language each, kept beside the model in peft's format.

MAD-X (Pfeiffer et al. 2020) trains an adapter for each language on plain text, fine-tunes on a task with that of the
source language in place, and exchanges it for that of the target language. Its adapters are bottleneck layers; these are
low-rank (Hu et al. 2022), as peft trains them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.damage import Damaged
from harness.core.errors import ModelError, UsageError, check_choice
from harness.core.hashing import file_sha256
from harness.core.sealed import read_sealed
from harness.models._sound import AGAIN, check_pointers, read_header, read_object
from harness.types.genealogy import nearest_relative
from harness.types.languages import CODE

if TYPE_CHECKING:
    import torch

    Matrices = tuple[torch.Tensor, torch.Tensor]
    """(rank, in) and (out, rank), the latter scaled, in fp32."""

CONFIG, WEIGHTS, TRAINING = "adapter_config.json", "adapter_model.safetensors", "stage.json"
SOURCE = "en"
"""The language of the tasks' training data."""
RELATED, NONE = "related", "none"
FALLBACKS = (RELATED, "source", NONE)
HINT = "'harness adapters --model MODEL --language en,sw --out FOLDER' trains some"

_PLACE = "{language}"
_PREFIX = "base_model.model."
_ENDS = (".lora_A.weight", ".lora_B.weight")
_PLAIN: Mapping[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none", None),
    "use_dora": (False, None),
    "lora_bias": (False, None),
    "fan_in_fan_out": (False, None),
    "rank_pattern": ({}, None),
    "alpha_pattern": ({}, None),
    "modules_to_save": ([], None),
    "trainable_token_indices": ([], None),
}
"""The settings of peft that are read, and the values that they may have."""


@dataclass(frozen=True)
class LanguageAdapter:
    """An adapter in a folder. ``shapes`` has the width of input and output and the rank for each module that it changes.

    ``trained`` is its stage.json: {} for one that another program has trained.
    """

    language: str
    folder: Path
    scale: float
    shapes: Mapping[str, tuple[int, int, int]]
    trained: Mapping[str, Any]
    _read: dict[str, Mapping[str, Matrices]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def read(cls, language: str, folder: Path) -> LanguageAdapter:
        """Reads what a folder says of its adapter, without its numbers; ModelError for one that cannot be used."""
        check_pointers(folder)
        config = read_object(folder / CONFIG)
        for name, allowed in _PLAIN.items():
            if config.get(name, allowed[0]) not in allowed:
                raise ModelError(
                    f"{folder / CONFIG}: {name} is {config[name]!r}: not read as a language adapter",
                    hint=f"LoRA on linear layers alone, of one rank; {HINT}",
                )
        rank, alpha = config.get("r"), config.get("lora_alpha")
        if not (isinstance(rank, int) and rank > 0 and isinstance(alpha, int | float)):
            raise ModelError(
                f"{folder / CONFIG}: r and lora_alpha must be numbers, not {rank!r} and {alpha!r}", hint=AGAIN
            )
        return cls(
            language,
            folder,
            alpha / (rank**0.5 if config.get("use_rslora") else rank),
            _shapes(folder / WEIGHTS),
            _training(folder),
        )

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of what it computes: its weights and their scale, wherever they are and whatever else the folder says."""
        return hashlib.sha256(f"{self.scale!r} {file_sha256(self.folder / WEIGHTS)}".encode()).hexdigest()

    def weights(self, device: str) -> Mapping[str, Matrices]:
        """The matrices of each module on a device, which are read once for it."""
        if device not in self._read:
            import torch
            from safetensors.torch import load_file

            what = f"{self.folder / WEIGHTS}: not readable as safetensors"
            # Tensors of an inference mode could not be trained with later.
            with torch.inference_mode(False), border(what, ModelError, hint=AGAIN):
                tensors = load_file(self.folder / WEIGHTS, device=device)
                down, up = ({name: tensors[f"{_PREFIX}{name}{end}"].float() for name in self.shapes} for end in _ENDS)
                self._read[device] = {name: (down[name], up[name] * self.scale) for name in self.shapes}
        return self._read[device]


@dataclass(frozen=True)
class Choice:
    """The adapter of a language, None where it has none, and why: "own", "branch Germanic", "source"."""

    adapter: LanguageAdapter | None
    reason: str

    def describe(self) -> dict[str, Any]:
        """Describes it for records."""
        if self.adapter is None:
            return {"adapter": None, "reason": self.reason}
        return {"adapter": self.adapter.language, "reason": self.reason, "fingerprint": self.adapter.fingerprint}


@dataclass(frozen=True)
class LanguageAdapters:
    """The adapters that a user has, by language.

    A language without one takes by ``fallback`` "related" that of its nearest relative, else the source's; "source"
    that of the source, English; "none" none. Text of an unknown language takes the source's, or none.
    """

    found: Mapping[str, LanguageAdapter]
    fallback: str = RELATED

    @classmethod
    def of(cls, place: str, fallback: str = RELATED) -> LanguageAdapters:
        """Reads the adapters of a folder with one folder a language (``adapters/sw``), or of a pattern with ``{language}``.

        UsageError where there are none, ModelError for one that cannot be used.
        """
        check_choice("adapter_fallback", fallback, FALLBACKS)
        pattern = str(Path(place if _PLACE in place else f"{place}/{_PLACE}").expanduser())
        found = {code: LanguageAdapter.read(code, folder) for code, folder in _folders(pattern)}
        if not found:
            raise UsageError(f"--language-adapters {place}: no adapter there ({pattern}/{CONFIG})", hint=HINT)
        if SOURCE not in found and fallback != NONE:
            raise UsageError(
                f"--language-adapters {place}: none of English, in which tasks are trained; there are {', '.join(found)}",
                hint=f"{HINT}; or --adapter-fallback none: English goes without",
            )
        return cls(found, fallback)

    def choose(self, code: str) -> Choice:
        """The adapter of a language; "" is an unknown one."""
        if code in self.found:
            return Choice(self.found[code], "own")
        if self.fallback == RELATED and code and (relative := nearest_relative(code, self.found, prefer=SOURCE)):
            return Choice(self.found[relative[0]], relative[1])
        if self.fallback == NONE:
            return Choice(None, "no adapter")
        return Choice(self.found[SOURCE], "source" if code else "source, for text of no known language")

    def chosen(self, codes: Iterable[str]) -> dict[str, Choice]:
        """The adapters of several languages, by code."""
        return {code: self.choose(code) for code in sorted(set(codes))}

    def check_base(self, fingerprints: Collection[str], reference: str) -> None:
        """Refuses adapters that were trained on another model than this one, or than the one that it was trained from."""
        for adapter in self.found.values():
            base = adapter.trained.get("parent", {})
            if base.get("fingerprint") and base["fingerprint"] not in fingerprints:
                raise ModelError(
                    f"{adapter.folder}: an adapter for another model than {reference}: it was trained on "
                    f"{base.get('model')}, whose weights, configuration or vocabulary are others",
                    hint=f"{HINT}; or evaluate the model that they are for",
                )


def key_of(choices: Mapping[str, Choice]) -> dict[str, str | None]:
    """The fingerprint of each language's adapter, for keys."""
    return {code: choice.adapter.fingerprint if choice.adapter else None for code, choice in choices.items()}


def described(choices: Mapping[str, Choice]) -> dict[str, dict[str, Any]]:
    """Each language's adapter, for records."""
    return {code: choice.describe() for code, choice in choices.items()}


def texts_of(choices: Mapping[str, Choice]) -> dict[str, list[str]]:
    """Resources that the adapters add: unlabelled text in their languages."""
    return {"text": sorted({choice.adapter.language for choice in choices.values() if choice.adapter})}


def _folders(pattern: str) -> Iterator[tuple[str, Path]]:
    """Codes and folders of the adapters under a path with ``{language}`` in it."""
    parts = pattern.split(_PLACE)
    code = re.compile(f"({CODE})".join(map(re.escape, parts)))
    anchor = Path(pattern).anchor
    for path in sorted(Path(anchor).glob("*".join(map(escape, parts)).removeprefix(anchor))):
        if (match := code.fullmatch(str(path))) and (path / CONFIG).is_file():
            yield match[1], path


def _shapes(path: Path) -> dict[str, tuple[int, int, int]]:
    header = read_header(path)
    found: dict[str, tuple[int, int, int]] = {}
    halves: dict[str, dict[str, list[int]]] = {}
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        end = next((end for end in _ENDS if name.startswith(_PREFIX) and name.endswith(end)), None)
        if end is None:
            raise ModelError(
                f"{path}: holds {name}: not read as a language adapter",
                hint=f"LoRA on linear layers alone, without heads or embeddings; {HINT}",
            )
        halves.setdefault(name.removeprefix(_PREFIX).removesuffix(end), {})[end] = tensor["shape"]
    for name, half in halves.items():
        down, up = half.get(_ENDS[0], []), half.get(_ENDS[1], [])
        if len(down) != 2 or len(up) != 2 or down[0] != up[1]:
            raise ModelError(f"{path}: the two matrices of {name} do not fit each other: {down} and {up}", hint=AGAIN)
        found[name] = (down[1], up[0], down[0])
    if not found:
        raise ModelError(f"{path}: holds no adapter", hint=AGAIN)
    return found


def _training(folder: Path) -> Mapping[str, Any]:
    if not (folder / TRAINING).exists():
        return {}
    try:
        return read_sealed(folder / TRAINING)
    except Damaged as damage:
        raise ModelError(str(damage), hint=AGAIN) from None
