"""The sample corpus: a small multilingual benchmark generated from a grammar and lexicons.

A meaning (:mod:`~harness.data.sample.meaning`) is drawn from a random world and said in ten languages by the frames and
lexicons in the tables next to this file; labels, tags, entities and answers follow from the meaning.

The names of this package are loaded on first use: whatever can open a model can build the one called ``tiny``, and only
that needs the corpus.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.data.sample.corpus import (
        MARKER,
        has_sample_corpus,
        sample_languages,
        sample_text,
        write_sample_corpus,
    )

__all__ = ["MARKER", "has_sample_corpus", "sample_languages", "sample_text", "write_sample_corpus"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("harness.data.sample.corpus"), name)
