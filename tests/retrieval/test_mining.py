"""Margin mining: golden values, and a plain double loop over all pairs."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.mining_memory import MALLOC
from harness.core.errors import UsageError
from harness.retrieval._knn_exact import Neighbours
from harness.retrieval.mining import mine, mine_texts, one_to_one
from harness.retrieval.threshold import best_threshold


def unit(rows: object) -> np.ndarray:
    matrix = np.array(rows, np.float32)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


# PROTOCOL 14.4: the sixth source row repeats the text and the vector of s2.
SOURCE = unit([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1], [0, 0, 1]])
TARGET = unit([[2, 1, 0], [0, 2, 1], [1, 0, 2], [1, 1, 0], [3, 3, 2]])
SOURCE_TEXTS, TARGET_TEXTS = ["s0", "s1", "s2", "s3", "s4", "s2"], ["t0", "t1", "t2", "t3", "t4"]
GOLD = {("s0", "t0"), ("s1", "t1"), ("s3", "t4")}


def texts_of(mined) -> list[tuple[str, str]]:
    return [(SOURCE_TEXTS[i], TARGET_TEXTS[j]) for i, j in zip(mined.foreign, mined.english, strict=True)]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_margins_of_mined_pairs_equal_the_example_of_the_protocol(precision: str) -> None:
    mined = mine(SOURCE[:5], TARGET, precision=precision)
    assert texts_of(mined) == [("s2", "t2"), ("s1", "t1"), ("s0", "t0"), ("s4", "t4"), ("s3", "t3")]
    assert mined.margins == pytest.approx([1.703465, 1.316050, 1.243713, 1.208465, 1.191117], abs=1e-6)


def test_the_mining_of_the_protocol_end_to_end() -> None:
    mined = mine_texts(SOURCE_TEXTS, TARGET_TEXTS, SOURCE, TARGET)
    pairs = texts_of(mined)
    assert pairs == [("s1", "t1"), ("s0", "t0"), ("s4", "t4"), ("s3", "t3")]  # s2 occurs twice
    threshold = best_threshold(mined.margins, np.array([pair in GOLD for pair in pairs]), len(GOLD))
    assert threshold.value == pytest.approx(1.226089, abs=1e-6)
    assert threshold.f1 == pytest.approx(80)
    assert texts_of(mined[mined.margins >= threshold.value]) == [("s1", "t1"), ("s0", "t0")]


def test_copies_of_a_sentence_are_expanded_to_a_pair_each_when_asked() -> None:
    mined = mine_texts(SOURCE_TEXTS, TARGET_TEXTS, SOURCE, TARGET, duplicates="expand")
    rows = list(zip(mined.foreign.tolist(), mined.english.tolist(), strict=True))
    assert rows == [(2, 2), (5, 2), (1, 1), (0, 0), (4, 4), (3, 3)]
    assert mined.margins[0] == mined.margins[1] == pytest.approx(1.703465, abs=1e-6)


def test_copies_on_both_sides_are_expanded_to_all_combinations() -> None:
    vectors = unit([[1, 0], [0, 1], [1, 0]])
    mined = mine_texts(["a", "b", "a"], ["A", "B", "A"], vectors, vectors, duplicates="expand", k=1)
    rows = sorted(zip(mined.foreign.tolist(), mined.english.tolist(), strict=True))
    assert rows == [(0, 0), (0, 2), (1, 1), (2, 0), (2, 2)]


def test_the_vector_of_the_last_copy_counts() -> None:
    foreign, english = unit([[0, 1], [1, 0], [1, 0], [0, 1]]), unit([[1, 0], [0, 1]])
    mined = mine_texts(
        ["a", "b", "c", "a"], ["A", "B"], foreign, english, duplicates="expand", k=1, retrieval="forward"
    )
    assert set(zip(mined.foreign.tolist(), mined.english.tolist(), strict=True)) == {(0, 1), (1, 0), (2, 0), (3, 1)}
    changed = foreign.copy()
    changed[0] = [1, 0]  # the first copy of "a" only: nothing changes
    again = mine_texts(
        ["a", "b", "c", "a"], ["A", "B"], changed, english, duplicates="expand", k=1, retrieval="forward"
    )
    np.testing.assert_array_equal(mined.english, again.english)


def plain_mine(x, y, k, margin, retrieval):
    """The reference's procedure pair by pair, in float64."""
    x, y = x.astype(np.float64), y.astype(np.float64)
    cosines = x @ y.T
    near_y = [sorted(range(len(y)), key=lambda j: (-cosines[i, j], j))[:k] for i in range(len(x))]
    near_x = [sorted(range(len(x)), key=lambda i: (-cosines[i, j], i))[:k] for j in range(len(y))]
    mean_x = [np.mean([cosines[i, j] for j in near]) for i, near in enumerate(near_y)]
    mean_y = [np.mean([cosines[i, j] for i in near]) for j, near in enumerate(near_x)]

    def score(i: int, j: int) -> float:
        if margin == "absolute":
            return cosines[i, j]
        middle = (mean_x[i] + mean_y[j]) / 2
        return cosines[i, j] - middle if margin == "distance" else cosines[i, j] / middle

    forward = [(i, max(near, key=lambda j, i=i: score(i, j))) for i, near in enumerate(near_y)]
    backward = [(max(near, key=lambda i, j=j: score(i, j)), j) for j, near in enumerate(near_x)]
    pairs = {
        "forward": forward,
        "backward": backward,
        "intersect": [pair for pair in forward if pair in backward],
        "max": forward + backward,
    }[retrieval]
    pairs = sorted(pairs, key=lambda pair: -score(*pair))
    if retrieval == "max":
        kept, left, right = [], set(), set()
        for i, j in pairs:
            if i not in left and j not in right:
                kept.append((i, j))
                left.add(i)
                right.add(j)
        pairs = kept
    return [(i, j, score(i, j)) for i, j in pairs if score(i, j) > 0]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 50), st.integers(1, 50), st.integers(1, 40))
