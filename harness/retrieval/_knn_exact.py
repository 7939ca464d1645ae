"""Exact inner products of a few candidates, ties broken by the lowest id, and proof that no other row can be better.

Every search here has two steps: a fast one proposes candidates and an upper bound for the score of everything it left
out; :func:`settle` scores the candidates in double precision, and searches the whole pool for the queries whose bound
does not rule out a better row or a tie. So the answer does not depend on the device, the library or the block size.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.types.defaults import SIMILARITY_MEMORY

if TYPE_CHECKING:
    import torch

MEMORY = SIMILARITY_MEMORY << 20
"""Default bound, in bytes, on what a search allocates beyond its vectors and its answer."""
SLACK = 4
"""Candidates kept beyond k, so that rounding in the fast step hardly ever sends a query to the exhaustive search."""
HOT = 4 << 20
"""Bytes that are worked on at a time where the work should stay in the processor's cache."""
LOW = (1 << 32) - 1


@dataclass(frozen=True)
class Neighbours:
    """The k best rows of a pool for each query, best first: scores float32 (n, k) and row numbers int64 (n, k).

    ``recall`` is the share of them that are right, measured where the search is approximate.
    """

    scores: NDArray[np.float32]
    ids: NDArray[np.int64]
    recall: float = 1.0


def settle(
    queries: torch.Tensor,
    pool: torch.Tensor,
    candidates: torch.Tensor,
    bound: torch.Tensor,
    k: int,
    memory: int = MEMORY,
) -> tuple[torch.Tensor, torch.Tensor]:
    """The k best rows of ``pool`` (m, d) for each of ``queries`` (n, d): scores (n, k) fp32, ids (n, k) int64.

    ``candidates`` (n, c >= k) are distinct row numbers, -1 for none, which come last; no other row that could be among
    the best scores above ``bound`` (n,).
    """
    import torch

    n, d = queries.shape
    scores = torch.empty((n, k), dtype=torch.float32, device=queries.device)
    ids = torch.empty((n, k), dtype=torch.int64, device=queries.device)
    spare = (candidates[:, k:] >= 0).any(1)
    for rows, width in ((~spare, k), (spare, candidates.shape[1])):
        step = max(_room(queries, memory) // (8 * d * width), 1)
        for some in torch.split(rows.nonzero()[:, 0], step):
            chosen = candidates[some, :width]
            vectors = pool[chosen.clamp(min=0)].double()
            exact = torch.bmm(vectors, queries[some].double()[:, :, None])[:, :, 0].float()
            scores[some], ids[some] = best(exact.masked_fill_(chosen < 0, -torch.inf), chosen, k)
    doubtful = (scores[:, -1] <= bound).nonzero()[:, 0]
    if len(doubtful):
        scores[doubtful], ids[doubtful] = exhaustive(queries[doubtful], pool, k, memory)
    return scores, ids


def contenders(scores: torch.Tensor, ids: torch.Tensor, k: int, error: torch.Tensor) -> torch.Tensor:
    """``ids`` (n, c >= k) with -1 for those that cannot be among the k best, nor tie with them.

    ``scores`` (n, c), best first, are wrong by at most ``error`` (n,).
    """
    return ids.masked_fill(scores < (scores[:, k - 1] - 2 * error)[:, None], -1)


def exhaustive(
    queries: torch.Tensor, pool: torch.Tensor, k: int, memory: int = MEMORY
) -> tuple[torch.Tensor, torch.Tensor]:
    """As :func:`settle`, with every row of the pool as a candidate: slow, and correct for any vectors."""
    import torch

    n, m = len(queries), len(pool)
    scores = torch.empty((n, k), dtype=torch.float32, device=queries.device)
    ids = torch.empty((n, k), dtype=torch.int64, device=queries.device)
    wide = max(min(m, memory // (4 * 8 * pool.shape[1])), 1)
    step = max(memory // (2 * 32 * wide), 1)
    for start in range(0, n, step):
        part = queries[start : start + step].double()
        found: tuple[torch.Tensor, torch.Tensor] | None = None
        for left in range(0, m, wide):
            block = (part @ pool[left : left + wide].double().T).float()
            here = torch.arange(left, left + block.shape[1], device=block.device).expand_as(block)
            part_found = best(block, here, min(k, block.shape[1]))
            if found is not None:
                both = [torch.cat(pair, dim=1) for pair in zip(found, part_found, strict=True)]
                part_found = best(both[0], both[1], min(k, both[0].shape[1]))
            found = part_found
        assert found is not None
        scores[start : start + step], ids[start : start + step] = found
    return scores, ids


def best(scores: torch.Tensor, ids: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k highest scores (fp32) of each row, best first, equal scores in the order of their ids (below 2**32)."""
    import torch

    # One integer orders by score, then by id: the bits of a float are ordered like integers once negative
    # numbers are flipped; adding 0.0 makes -0.0 equal to 0.0.
    bits = (scores + 0.0).view(torch.int32)
    ranks = torch.where(bits < 0, bits ^ 0x7FFFFFFF, bits).long()
    keys = (ranks << 32) + (LOW - ids)
    top = torch.topk(keys, k, dim=1).values
    ranks = (top >> 32).int()
    bits = torch.where(ranks < 0, ranks ^ 0x7FFFFFFF, ranks)
    return bits.view(torch.float32), LOW - (top & LOW)


def rounding(queries: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
    """For each query, a bound on the error of its inner products in fp32, for any order of summation.

    ``d * 2**-24 * |x| * |y|`` (Higham 2002, Accuracy and Stability of Numerical Algorithms, section 3.1), plus the
    rounding of the exact score to fp32.
    """
    largest = pool.norm(dim=1).max() if len(pool) else 0.0
    bound: torch.Tensor = queries.norm(dim=1) * largest * ((queries.shape[1] + 8) * 2.0**-24)
    return bound


@contextmanager
def full_precision() -> Iterator[None]:
    """Products in true fp32 within (no TF32, no bf16 passes), overriding the process's settings."""
    import torch

    before = torch.get_float32_matmul_precision()
    cuda = torch.backends.cuda.matmul
    reduced = cuda.allow_bf16_reduced_precision_reduction
    torch.set_float32_matmul_precision("highest")
    cuda.allow_bf16_reduced_precision_reduction = False
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_float32_matmul_precision(before)
        cuda.allow_bf16_reduced_precision_reduction = reduced


def _room(tensor: torch.Tensor, memory: int) -> int:
    return min(memory, HOT) if tensor.device.type == "cpu" else memory // 4
