"""Labels that do not depend on their examples, for the control ``shuffled``: permuted, drawn by word, or a random span."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from numpy.random import Generator

T = TypeVar("T")


def permuted(
    examples: Sequence[T], field: str, rng: Generator, alike: Callable[[T], Hashable] = lambda example: None
) -> list[T]:
    """The examples with the field permuted among those that have it, and only among those that are ``alike``."""
    found: list[Any] = list(examples)
    groups: dict[Hashable, list[int]] = {}
    for index, example in enumerate(found):
        if getattr(example, field) is not None:
            groups.setdefault(alike(example), []).append(index)
    for group in groups.values():
        values = [getattr(found[index], field) for index in group]
        for index, other in zip(group, rng.permutation(len(group)), strict=True):
            found[index] = replace(found[index], **{field: values[other]})
    return found


def random_tags(sentences: Sequence[tuple[Sequence[str], Sequence[str] | None]], rng: Generator) -> dict[str, str]:
    """A tag for each word type of (words, tags), drawn from the distribution of tags; none where nothing is tagged."""
    counts = Counter(tag for _, tags in sentences for tag in tags or ())
    tags = sorted(counts)
    if not tags:
        return {}
    words = list(dict.fromkeys(word for words, _ in sentences for word in words))
    drawn = rng.choice(len(tags), size=len(words), p=[counts[tag] / counts.total() for tag in tags])
    return {word: tags[index] for word, index in zip(words, drawn, strict=True)}


def random_span(context: str, like: str, rng: Generator) -> tuple[int, int]:
    """Start and end of a random stretch of ``context`` as long as ``like``: in words, or in characters without spaces."""
    words = [word.span() for word in re.finditer(r"\S+", context)]
    length = len(like.split())
    if length < len(words):
        first = int(rng.integers(len(words) - length + 1))
        return words[first][0], words[first + length - 1][1]
    start = int(rng.integers(len(context) - len(like) + 1))
    return start, start + len(like)
