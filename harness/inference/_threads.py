"""Batches side by side on a processor: a thread a batch, instead of all threads on one batch after another.

Small batches leave threads that share one waiting for each other at every operation; threads with their own batches
wait for nothing, and what a batch gives does not depend on how many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def in_threads(work: Callable[[], None], times: int) -> None:
    """Runs ``work`` ``times`` times at once (the caller's thread is one of them), torch's threads divided among them.

    An exception in one of them is raised when all have ended; that of the caller's thread goes first.
    """
    import torch

    threads = torch.get_num_threads()
    if times == 1:
        work()
        return
    share = max(threads // times, 1)
    try:
        torch.set_num_threads(share)
        with ThreadPoolExecutor(times - 1, "batch", torch.set_num_threads, (share,)) as pool:
            others = [pool.submit(work) for _ in range(times - 1)]
            work()
        for other in others:
            other.result()
    finally:
        torch.set_num_threads(threads)
