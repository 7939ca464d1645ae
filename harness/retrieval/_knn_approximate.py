"""Approximate nearest neighbours, only where they are asked for by name, with their recall measured.

"ivf": an inverted file of FAISS with one list for each of sqrt(m) clusters of the pool, of which a query searches an
eighth (eight at least). "hnsw": the graph of Malkov and Yashunin 2018 (arXiv:1603.09320) with 32 links, built and
searched in FAISS with 64 candidates; built by several threads it is not quite the same every time.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import Vectors
from harness.core.border import border
from harness.core.errors import ModelError
from harness.retrieval._knn_exact import MEMORY, Neighbours, settle
from harness.retrieval.knn import check_vectors, import_faiss, nearest

APPROXIMATE = ("ivf", "hnsw")
SAMPLE = 1000
"""Queries that are also searched exactly, to measure the recall."""
CLUSTERED = 39
"""Rows a list that FAISS wants at least for its k-means."""
LINKS, SEARCHED = 32, 64


def nearest_approximate(
    queries: Vectors, pool: Vectors, k: int, *, index: str, device: str = "cpu", memory: int = MEMORY
) -> Neighbours:
    """About the ``min(k, m)`` rows of ``pool`` (m, d) with the highest inner product with each of ``queries`` (n, d).

    Their scores are exact and their order, equal scores by row, is too; a query for which the index finds fewer is
    searched exactly. ``recall`` is measured. The index is on the processor. Errors as for
    :func:`~harness.retrieval.knn.nearest`; ModelError where FAISS is missing.
    """
    check_vectors(queries, pool, k)
    k = min(k, len(pool))
    queries, pool = (np.ascontiguousarray(side, np.float32) for side in (queries, pool))
    ids = np.full((len(queries), k), -1, np.int64)
    if len(queries):
        with border(
            f"the index {index!r} failed", ModelError, hint="leave out --index: the exact search needs no FAISS"
        ):
            _, ids = _built(pool, k, index).search(queries, k)
    found = _scored(queries, pool, ids, memory)
    lacking = np.flatnonzero((ids < 0).any(axis=1))
    if len(lacking):
        exact = nearest(queries[lacking], pool, k, device=device, memory=memory)
        found.scores[lacking], found.ids[lacking] = exact.scores, exact.ids
    return with_recall(found, queries, pool, device=device, memory=memory)


def with_recall(
    found: Neighbours,
    queries: Vectors,
    pool: Vectors,
    *,
    sample: int = SAMPLE,
    device: str = "cpu",
    memory: int = MEMORY,
) -> Neighbours:
    """The same neighbours with their recall, measured on ``sample`` queries drawn from a fixed seed.

    A neighbour is right if its inner product is no lower than the k-th highest of the pool: any of equals will do.
    """
    if not len(queries):
        return found
    some = np.sort(np.random.default_rng(0).permutation(len(queries))[:sample])
    k = found.ids.shape[1]
    exact = nearest(queries[some], pool, k, device=device, memory=memory)
    scores = _scored(queries[some], pool, found.ids[some], memory).scores
    return replace(found, recall=float((scores >= exact.scores[:, -1:]).mean()))


def _built(pool: Vectors, k: int, index: str) -> Any:
    faiss = import_faiss()
    m, d = pool.shape
    if index == "hnsw":
        graph = faiss.IndexHNSWFlat(d, LINKS, faiss.METRIC_INNER_PRODUCT)
        graph.hnsw.efConstruction = SEARCHED
        graph.hnsw.efSearch = max(SEARCHED, 2 * k)
        graph.add(pool)
        return graph
    lists = max(min(int(m**0.5), m // CLUSTERED), 1)
    inverted = faiss.IndexIVFFlat(faiss.IndexFlatIP(d), d, lists, faiss.METRIC_INNER_PRODUCT)
    inverted.cp.min_points_per_centroid = 1  # a pool of a few sentences is no reason to warn
    inverted.nprobe = min(max(lists // 8, 8), lists)
    inverted.train(pool)
    inverted.add(pool)
    return inverted


def _scored(queries: Vectors, pool: Vectors, ids: NDArray[np.int64], memory: int) -> Neighbours:
    import torch

    x, y, candidates = (torch.from_numpy(array) for array in (queries, pool, ids))
    with torch.inference_mode():
        nothing_else = torch.full((len(x),), -torch.inf)
        scores, chosen = settle(x, y, candidates, nothing_else, ids.shape[1], memory)
    return Neighbours(scores.numpy(), chosen.numpy())
