"""A fixed, small part of a split, and the fingerprint of what a split holds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import islice
from typing import Any

from harness.types.examples import Candidate, Example, GoldPair, Query, Sentence, Tagged

_CHUNK = 4096


def limited(examples: Sequence[Example], limit: int | None) -> list[Example]:
    """``limit`` examples in their order, chosen by a hash of the id: always the same ones, also in parallel languages.

    Of a mining pool, ``limit`` foreign sentences are kept, and the same share of gold pairs and of English sentences; of
    queries and candidates, ``limit`` queries, the candidates that answer them, and the same share of the others.
    """
    if limit is None or limit >= len(examples):
        return list(examples)
    if any(isinstance(example, Sentence | GoldPair) for example in examples):
        return _limited_pool(examples, limit)
    if any(isinstance(example, Candidate) for example in examples):
        return _limited_search(examples, limit)
    chosen = set(_lowest([str(getattr(example, "id", position)) for position, example in enumerate(examples)], limit))
    return [example for position, example in enumerate(examples) if position in chosen]


def _lowest(names: Sequence[str], count: int) -> list[int]:
    """Positions of the ``count`` names whose hashes are the lowest."""
    return sorted(range(len(names)), key=lambda i: blake2b(names[i].encode(), digest_size=8).digest())[:count]


def _limited_pool(examples: Sequence[Example], limit: int) -> list[Example]:
    gold = [example for example in examples if isinstance(example, GoldPair)]
    sides: dict[bool, list[str]] = {False: [], True: []}
    for example in examples:
        if isinstance(example, Sentence):
            sides[example.english].append(example.id)
    share = min(limit / max(len(sides[False]), 1), 1.0)
    pairs = {gold[i] for i in _lowest([pair.foreign for pair in gold], round(share * len(gold)))}
    kept: dict[bool, set[str]] = {}
    for english, ids in sides.items():
        needed = {pair.english if english else pair.foreign for pair in pairs}
        in_gold = {pair.english if english else pair.foreign for pair in gold}
        others = [name for name in ids if name not in in_gold]  # a translation left alone would be no distractor
        count = max(round(share * len(ids)) - len(needed), 0)
        kept[english] = needed | {others[i] for i in _lowest(others, count)}
    return [
        example
        for example in examples
        if (example in pairs if isinstance(example, GoldPair) else _in_pool(example, kept))
    ]


def _limited_search(examples: Sequence[Example], limit: int) -> list[Example]:
    queries = [example for example in examples if isinstance(example, Query)]
    kept = {queries[i].id for i in _lowest([query.id for query in queries], limit)}
    needed = {name for query in queries if query.id in kept for name in query.relevant}
    others = [e.id for e in examples if isinstance(e, Candidate) and e.id not in needed]
    needed |= {others[i] for i in _lowest(others, round(len(others) * min(limit / max(len(queries), 1), 1.0)))}
    return [e for e in examples if getattr(e, "id", None) in (kept if isinstance(e, Query) else needed)]


def _in_pool(example: Example, kept: dict[bool, set[str]]) -> bool:
    return isinstance(example, Sentence) and example.id in kept[example.english]


def fingerprint(examples: Iterable[Example]) -> str:
    """blake2b over the examples, in order: it changes with the data, not with the place where they are stored.

    How words are written (:class:`Tagged`) is left out, so that sources that tell and sources that do not have one
    fingerprint, as they have one result with most tokenizers; :func:`written_fingerprint` is for the others.
    """
    return _digest(examples)


def written_fingerprint(examples: Sequence[Example]) -> str | None:
    """blake2b over how the words of tagged sentences are written; None where no source tells."""
    written = [example.written if isinstance(example, Tagged) else () for example in examples]
    return _digest(written) if any(written) else None


def _digest(values: Iterable[Any]) -> str:
    digest, count = blake2b(digest_size=16), 0
    rest = iter(values)
    while chunk := list(islice(rest, _CHUNK)):
        text = json.dumps(chunk, default=_plain, ensure_ascii=False)
        digest.update(text.encode("utf-8", "surrogatepass"))
        count += len(chunk)
    digest.update(str(count).encode())
    return digest.hexdigest()


def _plain(value: Any) -> list[Any]:
    hashed = (name for name in value.__dataclass_fields__ if type(value) is not Tagged or name != "written")
    return [type(value).__name__, *(getattr(value, name) for name in hashed)]
