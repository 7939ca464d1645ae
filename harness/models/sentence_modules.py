"""The configuration of a sentence-embedding model as its authors publish it, in the layout of sentence-transformers.

``modules.json`` lists what comes after the encoder (pooling, dense layers, norms), ``sentence_bert_config.json`` how texts
are cut, ``config_sentence_transformers.json`` the prompts. Reimers and Gurevych 2019; the library's version 6.2.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.errors import ModelError, UsageError, did_you_mean
from harness.models._deciding import deciding_files, module_paths
from harness.models._sound import AGAIN, read_object

if TYPE_CHECKING:
    import torch

MODULES, TEXTS, PROMPTS = "modules.json", "sentence_bert_config.json", "config_sentence_transformers.json"

_POOLING = {
    "cls": "cls",
    "max": "max",
    "mean": "mean",
    "mean_sqrt_len_tokens": "mean-sqrt-len",
    "weightedmean": "weighted-mean",
    "lasttoken": "last",
}
"""The library's names of ways to pool, in the order in which several are joined, and ours."""
_SWITCHES = {
    f"pooling_mode_{old}": name
    for old, name in (
        ("cls_token", "cls"),
        ("max_tokens", "max"),
        ("mean_tokens", "mean"),
        ("mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
        ("weightedmean_tokens", "weightedmean"),
        ("lasttoken", "lasttoken"),
    )
}
"""One switch for each of them, as most published files have it."""
_KNOWN = ("Transformer", "Pooling", "Dense", "LayerNorm", "Normalize", "Dropout")
LEAVE_OUT = "--pool mean (or another) and --layer N leave the authors' modules out"


@dataclass(frozen=True)
class SentenceModules:
    """A model folder with ``modules.json``. What it says is read, and refused, when it is asked for."""

    folder: Path

    @classmethod
    def of(cls, folder: Path) -> SentenceModules | None:
        """The modules of a model folder; None where it brings none."""
        return cls(folder) if (folder / MODULES).is_file() else None

    @cached_property
    def entries(self) -> list[tuple[str, Path]]:
        """The modules after the encoder: the name of the class, and the folder. ModelError for what is not known here."""
        path = self.folder / MODULES
        with border(f"{path}: not a list of modules", ModelError, hint=AGAIN):
            found = [(str(each["type"]), str(each.get("path", ""))) for each in json.loads(path.read_bytes())]
        for kind, _ in found:
            ours = kind.startswith("sentence_transformers.")
            if not (ours and kind.rpartition(".")[2] in _KNOWN):
                raise ModelError(f"{path}: modules of the type {kind} are not known here", hint=LEAVE_OUT)
        names = [kind.rpartition(".")[2] for kind, _ in found]
        if names[:2] != ["Transformer", "Pooling"] or {"Transformer", "Pooling"} & set(names[2:]):
            raise ModelError(f"{path}: a Transformer, one Pooling, and what follows expected", hint=LEAVE_OUT)
        return [(name, self.folder / place) for name, (_, place) in zip(names[1:], found[1:], strict=True)]

    @cached_property
    def _pooling(self) -> dict[str, Any]:
        return read_object(self.entries[0][1] / "config.json")

    @cached_property
    def pooling(self) -> tuple[str, ...]:
        """The ways to pool, whose vectors are joined."""
        config = self._pooling
        named = config.get("pooling_mode")
        if named is None:
            named = [name for switch, name in _SWITCHES.items() if config.get(switch)] or "mean"
        names = [named] if isinstance(named, str) else list(named)
        for name in names:
            if name not in _POOLING:
                raise ModelError(
                    f"{self.entries[0][1] / 'config.json'}: unknown way to pool {name!r}",
                    hint=did_you_mean(str(name), _POOLING),
                )
        return tuple(_POOLING[name] for name in names)

    @property
    def pools_prompt(self) -> bool:
        """Tells whether the tokens of a prompt are pooled along with those of the text."""
        return bool(self._pooling.get("include_prompt", True))

    @cached_property
    def projection(self) -> torch.nn.Sequential | None:
        """The layers between pooling and the vector, with their weights; None where there is none but a norm to unit length."""
        if all(kind in ("Normalize", "Dropout") for kind, _ in self.entries[1:]):
            return None
        from harness.models._projection import load_projection

        return load_projection(self.entries[1:], LEAVE_OUT)

    @property
    def described(self) -> str:
        """``cls, dense 768>768 tanh``."""
        words = [" + ".join(self.pooling)]
        for kind, place in self.entries[1:]:
            if kind == "Dense":
                config = read_object(place / "config.json")
                act = str(config.get("activation_function", "tanh")).rpartition(".")[2].lower()
                words.append(f"dense {config.get('in_features')}>{config.get('out_features')} {act}")
            elif kind == "LayerNorm":
                words.append("layer norm")
        return ", ".join(words)

    @cached_property
    def _texts(self) -> dict[str, Any]:
        path = self.folder / TEXTS
        return read_object(path) if path.is_file() else {}

    @property
    def max_length(self) -> int | None:
        """Tokens at which the authors cut a text, special ones included; None where they do not say."""
        found = self._texts.get("max_seq_length")
        return found if isinstance(found, int) and found > 0 else None

    @property
    def lower_case(self) -> bool:
        """Tells whether texts are put into lower case first."""
        return bool(self._texts.get("do_lower_case"))

    @cached_property
    def _prompts(self) -> dict[str, Any]:
        path = self.folder / PROMPTS
        return read_object(path) if path.is_file() else {}

    @property
    def prompts(self) -> Mapping[str, str]:
        """The texts that the authors put before a text, by name."""
        found = self._prompts.get("prompts")
        return {str(name): str(text or "") for name, text in (found.items() if isinstance(found, dict) else ())}

    def prompt(self, wanted: str) -> tuple[str, str]:
        """The name and the text of a prompt: ``auto`` is the authors' default, where they have one; ``none`` is none.

        UsageError for a name that the authors do not know.
        """
        name = str(self._prompts.get("default_prompt_name") or "none") if wanted == "auto" else wanted
        if name == "none":
            return "none", ""
        known = self.prompts
        if name not in known:
            if wanted == "auto":
                raise ModelError(f"{self.folder / PROMPTS}: its default prompt {name!r} is not among its prompts")
            raise UsageError(
                f"--prompt {name}: the model has no prompt of this name",
                hint=f"it has {', '.join(map(repr, known)) or 'none'}",
            )
        return name, known[name]

    def prompt_for(self, names: Sequence[str], wanted: str) -> tuple[str, str]:
        """The first of these prompts that the authors have, or none, where ``wanted`` is "auto"; else as :meth:`prompt`.

        A default prompt is not for a side that has no prompt of its own, as in sentence-transformers.
        """
        found = next((name for name in names if name in self.prompts), "none")
        return self.prompt(found if wanted == "auto" else wanted)

    def settings(self, prompt: str, *, projected: bool = True) -> dict[str, Any]:
        """The pooling and what else the authors say, as arguments of :func:`harness.retrieval.embed.embed`."""
        return {
            "pool": self.pooling,
            "prompt": prompt,
            "pools_prompt": self.pools_prompt,
            "lower_case": self.lower_case,
            "projection": self.projection if projected else None,
        }

    def files(self) -> list[str]:
        """The paths, within the folder, of all that these modules are read from."""
        inside = tuple(f"{path}/" for path in module_paths(self.folder))
        own = (MODULES, TEXTS, PROMPTS)
        return [name for name in deciding_files(self.folder) if name in own or (inside and name.startswith(inside))]
