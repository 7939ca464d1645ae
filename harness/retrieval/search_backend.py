"""The search behind an index name: exact, approximate, or that of a plugin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from harness.core.arrays import Vectors
from harness.core.border import border
from harness.core.errors import PluginError, UsageError, did_you_mean
from harness.retrieval._knn_approximate import APPROXIMATE, nearest_approximate, with_recall
from harness.retrieval._knn_exact import Neighbours
from harness.retrieval.knn import BACKENDS, check_vectors, import_faiss, nearest, resolve_backend

BuildIndex = Callable[..., Any]
Search = Callable[[Vectors, Vectors, int], Neighbours]
INDEXES = (*BACKENDS, *APPROXIMATE)


def searcher(name: str, device: str, build_index: BuildIndex | None) -> tuple[str, Search]:
    """The name to record and the function from queries (n, d), pool (m, d) and k to the k best rows of the pool.

    "auto", "faiss" and "torch" are exact; with any other, the recall is measured. A name that is not ours is for
    plugins: ``build_index`` is their hook ``harness_build_index``, None where no plugin has it. UsageError for an index
    that nobody has.
    """
    if name in BACKENDS:
        backend = resolve_backend(name, device)
        return backend, partial(nearest, backend=backend, device=device)
    if name in APPROXIMATE:
        import_faiss()
        return name, partial(nearest_approximate, index=name, device=device)
    if build_index is None:
        raise UsageError(f"option index: unknown value {name!r}", hint=did_you_mean(name, INDEXES))

    def search(queries: Vectors, pool: Vectors, k: int) -> Neighbours:
        check_vectors(queries, pool, k)
        k = min(k, len(pool))
        found = build_index(name=name, vectors=pool, device=device)
        if found is None:
            hint = f"{did_you_mean(name, INDEXES)}; 'harness plugins' lists those with harness_build_index"
            raise UsageError(f"option index: unknown value {name!r}, and no plugin has such an index", hint=hint)
        with border(f"the index {name!r} failed", PluginError, hint="'harness plugins' lists who provides it"):
            scores, ids = (np.asarray(part) for part in found(queries, k))
        wanted = (len(queries), k)
        if scores.shape != wanted or ids.shape != wanted or not ((ids >= 0) & (ids < len(pool))).all():
            raise PluginError(
                f"the index {name!r} returned arrays of shapes {scores.shape} and {ids.shape}",
                hint=f"expected inner products and row numbers below {len(pool)}, both of shape {wanted}",
            )
        neighbours = Neighbours(scores.astype(np.float32), ids.astype(np.int64))
        return with_recall(neighbours, queries, pool, device=device)

    return name, search


def pair_searcher(name: str, device: str, build_index: BuildIndex | None) -> tuple[str, Search | None]:
    """As :func:`searcher`, for mining, which searches both ways: None for its own exact pass ("auto" and "torch")."""
    return ("torch", None) if name in ("auto", "torch") else searcher(name, device, build_index)


def index_facts(name: str, recall: float) -> dict[str, Any]:
    """Describes a search for the record: the index and, unless it is exact, its measured recall."""
    return {"index": name} if name in BACKENDS else {"index": name, "recall": recall}
