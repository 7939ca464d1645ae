"""A fixed, small part of a split, and the fingerprint of what a split holds."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Any

from harness.types.examples import Example, PoolRole, pool_role

_CHUNK = 4096


def limited(examples: Sequence[Example], limit: int | None) -> list[Example]:
    """``limit`` examples in their order, chosen by a hash of the id: always the same ones, also in parallel languages.

    Where examples belong together (:class:`~harness.types.examples.PoolRole`), ``limit`` of those that count are kept, what
    they link to, and the same share of everything else: of a mining pool ``limit`` foreign sentences, and the same share of
    gold pairs and of English sentences; of queries and candidates ``limit`` queries, the candidates that answer them, and
    the same share of the others.
    """
    if limit is None or limit >= len(examples):
        return list(examples)
    roles = [pool_role(example) for example in examples]
    if any(role.pool or role.links for role in roles):
        return _limited_pools(examples, roles, limit)
    chosen = set(_lowest([getattr(example, "id", position) for position, example in enumerate(examples)], limit))
    return [example for position, example in enumerate(examples) if position in chosen]


def _lowest(names: Sequence[Any], count: int) -> list[int]:
    """Positions of the ``count`` names whose hashes are the lowest."""
    return sorted(range(len(names)), key=lambda i: blake2b(str(names[i]).encode(), digest_size=8).digest())[:count]


def _limited_pools(examples: Sequence[Example], roles: Sequence[PoolRole], limit: int) -> list[Example]:
    share = min(limit / max(sum(role.counts for role in roles), 1), 1.0)
    keys = [getattr(example, "id", role.links) for example, role in zip(examples, roles, strict=True)]
    outside = [i for i, role in enumerate(roles) if not role.pool]
    # a label without an id is chosen by the first example that it links to
    names = [keys[i] if hasattr(examples[i], "id") else _first_link(roles[i]) for i in outside]
    kept = {("", keys[outside[i]]) for i in _lowest(names, round(share * len(outside)))}
    linked = {link for i in outside if ("", keys[i]) in kept for link in roles[i].links}
    labelled = {link for i in outside if not roles[i].counts for link in roles[i].links}
    pools: dict[str, list[Any]] = {}
    for key, role in zip(keys, roles, strict=True):
        pools.setdefault(role.pool, []).append(key)
    for pool, members in pools.items():
        if pool:
            of_pool = ({name for where, name in links if where == pool} for links in (linked, labelled))
            kept |= {(pool, name) for name in _members(members, share, *of_pool)}
    return [example for example, key, role in zip(examples, keys, roles, strict=True) if (role.pool, key) in kept]


def _first_link(role: PoolRole) -> str:
    return role.links[0][1] if role.links else ""


def _members(names: Sequence[Any], share: float, linked: Collection[Any], labelled: Collection[Any]) -> set[Any]:
    """Members of a pool to keep: the linked ones, and of the others as many as make up the share.

    A labelled one whose label is not kept is left out: alone, it would be a wrong answer that is right.
    """
    others = [name for name in names if name not in linked and name not in labelled]
    count = round(share * len(names)) - len(linked) if labelled else round(share * len(others))
    return {*linked, *(others[i] for i in _lowest(others, max(count, 0)))}


def fingerprint(examples: Iterable[Example]) -> str:
    """blake2b over the examples, in order: it changes with the data, not with the place where they are stored.

    How words are written (:attr:`~harness.types.examples.Example.written_field`) is left out, so that sources that tell and
    sources that do not have one fingerprint, as they have one result with most tokenizers; :func:`written_fingerprint` is
    for the others. So are fields that equality leaves out: the place where a picture is kept.
    """
    return _digest(examples)


def written_fingerprint(examples: Sequence[Example]) -> str | None:
    """blake2b over how the words of sentences are written; None where no source tells."""
    written = [example.written_words() if isinstance(example, Example) else () for example in examples]
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
    kind: type = type(value)
    return [kind.__name__, *(getattr(value, name) for name in _hashed_fields(kind))]


@lru_cache(maxsize=256)
def _hashed_fields(kind: type) -> tuple[str, ...]:
    left_out = kind.written_field if issubclass(kind, Example) else ""
    described = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return tuple(name for name, field in described.items() if name != left_out and field.compare)
