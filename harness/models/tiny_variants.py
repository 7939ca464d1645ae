"""The variants of the ``tiny`` model, for studies of size, of languages, and of how much text a language has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TinyVariant:
    """Design of a tiny model: its width, its text, and whether it ``writes`` (an encoder-decoder).

    ``width`` is the size of its hidden states, a multiple of 32. ``languages`` of the sample corpus are in its text and
    its tokenizer's; () is all of them. ``thinned`` keeps one in so many sentences of a language.
    """

    width: int = 128
    languages: tuple[str, ...] = ()
    thinned: Mapping[str, int] = field(default_factory=dict)
    writes: bool = False


_SCARCE = dict.fromkeys(("ar", "hi", "ko", "sw"), 20)
TINY_VARIANTS = {
    "tiny": TinyVariant(),
    "tiny-64": TinyVariant(width=64),
    "tiny-256": TinyVariant(width=256),
    "tiny-en": TinyVariant(languages=("en",)),
    "tiny-seq2seq": TinyVariant(writes=True),
    "tiny-scarce-64": TinyVariant(width=64, thinned=_SCARCE),
    "tiny-scarce": TinyVariant(thinned=_SCARCE),
    "tiny-scarce-256": TinyVariant(width=256, thinned=_SCARCE),
}
"""By the name that ``--model`` takes. The scarce languages have four scripts, and each family of tasks has some of them."""
