"""The way in which a model embeds sentences: chosen by the user, else as its authors say, else as XTREME does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.errors import UsageError, check_choice
from harness.models.embedder import Embedder
from harness.models.sentence_encoder import layer_by_depth
from harness.retrieval.embed import POOLS
from harness.types.roles import MEASURES, option

ALL, LAST = "all", "last"
"""The layer options that ask for the curve over layers, and for the last one."""
MAX_LENGTH = 512
BY_DEPTH = "by depth, as XTREME does"
ASKED = "as asked"


@dataclass(frozen=True)
class EmbeddingOptions:
    """The options of sentence vectors.

    ``layer`` is an index into the hidden states, 0 being the embeddings. None, or "auto": the last layer of a model that
    brings a configuration of sentence-transformers (modules.json), that stages of a dual encoder trained, or whose pooler
    is asked for, and of any other 8 of 12 layers, 14 of 24, else half-way up. "last": the last. "all": as "auto", with the
    curve over all.

    ``pool`` is a way of :func:`~harness.retrieval.embed.embed`; "auto": as the authors say (modules.json, with the layers
    after it where the last layer is taken), else "mean", special tokens included, as in XTREME. ``prompt`` names one of the
    authors' prompts; "auto" is their default, if they have one, and "none" is none. ``max_length``: tokens of a sentence;
    None: as the authors say, else 512.
    """

    layer: int | str | None = option(None, MEASURES)
    pool: str = option("auto", MEASURES, once="mean")
    prompt: str = option("auto", MEASURES, keyed="changed")
    max_length: int | None = option(None, MEASURES, once=MAX_LENGTH)

    def __post_init__(self) -> None:
        """Refuses values that mean nothing, before anything is embedded."""
        if isinstance(self.layer, str):
            check_choice("layer", self.layer, ("auto", LAST, ALL))
        if self.layer == "auto":
            object.__setattr__(self, "layer", None)
        check_choice("pool", self.pool, ("auto", *POOLS))

    @property
    def curve(self) -> bool:
        """Tells whether the curve over all layers is asked for."""
        return self.layer == ALL

    def unusual(self, embedder: Embedder) -> dict[str, Any]:
        """Describes what a model's own files change, for the keys of results; empty where they change nothing."""
        modules = embedder.modules
        found: dict[str, Any] = {}
        if self.layer in (None, ALL) and (embedder.last_layer or self.pool == "pooler"):
            found["layer"] = "last"
        if modules is None:
            return found
        if self.pool == "auto" and modules.described != "mean":
            found["pool"] = modules.described
        if (prompt := modules.prompt(self.prompt))[1]:
            found["prompt"] = list(prompt)
        if self.max_length is None and modules.max_length not in (None, MAX_LENGTH):
            found["max_length"] = modules.max_length
        if modules.lower_case:
            found["lower_case"] = True
        return found


@dataclass(frozen=True)
class Embedding:
    """The options as they turn out with a model of ``depth`` layers: ``settings`` are arguments of ``embed``.

    ``layer`` is that which is scored, for the reason ``layer_from``; ``pool`` and ``prompt`` are described for the record.
    """

    depth: int
    layer: int
    layer_from: str
    pool: str
    prompt: str
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, options: EmbeddingOptions, embedder: Embedder, depth: int) -> Embedding:
        """Chooses; UsageError for a prompt that the model does not have, ModelError for modules that are not known."""
        modules = embedder.modules
        if modules is None and options.prompt not in ("auto", "none"):
            raise UsageError(
                f"--prompt {options.prompt}: the model brings no prompts (config_sentence_transformers.json)"
            )
        layer, reason = _layer(options, embedder, depth)
        theirs = modules if options.pool == "auto" else None
        name, prompt = modules.prompt(options.prompt) if modules else ("none", "")
        if theirs:
            settings = theirs.settings(prompt, projected=layer == depth)
        else:
            pool = "mean" if options.pool == "auto" else options.pool
            settings = {"pool": (pool,), "prompt": prompt, "pools_prompt": True, "projection": None}
            settings["lower_case"] = modules is not None and modules.lower_case
        settings["max_length"] = options.max_length or (modules and modules.max_length) or MAX_LENGTH
        described = theirs.described if theirs and settings["projection"] is not None else " + ".join(settings["pool"])
        return cls(depth, layer, reason, described, f"{name}: {prompt}" if prompt else name, settings)

    @property
    def facts(self) -> dict[str, Any]:
        """Describes, for the record, how sentences were embedded."""
        return {
            "layer": self.layer,
            "layer_from": self.layer_from,
            "pool": self.pool,
            "prompt": self.prompt,
            "max_length": self.settings["max_length"],
        }

    @property
    def identity(self) -> str:
        """All that decides the vectors, beside the model and the precision, for names of files."""
        known = [self.layer, self.pool, self.settings["max_length"]]
        more = {"prompt": self.settings["prompt"], "pools_prompt": self.settings["pools_prompt"]}
        usual = {"prompt": "", "pools_prompt": True}
        changed = [f"{name}={value!r}" for name, value in more.items() if value != usual[name]]
        return " ".join(map(str, [*known, *changed, *(["lower_case"] if self.settings["lower_case"] else [])]))


def _layer(options: EmbeddingOptions, embedder: Embedder, depth: int) -> tuple[int, str]:
    if isinstance(options.layer, int):
        return options.layer, ASKED
    if options.layer == LAST:
        return depth, ASKED
    if options.pool == "pooler":
        return depth, "last: the pooler is behind it"
    if reason := embedder.last_layer:
        return depth, f"last: {reason}"
    return layer_by_depth(depth), BY_DEPTH


def layer_curve(split: str, metric: str, values: Sequence[float]) -> dict[str, Any]:
    """The scores of a unit at hidden states 0, 1, ... on a split, for the record, in percent."""
    return {"split": split, "metric": metric, "values": [round(value, 4) for value in values]}
