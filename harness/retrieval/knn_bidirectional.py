"""Nearest neighbours in both directions from one pass over the matrix of similarities, which is never held whole.

While a block of the matrix is hot, the maximum of every group of 32 columns (for its rows) and of every group of 32
rows (for its columns) is kept. The k best of a row are in the k groups with the highest maxima, so only those few
groups are scored again. In bf16 the pass runs on centred vectors (:mod:`~harness.retrieval._first_pass_bf16`); how far its
maxima can be wrong is bounded, every group that may matter is scored again in fp32, and a row whose bound is too weak is
searched separately in fp32: the result is that of fp32.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import numpy as np

from harness.core.arrays import Vectors
from harness.core.errors import check_choice
from harness.retrieval._first_pass_bf16 import halve
from harness.retrieval._knn_exact import MEMORY, SLACK, Neighbours, contenders, full_precision, rounding, settle
from harness.retrieval._multi_gpu import both_ways, devices_of
from harness.retrieval.knn import check_vectors, propose

if TYPE_CHECKING:
    import torch

GROUP = 32
SPAN = 8
"""Groups that are looked at as one before the best groups are chosen: choosing is slow, maxima are fast."""
PRECISIONS = ("auto", "fp32", "bf16")


def nearest_both_ways(
    x: Vectors, y: Vectors, k: int, *, precision: str = "auto", device: str = "cpu", memory: int = MEMORY
) -> tuple[Neighbours, Neighbours]:
    """For each row of ``x`` (n, d) its ``min(k, m)`` best rows of ``y`` (m, d), and for each row of ``y`` its best of
    ``x``.

    The same answer as :func:`~harness.retrieval.knn.nearest` called twice, with half the multiplications; meant for
    a small k. ``precision`` is that of the first pass only; "auto" is bf16 where the hardware multiplies in it.
    ``memory`` bounds, in bytes, what is allocated beyond the vectors, the operands of the pass (fp32: a copy of y;
    bf16: copies of x and, twice, of y at half the size), some 300 bytes a row, and the answer. On ``device`` "cuda" all
    GPUs share the rows of x, and vectors stay on them.
    """
    check_vectors(x, y, k)
    check_vectors(y, x, k)
    precision = resolve_precision(precision, device)

    def search(rows: Vectors, where: str) -> tuple[Neighbours, Neighbours]:
        return _on_device(rows, y, k, precision, where, memory)

    with full_precision():
        return both_ways(search, x, k, devices_of(device))


def resolve_precision(precision: str, device: str) -> str:
    """The precision of a first pass; "auto" is bf16 on hardware that has it, else fp32. UsageError for another."""
    import torch

    check_choice("precision", precision, PRECISIONS)
    if precision != "auto":
        return precision
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    features = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return "bf16" if any(getattr(torch.cpu, name, bool)() for name in features) else "fp32"


def _on_device(
    x: Vectors, y: Vectors, k: int, precision: str, device: str, memory: int
) -> tuple[Neighbours, Neighbours]:
    import torch

    with torch.inference_mode():
        left = torch.from_numpy(np.ascontiguousarray(x, np.float32)).to(device)
        right = torch.from_numpy(np.ascontiguousarray(y, np.float32)).to(device)
        if precision == "bf16":
            slack = 4 * SLACK
            first, second, errors, offset = halve(left, right)
            relative = 2.0**-8
        else:
            slack, first, second, offset, relative = SLACK, left, right, 0.0, 0.0
            errors = rounding(left, right), rounding(right, left)
        there = _Best(len(x), len(y), k + slack, errors[0], relative, offset)
        back = _Best(len(y), len(x), k + slack, errors[1], relative, offset)
        _pass(first, second, there, back, memory)
        del first, second
        forward = _finish(left, right, there, min(k, len(y)), memory)
        return forward, _finish(right, left, back, min(k, len(x)), memory)


class _Best:
    """The best groups of each of n queries seen so far, out of the groups of a pool of m rows."""

    def __init__(self, n: int, m: int, keep: int, error: torch.Tensor, relative: float, offset: float) -> None:
        """``error`` (n,) and ``relative`` bound how wrong a maximum is; ``offset`` makes it an inner product."""
        import torch

        groups = -(-m // GROUP)
        width = min(keep, groups)
        self.complete = width == groups
        self.maxima = torch.full((n, width), -torch.inf, device=error.device)
        self.numbers = torch.zeros((n, width), dtype=torch.int64, device=error.device)
        self.error, self.relative, self.offset = error, relative, offset

    def offer(self, start: int, maxima: torch.Tensor, first: int) -> None:
        """Merges maxima of further groups, numbered from ``first`` on, for the queries from ``start`` on."""
        import torch

        width = self.maxima.shape[1]
        part = slice(start, min(start + len(maxima), len(self.maxima)))
        here, numbers = _highest(maxima[: part.stop - start], min(width, maxima.shape[1]))
        merged, places = torch.cat([self.maxima[part], here.float()], dim=1).topk(width, dim=1)
        self.maxima[part] = merged
        self.numbers[part] = torch.cat([self.numbers[part], numbers + first], dim=1).gather(1, places)

    def promising(self, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Selects the held groups that may have one of the k best (n, width), and a bound on all others (n,)."""
        import torch

        highest, lowest = self.maxima[:, 0], self.maxima[:, -1]
        margin = self.error + self.relative * torch.maximum(highest.abs(), lowest.abs())
        kth = self.maxima[:, min(k, self.maxima.shape[1]) - 1]
        bound = torch.full_like(margin, -torch.inf) if self.complete else lowest + margin + self.offset
        return self.maxima >= (kth - 2 * margin)[:, None], bound