@pytest.mark.parametrize("retrieval", ["max", "intersect", "forward", "backward"])
@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
def test_mining_equals_a_double_loop(margin: str, retrieval: str, seed: int, n: int, m: int, k: int) -> None:
    """k up to 40 crosses the border between one pass and two searches."""
    rng = np.random.default_rng(seed)
    english = unit(rng.standard_normal((m, 6)) + 2)
    foreign = unit(english[rng.integers(0, m, n)] + 0.3 * rng.standard_normal((n, 6)))
    mined = mine(foreign, english, k=k, margin=margin, retrieval=retrieval)
    expected = plain_mine(foreign, english, k, margin, retrieval)
    # Margins that are equal but for rounding may change places: compare as sets, and the order by value.
    assert set(zip(mined.foreign.tolist(), mined.english.tolist(), strict=True)) == {(i, j) for i, j, _ in expected}
    assert mined.margins == pytest.approx([score for *_, score in expected], rel=1e-5, abs=1e-5)


def exact_mine(x, y, k, margin, retrieval):
    """The pairs in order, in float64, equal margins by rows; exact where all inner products are whole numbers."""
    cosines = x.astype(np.float64) @ y.astype(np.float64).T
    near_y = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    near_x = np.argsort(-cosines.T, axis=1, kind="stable")[:, :k]
    mean_x = [sum(cosines[i, near].tolist()) / len(near) for i, near in enumerate(near_y)]
    mean_y = [sum(cosines[near, j].tolist()) / len(near) for j, near in enumerate(near_x)]

    def score(i: int, j: int) -> float:
        if margin == "absolute":
            return float(cosines[i, j])
        middle = (mean_x[i] + mean_y[j]) / 2
        if margin == "distance":
            return float(cosines[i, j]) - middle
        return float(cosines[i, j]) / middle if middle else 0.0

    forward = [(i, max(near.tolist(), key=lambda j, i=i: score(i, j))) for i, near in enumerate(near_y)]
    backward = [(max(near.tolist(), key=lambda i, j=j: score(i, j)), j) for j, near in enumerate(near_x)]
    if retrieval == "intersect":
        pairs = [pair for pair in forward if pair in set(backward)]
    else:
        pairs = {"forward": forward, "backward": backward, "max": forward + backward}[retrieval]
    kept, left, right = [], set(), set()
    for i, j in sorted(pairs, key=lambda pair: (-score(*pair), *pair)):
        if score(i, j) > 0 and not (retrieval == "max" and (i in left or j in right)):
            kept.append((i, j, score(i, j)))
            left.add(i)
            right.add(j)
    return kept


