"""One search over several devices: each gets a share of the queries and the whole pool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from harness.retrieval._knn_exact import Neighbours, best

Vectors = NDArray[np.float32]
Found = TypeVar("Found")


def devices_of(device: str) -> tuple[str, ...]:
    """The devices that a search computes on: every GPU for "cuda", the one for "cuda:1", else the processor."""
    if not device.startswith("cuda"):
        return ("cpu",)
    if device != "cuda":
        return (device,)
    import torch

    return tuple(f"cuda:{number}" for number in range(max(torch.cuda.device_count(), 1)))


def one_way(search: Callable[[Vectors, str], Neighbours], queries: Vectors, devices: Sequence[str]) -> Neighbours:
    """Runs ``search(queries, device)`` on every device, each with its share of the queries."""
    return _stacked(_shared_out(search, queries, devices))


def both_ways(
    search: Callable[[Vectors, str], tuple[Neighbours, Neighbours]], x: Vectors, k: int, devices: Sequence[str]
) -> tuple[Neighbours, Neighbours]:
    """Runs ``search(x, device)`` on every device, for the rows of x and, among them, for those of the other side.

    Each device has a share of x, and the k best of x for the other side are the best of what the devices found: with an
    exact search, the same as on one device.
    """
    found = _shared_out(search, x, devices)
    there = _stacked([forward for forward, _ in found])
    if len(found) == 1:
        return there, found[0][1]
    import torch

    starts = np.cumsum([0, *(len(forward.ids) for forward, _ in found)])
    scores = torch.from_numpy(np.concatenate([back.scores for _, back in found], axis=1))
    ids = np.concatenate([back.ids + start for (_, back), start in zip(found, starts, strict=False)], axis=1)
    merged = best(scores, torch.from_numpy(ids), min(k, len(x)))
    return there, Neighbours(merged[0].numpy(), merged[1].numpy())


def _shared_out(search: Callable[[Vectors, str], Found], rows: Vectors, devices: Sequence[str]) -> list[Found]:
    devices = devices[: max(len(rows), 1)]
    if len(devices) == 1:
        return [search(rows, devices[0])]
    edges = [len(rows) * place // len(devices) for place in range(len(devices) + 1)]
    shares = [rows[start:end] for start, end in pairwise(edges)]
    with ThreadPoolExecutor(len(devices)) as threads:
        return list(threads.map(search, shares, devices))


def _stacked(parts: Sequence[Neighbours]) -> Neighbours:
    if len(parts) == 1:
        return parts[0]
    return Neighbours(np.concatenate([part.scores for part in parts]), np.concatenate([part.ids for part in parts]))
