"""Time of margin mining against two exact FAISS searches, which is how LASER and XTREME mine: with their margins pair
by pair, and, as a harder peer, with margins over whole arrays.

Run from the root of the repository::

python -m benchmarks.mining --foreign 30000 --english 30000 --dimension 384 --k 4 --repeats 3

Vectors are drawn from a fixed seed: a share of the foreign ones are noisy copies of English ones, the rest unrelated;
``--common`` adds a direction that all share, as untrained sentence vectors have it (cosines near 1). Contestants take
turns within each repeat, so that a busy machine slows all of them; the best time of each counts, on the clock and of
the processor (all threads). All must mine the same pairs.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from harness.retrieval._knn_approximate import APPROXIMATE, nearest_approximate
from harness.retrieval.mining import mine

Matrix = NDArray[np.float32]
Pairs = NDArray[np.int64]
PEER = "FAISS, as LASER and XTREME"


def vectors(args: argparse.Namespace) -> tuple[Matrix, Matrix]:
    rng = np.random.default_rng(0)
    english = rng.standard_normal((args.english, args.dimension), dtype=np.float32)
    foreign = rng.standard_normal((args.foreign, args.dimension), dtype=np.float32)
    pairs = int(args.translations * min(args.foreign, args.english))
    foreign[:pairs] = 0.6 * foreign[:pairs] + 0.8 * english[:pairs]
    common = args.common * rng.standard_normal(args.dimension, dtype=np.float32)
    for side in (english, foreign):
        side += common
        side /= np.linalg.norm(side, axis=1, keepdims=True)
    return rng.permutation(foreign), rng.permutation(english)


def search(queries: Matrix, pool: Matrix, k: int) -> tuple[Matrix, Pairs]:
    """Exact inner products with FAISS."""
    import faiss

    index = faiss.IndexFlatIP(pool.shape[1])
    index.add(pool)
    return index.search(queries, k)  # type: ignore[no-any-return]


def pair_by_pair(queries: Matrix, pool: Matrix, ids: Pairs, own: Matrix, other: Matrix) -> Matrix:
    """The ratio margin of every candidate, its cosine computed again, as LASER and XTREME do."""
    margins = np.zeros(ids.shape, np.float32)
    for i in range(len(ids)):
        for place in range(ids.shape[1]):
            j = ids[i, place]
            margins[i, place] = queries[i].dot(pool[j]) / ((own[i] + other[j]) / 2)
    return margins


def with_faiss(foreign: Matrix, english: Matrix, k: int, *, vectorised: bool = True) -> Pairs:
    """Two searches, margins, and a Python loop over the sorted candidates for one-to-one matching."""
    there, there_ids = search(foreign, english, k)
    back, back_ids = search(english, foreign, k)
    near_english, near_foreign = there.mean(1), back.mean(1)
    if vectorised:
        forward = there / ((near_english[:, None] + near_foreign[there_ids]) / 2)
        backward = back / ((near_foreign[:, None] + near_english[back_ids]) / 2)
    else:
        forward = pair_by_pair(foreign, english, there_ids, near_english, near_foreign)
        backward = pair_by_pair(english, foreign, back_ids, near_foreign, near_english)
    rows, columns = np.arange(len(foreign)), np.arange(len(english))
    best_forward, best_backward = forward.argmax(1), backward.argmax(1)
    left = np.concatenate([rows, back_ids[columns, best_backward]])
    right = np.concatenate([there_ids[rows, best_forward], columns])
    margins = np.concatenate([forward[rows, best_forward], backward[columns, best_backward]])
    seen_left, seen_right, kept = set(), set(), []
    for position in np.argsort(-margins, kind="stable"):
        i, j = int(left[position]), int(right[position])
        if i not in seen_left and j not in seen_right:
            seen_left.add(i)
            seen_right.add(j)
            if margins[position] > 0:
                kept.append((i, j))
    return np.array(kept)


def with_harness(
    precision: str, memory: int, index: str = "", recalls: dict[str, float] | None = None
) -> Callable[[Matrix, Matrix, int], Pairs]:
    def run(foreign: Matrix, english: Matrix, k: int) -> Pairs:
        search = partial(nearest_approximate, index=index, memory=memory) if index else None
        mined = mine(foreign, english, k=k, precision=precision, memory=memory, search=search)
        if recalls is not None:
            recalls[f"harness {index}"] = mined.recall
        return np.stack([mined.foreign, mined.english], axis=1)

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--foreign", type=int, default=30_000, help="sentences on the foreign side")
    parser.add_argument("--english", type=int, default=30_000, help="sentences on the English side")
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--k", type=int, default=4)
    parser.add_argument("--translations", type=float, default=0.3, help="share of sentences that have a translation")
    parser.add_argument("--common", type=float, default=0.0, help="weight of the direction that all vectors share")
    parser.add_argument("--memory", type=int, default=1024, help="MiB for the blocks of similarities")
    parser.add_argument("--approximate", action="store_true", help="approximate indexes too, with their recall")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=0, help="processor threads (0: as many as there are cores)")
    args = parser.parse_args()

    import faiss
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
        faiss.omp_set_num_threads(args.threads)
    foreign, english = vectors(args)
    contestants: dict[str, Callable[[Matrix, Matrix, int], Pairs]] = {
        PEER: partial(with_faiss, vectorised=False),
        "FAISS, whole arrays": with_faiss,
        "harness fp32": with_harness("fp32", args.memory << 20),
        "harness bf16": with_harness("bf16", args.memory << 20),
    }
    recalls: dict[str, float] = {}
    for index in APPROXIMATE if args.approximate else ():
        contestants[f"harness {index}"] = with_harness("fp32", args.memory << 20, index, recalls)
    wall: dict[str, list[float]] = {name: [] for name in contestants}
    cpu: dict[str, list[float]] = {name: [] for name in contestants}
    mined: dict[str, set[tuple[int, int]]] = {}
    for _ in range(args.repeats):
        for name, run in contestants.items():
            started, worked = time.perf_counter(), time.process_time()
            pairs = run(foreign, english, args.k)
            cpu[name].append(time.process_time() - worked)
            wall[name].append(time.perf_counter() - started)
            mined[name] = set(map(tuple, pairs.tolist()))
    reference = mined[PEER]
    print(f"{args.foreign:,} x {args.english:,} x {args.dimension}, k={args.k}, {torch.get_num_threads()} threads")
    print("| contestant | seconds | x | cpu seconds | x (cpu) | pairs | not the same |\n|---|---|---|---|---|---|---|")
    for name in contestants:
        cells = [name]
        for times in (wall, cpu):
            cells += [f"{min(times[name]):.2f}", f"{min(times[PEER]) / min(times[name]):.2f}"]
        print("|", " | ".join([*cells, f"{len(mined[name]):,}", str(len(mined[name] ^ reference))]), "|")
    for name, recall in recalls.items():
        print(f"{name}: recall {recall:.4f}")
    assert mined["harness fp32"] == mined["harness bf16"], "the first pass in bf16 changed the pairs"
    # FAISS rounds to fp32 in its own order: margins that agree to seven digits may change places.
    assert len(mined["harness fp32"] ^ reference) <= 1e-3 * len(reference), "the pairs are not those of FAISS"


if __name__ == "__main__":
    main()