@st.composite
def adversaries(draw: st.DrawFn):
    """Whole numbers: ties everywhere, duplicates, zero vectors, negative similarities, fewer rows than k."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m, d = draw(st.integers(1, 80)), draw(st.integers(1, 80)), draw(st.integers(1, 5))
    low = draw(st.sampled_from([-2, 0, 1]))
    x, y = (rng.integers(low, 3, (size, d)).astype(np.float32) for size in (n, m))
    if draw(st.booleans()):
        x, y = x[rng.integers(0, n, n)], y[rng.integers(0, m, m)]
    if draw(st.booleans()):
        x, y = x * (rng.random((n, 1)) < 0.4), y * (rng.random((m, 1)) < 0.4)
    if draw(st.booleans()):
        size = min(n, m)
        y[:size] = x[rng.permutation(n)[:size]]
    return x.astype(np.float32), y.astype(np.float32), draw(st.sampled_from([1, 2, 4, 7, 33, 100]))


@settings(max_examples=12, deadline=None)
@given(problem=adversaries())
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("retrieval", ["max", "intersect", "forward", "backward"])
@pytest.mark.parametrize("margin", ["ratio", "distance", "absolute"])
def test_adversarial_vectors_give_the_very_pairs_of_the_reference(
    margin: str, retrieval: str, precision: str, problem: tuple[np.ndarray, np.ndarray, int]
) -> None:
    x, y, k = problem
    mined = mine(x, y, k=k, margin=margin, retrieval=retrieval, precision=precision, memory=1 << 16)
    found = list(zip(mined.foreign.tolist(), mined.english.tolist(), mined.margins.tolist(), strict=True))
    assert found == exact_mine(x, y, k, margin, retrieval)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["fp32", "bf16"]), st.booleans())
def test_large_pools_with_near_ties_are_mined_alike_in_every_precision(seed: int, precision: str, near: bool) -> None:
    """Cosines that differ in the sixth digit, over many spans of groups: the first pass proves or searches again."""
    rng = np.random.default_rng(seed)
    x, y = (rng.standard_normal((size, 12)) for size in (700, 600))
    if near:
        x, y = x * 1e-3 + 1, y * 1e-3 + 1
    y[:300] = x[:300] + 1e-4 * y[:300]
    x, y = unit(x), unit(y)
    mined = mine(x, y, precision=precision, memory=1 << 18)
    plain = mine(x, y, k=4, search=plain_search)
    np.testing.assert_array_equal(mined.foreign, plain.foreign)
    np.testing.assert_array_equal(mined.english, plain.english)
    np.testing.assert_array_equal(mined.margins, plain.margins)


def plain_search(queries: np.ndarray, pool: np.ndarray, k: int) -> Neighbours:
    scores = (queries.astype(np.float64) @ pool.astype(np.float64).T).astype(np.float32)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return Neighbours(np.take_along_axis(scores, order, 1), order)


def test_zero_vectors_are_nobodys_translation() -> None:
    foreign, english = np.zeros((3, 4), np.float32), np.zeros((2, 4), np.float32)
    assert len(mine(foreign, english)) == 0
    foreign[0, 0] = english[1, 0] = 1
    mined = mine(foreign, english)
    assert (mined.foreign.tolist(), mined.english.tolist()) == ([0], [1])


def test_equal_margins_are_matched_in_the_order_of_rows() -> None:
    mined = mine(np.tile(unit([[1, 2]]), (5, 1)), np.tile(unit([[1, 2]]), (4, 1)), k=4)
    assert (mined.foreign.tolist(), mined.english.tolist()) == ([0], [0])  # everybody's best is the first row
    assert mined.margins == pytest.approx([1.0])


def test_empty_pools_give_no_pairs() -> None:
    assert len(mine_texts([], ["A"], np.empty((0, 2), np.float32), unit([[1, 0]]))) == 0
    assert len(mine_texts(["a"], [], unit([[1, 0]]), np.empty((0, 2), np.float32), duplicates="expand")) == 0


@pytest.mark.parametrize("option", ["margin", "retrieval", "precision"])
def test_unknown_values_of_mining_options_are_refused_by_name(option: str) -> None:
    with pytest.raises(UsageError, match=option):
        mine(TARGET, TARGET, **{option: "fancy"})


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=80))
def test_one_to_one_equals_going_through_the_list(pairs: list[tuple[int, int]]) -> None:
    expected, left, right = [], set(), set()
    for i, j in pairs:
        expected.append(i not in left and j not in right)
        if expected[-1]:
            left.add(i)
            right.add(j)
    kept = one_to_one(*(np.array([pair[side] for pair in pairs], np.int64) for side in (0, 1)))
    assert kept.tolist() == expected


def test_the_learned_threshold_equals_the_example_of_the_protocol() -> None:
    learned = best_threshold(np.array([1.3, 1.2, 1.1, 1.05]), np.array([True, False, True, False]), 3)
    assert learned.value == pytest.approx(1.075)
    assert learned.pairs == 3
    assert learned.f1 == pytest.approx(200 * 2 / (3 + 3))


def test_the_threshold_where_everything_is_right_is_the_last_score() -> None:
    learned = best_threshold(np.array([1.1, 1.3]), np.array([True, True]), 2)
    assert (learned.value, learned.f1, learned.pairs) == (1.1, 100.0, 2)


@pytest.mark.parametrize(("scores", "extracted"), [([], 0), ([1.2, 1.1], 2), ([0.4, 0.0, -0.2], 2)])
def test_the_threshold_where_nothing_is_right(scores: list[float], extracted: int) -> None:
    learned = best_threshold(np.array(scores), np.zeros(len(scores), bool), 5)
    assert (learned.value, learned.f1, learned.pairs) == (0.0, 0.0, extracted)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 9), st.booleans()), min_size=1, max_size=40), st.integers(0, 5))
def test_the_threshold_equals_trying_every_prefix(candidates: list[tuple[int, bool]], unfound: int) -> None:
    gold = sum(right for _, right in candidates) + unfound
    if not any(right for _, right in candidates):
        return
    ordered = sorted(candidates, key=lambda candidate: -candidate[0])
    best, value, hits = 0.0, 0.0, 0
    for count, (score, right) in enumerate(ordered, start=1):
        hits += right
        if hits:
            precision, recall = hits / count, hits / gold
            f1 = 2 * precision * recall / (precision + recall)
            if f1 > best:
                following = ordered[count][0] if count < len(ordered) else score
                best, value = f1, (score + following) / 2
    learned = best_threshold(np.array([s for s, _ in candidates]), np.array([r for _, r in candidates]), gold)
    assert learned.value == value
    taken = [right for score, right in candidates if score >= value]
    assert learned.pairs == len(taken)
    assert learned.f1 == pytest.approx(200 * sum(taken) / (len(taken) + gold))


def test_the_matrix_of_similarities_is_never_held_whole() -> None:
    """16,000 x 16,000 similarities are 1 GB; the peak of a process of its own stays far below, for 32 MB of blocks."""
    script = """
import numpy as np
from benchmarks.mining_memory import peak
from harness.retrieval.mining import mine

rng = np.random.default_rng(0)
x, y = (rng.standard_normal((16_000, 16), dtype=np.float32) for _ in range(2))
mine(x[:1000], y[:1000])
before = peak()
mine(x, y, memory=32 << 20)
print(peak() - before)
"""
    environment = os.environ | MALLOC
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 400 << 20