def _highest(maxima: torch.Tensor, keep: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The ``keep`` highest of each row of (n, groups), best first, and where they are.

    They are in the ``keep`` spans with the highest maxima (and in the remainder), so no other is searched.
    """
    import torch

    spans = maxima.shape[1] // SPAN
    if spans <= keep:
        top = maxima.topk(keep, dim=1)
        return top.values, top.indices
    whole = spans * SPAN
    best = maxima[:, :whole].view(-1, SPAN, spans).amax(1).topk(keep, dim=1).indices
    members = torch.arange(0, whole, spans, device=maxima.device)
    rest = torch.arange(whole, maxima.shape[1], device=maxima.device)
    places = torch.cat([(best[:, :, None] + members).flatten(1), rest.expand(len(maxima), -1)], dim=1)
    top = maxima.gather(1, places).topk(keep, dim=1)
    return top.values, places.gather(1, top.indices)


def _pass(x: torch.Tensor, y: torch.Tensor, there: _Best, back: _Best, memory: int) -> None:
    """Offers every group maximum of ``x @ y.T`` to ``there`` (groups of columns) and ``back`` (groups of rows)."""
    import torch

    # On a CPU the scores of a block stay in the last-level cache (8 MB in fp32); a GPU wants larger blocks.
    tall, wide = (1024, 2048) if x.device.type == "cpu" else (1 << 13, 1 << 14)
    wide = min(wide, max(memory // (16 * tall * GROUP), 1) * GROUP)
    blocks = [_interleaved(_padded(block)) for block in torch.split(y, wide)]
    edges = list(accumulate((len(block) for block in blocks), initial=0))
    # The column maxima of several blocks of rows are collected before they are merged, as far as memory goes.
    high = tall // GROUP
    room = memory // 2 // (x.element_size() * edges[-1])
    held = min(max(room // high, 1) * high, -(-len(x) // GROUP))
    collected = torch.empty((held, edges[-1]), dtype=x.dtype, device=x.device)
    first = filled = 0

    def merge() -> None:
        for left, right in pairwise(edges):
            columns = collected[:filled, left:right].view(filled, GROUP, -1)
            back.offer(left, columns.permute(2, 1, 0).reshape(right - left, filled), first)

    for start in range(0, len(x), tall):
        rows = _padded(x[start : start + tall])
        count = len(rows) // GROUP
        if filled + count > held:
            merge()
            first, filled = first + filled, 0
        maxima = []
        for block, (left, right) in zip(blocks, pairwise(edges), strict=True):
            scores = rows @ block.T
            maxima.append(scores.view(len(rows), GROUP, -1).amax(1))
            torch.amax(scores.view(count, GROUP, -1), 1, out=collected[filled : filled + count, left:right])
        filled += count
        there.offer(start, torch.cat(maxima, dim=1), 0)
    merge()


def _finish(x: torch.Tensor, y: torch.Tensor, groups: _Best, k: int, memory: int) -> Neighbours:
    """Scores the promising groups again in fp32, searches the rows that this does not settle, and settles the rest."""
    import torch

    n, width = groups.maxima.shape
    kept = min(k + SLACK + 1, width * GROUP)
    candidates = torch.empty((n, kept), dtype=torch.int64, device=x.device)
    bounds = torch.empty(n, device=x.device)
    kth = torch.empty(n, device=x.device)
    wanted, elsewhere = groups.promising(k)
    error = rounding(x, y)
    step = max(memory // (8 * width * GROUP), 1)
    for start in range(0, n, step):
        part = slice(start, start + step)
        numbers = groups.numbers[part]
        scores = _rescored(x[part], y, numbers, wanted[part])
        top, places = scores.topk(kept, dim=1)
        ids = numbers.gather(1, places // GROUP) * GROUP + places % GROUP
        candidates[part] = contenders(top, ids.masked_fill_(top == -torch.inf, -1), k, error[part])
        bounds[part] = torch.maximum(elsewhere[part], top[:, -1] + error[part])
        kth[part] = top[:, k - 1]
    unproven = (kth - error <= elsewhere).nonzero()[:, 0]
    if len(unproven):
        again, bounds[unproven] = propose(x[unproven], y, k, memory)
        candidates[unproven, : again.shape[1]] = again
        candidates[unproven, again.shape[1] :] = -1
    scores, ids = settle(x, y, candidates, bounds, k, memory)
    return Neighbours(scores.cpu().numpy(), ids.cpu().numpy())


def _rescored(x: torch.Tensor, y: torch.Tensor, numbers: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Scores of ``x`` (n, d) with the wanted ones of its groups of ``y``: (n, width * GROUP), -inf where not wanted.

    The work is sorted by group, so that each group is multiplied once with all the rows that want it.
    """
    import torch

    n, width = numbers.shape
    scores = torch.full((n * width, GROUP), -torch.inf, device=x.device)
    places = wanted.view(-1).nonzero()[:, 0]
    chosen = numbers.view(-1)[places]
    order = chosen.argsort(stable=True)
    groups, counts = torch.unique_consecutive(chosen[order], return_counts=True)
    for group, some in zip(groups.tolist(), torch.split(places[order], counts.tolist()), strict=True):
        block = y[group * GROUP : (group + 1) * GROUP]
        scores[some, : len(block)] = x[some // width] @ block.T
    return scores.view(n, width * GROUP)


def _padded(vectors: torch.Tensor) -> torch.Tensor:
    """Whole groups: the last row again and again, which changes no maximum."""
    import torch

    lacking = -len(vectors) % GROUP
    return torch.cat([vectors, vectors[-1:].expand(lacking, -1)]) if lacking else vectors


def _interleaved(block: torch.Tensor) -> torch.Tensor:
    """Rows reordered so that the maxima of contiguous groups are maxima over whole vectors, which are fast."""
    return block.view(-1, GROUP, block.shape[1]).transpose(0, 1).reshape(len(block), block.shape[1])
