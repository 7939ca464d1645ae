"""Exact nearest neighbours by inner product, with FAISS where it is installed and PyTorch elsewhere: same answers."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import Vectors
from harness.core.border import border
from harness.core.errors import DataError, ModelError, UsageError, check_choice
from harness.retrieval._knn_exact import MEMORY, SLACK, Neighbours, contenders, full_precision, rounding, settle
from harness.retrieval._multi_gpu import devices_of, one_way

if TYPE_CHECKING:
    import torch

BACKENDS = ("auto", "faiss", "torch")
FAISS_GPU_K = 2048
"""The most neighbours that FAISS finds on a GPU."""


def nearest(
    queries: Vectors, pool: Vectors, k: int = 1, *, backend: str = "auto", device: str = "cpu", memory: int = MEMORY
) -> Neighbours:
    """The ``min(k, m)`` rows of ``pool`` (m, d) with the highest inner product with each of ``queries`` (n, d).

    Ties go to the lowest row. ``backend`` is "faiss" (``IndexFlatIP``), "torch" or "auto", on all GPUs, which share
    the queries, for ``device`` "cuda" (FAISS only if it was built for GPUs); ``memory`` bounds, in bytes, the blocks of
    scores. The answer is the same. DataError for an empty pool or vectors that do not fit; ModelError for vectors that are not
    finite.
    """
    import torch

    check_vectors(queries, pool, k)
    k = min(k, len(pool))
    backend = resolve_backend(backend, device)

    def search(rows: Vectors, where: str) -> Neighbours:
        with torch.inference_mode():
            x = torch.from_numpy(np.ascontiguousarray(rows, np.float32)).to(where)
            y = torch.from_numpy(np.ascontiguousarray(pool, np.float32)).to(where)
            candidates, bound = propose(x, y, k, memory, backend)
            scores, ids = settle(x, y, candidates, bound, k, memory)
            return Neighbours(scores.cpu().numpy(), ids.cpu().numpy())

    with full_precision():
        return one_way(search, queries, devices_of(device))


def propose(
    x: torch.Tensor, y: torch.Tensor, k: int, memory: int, backend: str = "torch"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of ``y`` that fp32 ranks highest for each of ``x``, a few more than k, and a bound on the others' scores."""
    import torch

    width = min(k + SLACK + 1, len(y))
    with border(f"the index {backend!r} failed", ModelError, hint="--index torch and --index faiss find the same"):
        scores, ids = (_with_faiss if backend == "faiss" else _with_torch)(x, y, width, memory)
    error = rounding(x, y)
    bound = scores[:, -1] + error
    ids = contenders(scores, ids, k, error)
    return ids, bound.fill_(-torch.inf) if width == len(y) else bound


def resolve_backend(backend: str, device: str = "cpu") -> str:
    """The backend that is used; "auto" is FAISS, but PyTorch where FAISS is missing or cannot use the GPU.

    UsageError for an unknown one, ModelError where FAISS is wanted and not installed.
    """
    check_choice("index", backend, BACKENDS)
    if backend == "auto":
        usable = find_spec("faiss") and (not device.startswith("cuda") or _faiss_gpus() > 0)
        return "faiss" if usable else "torch"
    if backend == "faiss":
        import_faiss()
    return backend


def import_faiss() -> Any:
    """The module ``faiss``; ModelError saying how to install it where it is missing."""
    try:
        import faiss
        import faiss.contrib.torch_utils  # indexes take tensors, and those on a GPU stay there
    except ImportError as error:
        raise ModelError(
            f"the index backend 'faiss' needs FAISS, which cannot be imported ({error})",
            hint="pip install 'xtreme-harness[cpu]' (with an NVIDIA GPU: 'xtreme-harness[gpu]'), "
            "or choose the backend 'torch', which gives the same answers",
        ) from error
    return faiss


def _faiss_gpus() -> int:
    import torch

    return int(getattr(import_faiss(), "get_num_gpus", int)()) if torch.cuda.is_available() else 0


def check_vectors(queries: Vectors, pool: Vectors, k: int) -> None:
    """Refuses an empty pool, shapes that do not fit, values that are not finite, and less than one neighbour."""
    if k < 1:
        raise UsageError(f"{k} nearest neighbours make no search", hint="k must be 1 or more")
    if queries.ndim != 2 or pool.ndim != 2 or queries.shape[1] != pool.shape[1]:
        raise DataError(
            f"vectors of shapes {queries.shape} and {pool.shape} cannot be compared",
            hint="both must be matrices with one row a sentence and equally many columns",
        )
    if not len(pool):
        raise DataError("nothing to search: the pool of sentences is empty", hint="check the data of this language")
    if not (np.isfinite(queries).all() and np.isfinite(pool).all()):
        raise ModelError(
            "the sentence vectors hold values that are not finite",
            hint="the model overflowed: use fp32 or bf16 instead of fp16, and check its weights",
        )


def _with_faiss(x: torch.Tensor, y: torch.Tensor, k: int, memory: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    device, faiss = x.device, import_faiss()
    if device.type == "cuda" and _faiss_gpus() > 0 and k <= FAISS_GPU_K:
        config = faiss.GpuIndexFlatConfig()
        config.device = device.index or 0
        index = faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), y.shape[1], config)
    else:
        x, y, index = x.cpu(), y.cpu(), faiss.IndexFlatIP(y.shape[1])
    index.add(y)
    scores = torch.empty((len(x), k), device=x.device)
    ids = torch.empty((len(x), k), dtype=torch.int64, device=x.device)
    step = max(memory // (16 * k), 1)
    for start in range(0, len(x), step):
        scores[start : start + step], ids[start : start + step] = index.search(x[start : start + step], k)
    return scores.to(device), ids.to(device)


def _with_torch(x: torch.Tensor, y: torch.Tensor, k: int, memory: int) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    wide = min(len(y), 1 << 15)
    step = max(min(memory // (16 * (wide + k)), 1 << 12), 1)
    scores = torch.full((len(x), k), -torch.inf, device=x.device)
    ids = torch.full((len(x), k), -1, dtype=torch.int64, device=x.device)
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        for left in range(0, len(y), wide):
            block = x[part] @ y[left : left + wide].T
            here, columns = block.topk(min(k, block.shape[1]), dim=1)
            merged, places = torch.cat([scores[part], here], dim=1).topk(k, dim=1)
            scores[part] = merged
            ids[part] = torch.cat([ids[part], columns + left], dim=1).gather(1, places)
    return scores, ids
