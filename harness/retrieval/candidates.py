"""A pool of candidates that need not fit into memory: vectors in a mapped file, searched exactly, a block at a time."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from harness.core.arrays import Vectors
from harness.core.errors import DataError
from harness.retrieval._knn_exact import Neighbours, best

Text = TypeVar("Text")
"""A text, with whatever is known of it."""

EMBEDDED = 1 << 16
"""Texts that are tokenised and embedded at a time."""
SEARCHED = 1 << 17
"""Rows that are searched at a time: half a gigabyte of vectors with 1,024 columns."""


def mapped(embed: Callable[[Sequence[Text]], Vectors], texts: Sequence[Text], *, block: int = EMBEDDED) -> Vectors:
    """The vectors float32 (n, d) of n texts, in a temporary file that is mapped into memory and vanishes with them.

    ``embed`` gives the vectors of a block of texts. The file is in the folder for temporary files (``TMPDIR``).
    DataError where there is no text.
    """
    if not texts:
        raise DataError("nothing to search: the pool of candidates is empty", hint="check the data of this task")
    with tempfile.TemporaryFile(prefix="harness-pool-") as file:
        for start in range(0, len(texts), block):
            found = np.ascontiguousarray(embed(texts[start : start + block]), np.float32)
            # Written before it is mapped: a full disk is an error here, and would kill the process there.
            try:
                file.write(found.data)
                file.flush()
            except OSError as error:
                raise DataError(
                    f"{tempfile.gettempdir()}: the vectors of {len(texts):,} candidates cannot be written: {error.strerror}",
                    hint="make room, or name another folder for temporary files (TMPDIR)",
                ) from None
        return np.memmap(file, np.float32, "r+", shape=(len(texts), found.shape[1]))


def in_blocks(
    search: Callable[[Vectors, Vectors, int], Neighbours],
    queries: Vectors,
    pool: Vectors,
    k: int,
    *,
    block: int = SEARCHED,
) -> Neighbours:
    """Runs an exact ``search(queries, pool, k)`` with no more than ``block`` rows of the pool at a time."""
    import torch

    found: tuple[torch.Tensor, torch.Tensor] | None = None
    for start in range(0, max(len(pool), 1), block):
        here = search(queries, pool[start : start + block], k)
        scores, ids = torch.from_numpy(here.scores), torch.from_numpy(here.ids + start)
        if found is not None:
            scores, ids = torch.cat([found[0], scores], dim=1), torch.cat([found[1], ids], dim=1)
            scores, ids = best(scores, ids, min(k, scores.shape[1]))
        found = scores, ids
    assert found is not None
    return Neighbours(found[0].numpy(), found[1].numpy())
