"""Exact nearest neighbours: every way of searching against a plain float64 search, ties included."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.core.errors import DataError, ModelError, UsageError
from harness.retrieval._first_pass_bf16 import halve
from harness.retrieval._knn_exact import (
    MEMORY,
    Neighbours,
    best,
    contenders,
    exhaustive,
    full_precision,
    rounding,
    settle,
)
from harness.retrieval.knn import nearest, resolve_backend
from harness.retrieval.knn_bidirectional import GROUP, _Best, _highest, nearest_both_ways, resolve_precision

Matrix = NDArray[np.float32]


def plain(queries: Matrix, pool: Matrix, k: int) -> Neighbours:
    """All inner products in float64, rounded once; the highest first, equal ones by row."""
    scores = (queries.astype(np.float64) @ pool.astype(np.float64).T).astype(np.float32) + np.float32(0)
    order = np.argsort(-scores, axis=1, kind="stable")[:, : min(k, len(pool))]
    return Neighbours(np.take_along_axis(scores, order, 1), order)


def both(precision: str, memory: int = MEMORY) -> Callable[[Matrix, Matrix, int], Neighbours]:
    def search(queries: Matrix, pool: Matrix, k: int) -> Neighbours:
        there, back = nearest_both_ways(queries, pool, k, precision=precision, memory=memory)
        again, mirrored = nearest_both_ways(pool, queries, k, precision=precision, memory=memory)
        for one, other in ((there, mirrored), (back, again)):
            np.testing.assert_array_equal(one.ids, other.ids)
            np.testing.assert_array_equal(one.scores, other.scores)
        return there

    return search


def through(backend: str, memory: int = MEMORY) -> Callable[[Matrix, Matrix, int], Neighbours]:
    return lambda queries, pool, k: nearest(queries, pool, k, backend=backend, memory=memory)


SEARCHES = {
    "torch": through("torch"),
    "torch in small blocks": through("torch", 1 << 12),
    "faiss": through("faiss"),
    "both ways": both("fp32"),
    "both ways in small blocks": both("fp32", 1 << 12),
    "both ways, half": both("bf16"),
}


@pytest.fixture(params=SEARCHES)
def search(request: pytest.FixtureRequest) -> Callable[[Matrix, Matrix, int], Neighbours]:
    if request.param == "faiss":
        pytest.importorskip("faiss")
    return SEARCHES[request.param]


def unit(rows: Matrix) -> Matrix:
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)


@st.composite
def problems(draw: st.DrawFn) -> tuple[Matrix, Matrix, int]:
    """Few values and repeated rows, so that ties are the rule; up to several groups of 32 rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m, d = draw(st.integers(1, 90)), draw(st.integers(1, 90)), draw(st.integers(1, 9))
    kind = draw(st.sampled_from(["whole numbers", "directions", "a common part", "zeros"]))
    x, y = (rng.integers(-2, 3, (size, d)).astype(np.float32) for size in (n, m))
    if kind in ("directions", "a common part"):
        x, y = (rng.standard_normal((size, d)).astype(np.float32) for size in (n, m))
    if kind == "a common part":
        x, y = x * 0.05 + 3, y * 0.05 + 3
    if kind in ("directions", "a common part"):
        x, y = unit(x), unit(y)
    if kind == "zeros":
        x, y = x * (rng.random((n, 1)) < 0.3), y * (rng.random((m, 1)) < 0.3)
    repeated = draw(st.booleans())
    if repeated:
        x, y = x[rng.integers(0, n, n)], y[rng.integers(0, m, m)]
    return x.astype(np.float32), y.astype(np.float32), draw(st.integers(1, 7))


@settings(max_examples=25, deadline=None)
@given(problem=problems())
@pytest.mark.parametrize("way", SEARCHES)
def test_every_search_equals_the_plain_one(way: str, problem: tuple[Matrix, Matrix, int]) -> None:
    if way == "faiss":
        pytest.importorskip("faiss")
    x, y, k = problem
    found, expected = SEARCHES[way](x, y, k), plain(x, y, k)
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("memory", [1 << 12, 1 << 20, MEMORY])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_one_pass_over_many_blocks_with_a_large_common_part(precision: str, memory: int) -> None:
    """Vectors like those of an encoder that nobody trained to embed: cosines between 0.97 and 1."""
    rng = np.random.default_rng(0)
    common = np.concatenate([[12.0], np.ones(23)])
    x, y = (unit((rng.standard_normal((size, 24)) + common).astype(np.float32)) for size in (700, 570))
    y[40:80] = y[3]
    there, back = nearest_both_ways(x, y, 4, precision=precision, memory=memory)
    for found, expected in ((there, plain(x, y, 4)), (back, plain(y, x, 4))):
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.scores, expected.scores)


@pytest.mark.parametrize("memory", [1 << 16, 1 << 22])  # with little, what is collected is merged after every block
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pools_of_many_groups_are_chosen_from_by_spans(precision: str, memory: int) -> None:
    rng = np.random.default_rng(5)
    x, y = (unit((rng.standard_normal((size, 8)) + 1).astype(np.float32)) for size in (6000, 700))
    x[4000:4040] = x[:40]
    there, back = nearest_both_ways(x, y, 4, precision=precision, memory=memory)
    for found, expected in ((there, plain(x, y, 4)), (back, plain(y, x, 4))):
        np.testing.assert_array_equal(found.ids, expected.ids)
        np.testing.assert_array_equal(found.scores, expected.scores)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 400), st.integers(1, 20))
def test_the_highest_by_spans_are_the_highest(seed: int, rows: int, columns: int, keep: int) -> None:
    import torch

    maxima = torch.from_numpy(np.random.default_rng(seed).integers(0, 50, (rows, columns)).astype(np.float32))
    keep = min(keep, columns)
    values, places = _highest(maxima, keep)
    assert torch.equal(values, maxima.topk(keep, dim=1).values)
    assert torch.equal(maxima.gather(1, places), values)
    assert all(len(set(row)) == keep for row in places.tolist())


def test_the_bound_of_the_half_precision_pass_holds() -> None:
    import torch

    rng = np.random.default_rng(1)
    x, y = (torch.from_numpy(unit((rng.standard_normal((400, 48)) + 2).astype(np.float32))) for _ in range(2))
    left, right, (error_x, error_y), offset = halve(x, y)
    truth = x.double() @ y.double().T
    difference = (left.double() @ right.double().T + offset - truth).abs()
    assert (difference <= error_x[:, None]).all()
    assert (difference <= error_y).all()
    assert difference.max() > error_x.max() / 20  # a bound that says something
    assert error_x.max() < 2.0**-8  # better than rounding the vectors as they are


def test_the_nearest_sentences_equal_the_example_of_the_protocol(
    search: Callable[[Matrix, Matrix, int], Neighbours],
) -> None:
    """PROTOCOL 14.4: the nearest of five source rows for five target rows."""
    foreign = unit(np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]], np.float32))
    english = unit(np.array([[2, 1, 0], [0, 2, 1], [1, 0, 2], [1, 1, 0], [3, 3, 2]], np.float32))
    assert search(english, foreign, 1).ids[:, 0].tolist() == [3, 1, 2, 3, 4]


def test_wider_than_the_pool_gives_all_of_it(search: Callable[[Matrix, Matrix, int], Neighbours]) -> None:
    found = search(np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[:2], 5)
    assert found.ids.tolist() == [[0, 1], [1, 0], [0, 1]]


def test_no_query_finds_nothing() -> None:
    found = nearest(np.empty((0, 4), np.float32), np.ones((3, 4), np.float32), 2)
    assert found.ids.shape == found.scores.shape == (0, 2)


def test_the_answer_does_not_depend_on_the_process_settings() -> None:
    import torch

    rng = np.random.default_rng(2)
    x, y = (unit(rng.standard_normal((200, 64)).astype(np.float32)) for _ in range(2))
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        found = nearest(x, y, 3, backend="torch")
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision(before)
    np.testing.assert_array_equal(found.scores, plain(x, y, 3).scores)


def test_the_first_pass_is_in_half_precision_where_the_hardware_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for has, expected in ((True, "bf16"), (False, "fp32")):
        monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda has=has: has)
        monkeypatch.setattr("torch.cpu._is_avx512_bf16_supported", lambda has=has: has, raising=False)
        monkeypatch.setattr("torch.cpu._is_amx_tile_supported", lambda: False, raising=False)
        assert resolve_precision("auto", "cpu") == resolve_precision("auto", "cuda:0") == expected
        assert resolve_precision("fp32", "cpu") == "fp32"


def test_empty_unequal_or_infinite_vectors_and_unknown_options_of_the_search_are_refused() -> None:
    some = np.ones((2, 3), np.float32)
    with pytest.raises(DataError, match="empty"):
        nearest(some, some[:0])
    with pytest.raises(DataError, match=r"\(2, 3\) and \(2, 2\)"):
        nearest(some, some[:, :2])
    with pytest.raises(ModelError, match="not finite"):
        nearest(some * np.nan, some)
    with pytest.raises(UsageError, match="0 nearest"):
        nearest(some, some, 0)
    with pytest.raises(UsageError, match="precision") as caught:
        nearest_both_ways(some, some, 1, precision="bf15")
    assert "bf16" in caught.value.hint
    with pytest.raises(UsageError, match="index"):
        resolve_backend("annoy")


def test_without_faiss_torch_searches_and_asking_for_faiss_names_the_install_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)  # import faiss fails as if it were not installed
    monkeypatch.setattr("harness.retrieval.knn.find_spec", lambda name: None)
    assert resolve_backend("auto") == "torch"
    some = np.eye(2, dtype=np.float32)
    assert nearest(some, some).ids[:, 0].tolist() == [0, 1]
    with pytest.raises(ModelError, match="FAISS") as caught:
        nearest(some, some, backend="faiss")
    assert "pip install 'xtreme-harness[cpu]'" in caught.value.hint


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(1, 6), st.integers(1, 6), st.sampled_from([0.0, 2.0**-8]))
def test_maxima_that_are_as_wrong_as_they_may_be_hide_nothing(
    seed: int, groups: int, k: int, more: int, relative: float
) -> None:
    """Every held group that truly has one of the k best is promising; no row of another group exceeds the bound."""
    import torch

    rng = np.random.default_rng(seed)
    offset = float(rng.integers(-3, 4))
    error = torch.tensor(rng.choice([0.0, 0.125, 1.0], 2), dtype=torch.float32)
    best = _Best(2, groups * GROUP, k + more, error, relative, offset)
    true = torch.from_numpy(rng.integers(-20, 21, (2, groups)).astype(np.float32))
    wrong = error[:, None] + relative * true.abs() * 0.75  # exact in fp32, like all numbers here
    seen = true + wrong * torch.from_numpy(rng.choice([-1.0, 1.0], (2, groups)).astype(np.float32))
    best.offer(0, seen, 0)
    promising, bound = best.promising(k)
    for row in range(2):
        held = best.numbers[row]
        least = true[row, held].sort(descending=True).values[min(k, len(held)) - 1]
        assert promising[row][true[row, held] >= least].all()
        others = np.setdiff1d(np.arange(groups), held.numpy())
        assert (true[row, others] + offset <= bound[row]).all()


def test_the_bound_is_the_lowest_maximum_and_what_it_may_be_wrong_by() -> None:
    import torch

    best = _Best(1, 5 * GROUP, 3, torch.tensor([0.5]), 0.25, 10.0)
    best.offer(0, torch.tensor([[1.0, 2.5, 8.0, 3.0, 2.0]]), 0)
    promising, bound = best.promising(1)  # 8, 3 and 2.5 are held, each wrong by 0.5 + 0.25 * 8 at most
    assert promising.tolist() == [[True, True, False]] and bound.tolist() == [2.5 + 2.5 + 10.0]
    whole = _Best(1, 3 * GROUP, 3, torch.tensor([0.5]), 0.25, 10.0)
    whole.offer(0, torch.tensor([[-8.0, -4.0, -5.0]]), 0)
    promising, bound = whole.promising(2)  # every group is held: nothing is left that a bound would be about
    assert promising.tolist() == [[True, True, True]] and bound.tolist() == [-np.inf]


def test_a_row_that_ties_with_the_last_one_found_is_searched_for() -> None:
    """What is left out may score as much as the bound and no more: at the bound it may tie, and the lower row counts."""
    import torch

    queries = torch.tensor([[1.0, 0.0]] * 2)
    pool = torch.tensor([[2.0, 0.0], [2.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
    candidates = torch.tensor([[1, 2, -1]] * 2)  # row 0, which ties with row 1, was left out
    scores, ids = settle(queries, pool, candidates, torch.tensor([2.0, 0.5]), 1)
    assert ids.tolist() == [[0], [1]] and scores.tolist() == [[2.0], [2.0]]
    scores, ids = settle(queries, pool, torch.tensor([[3, 2, 1], [2, 3, -1]]), torch.tensor([-torch.inf] * 2), 2)
    assert ids.tolist() == [[1, 2], [2, 3]] and scores.tolist() == [[2.0, 1.0], [1.0, 0.0]]


@pytest.mark.parametrize("memory", [1, 1 << 9, MEMORY])
def test_settling_and_searching_everything_give_the_same_whatever_the_memory(memory: int) -> None:
    import torch

    rng = np.random.default_rng(5)
    x, y = (torch.from_numpy(rng.integers(-3, 4, (size, 3)).astype(np.float32)) for size in (17, 23))
    wanted = plain(x.numpy(), y.numpy(), 4)
    every = torch.arange(23).expand(17, -1)
    for scores, ids in (
        exhaustive(x, y, 4, memory),
        settle(x, y, every, torch.full((17,), -torch.inf), 4, memory),
        settle(x, y, every[:, :6], torch.full((17,), torch.inf), 4, memory),
    ):
        assert ids.tolist() == wanted.ids.tolist() and scores.tolist() == wanted.scores.tolist()


def test_contenders_are_within_twice_the_error_of_the_last_place() -> None:
    import torch

    scores = torch.tensor([[9.0, 5.0, 4.0, 3.5], [9.0, 5.0, 4.0, 3.5]])
    ids = torch.arange(4).expand(2, -1)
    found = contenders(scores, ids, 2, torch.tensor([0.5, 0.25]))
    assert found.tolist() == [[0, 1, 2, -1], [0, 1, -1, -1]]


def test_the_best_are_ordered_by_score_then_row_over_the_whole_range_of_numbers() -> None:
    import torch

    row = [-0.0, 0.0, -1e-45, 1e-45, -3e38, 3e38, -torch.inf, torch.inf, -1.5, 1.5, 1.5]
    ids = [*range(10), (1 << 32) - 1]
    scores, found = best(torch.tensor([row]), torch.tensor([ids]), 11)
    assert found.tolist() == [[7, 5, 9, (1 << 32) - 1, 3, 0, 1, 2, 8, 4, 6]]
    assert scores.tolist() == [torch.tensor(sorted(row, reverse=True)).tolist()]


def test_the_rounding_of_an_inner_product_is_bounded() -> None:
    """Against products of vectors of one sign, whose errors add up, summed in the worst order."""
    import torch

    x, y = torch.full((1, 4000), 0.1), torch.full((2, 4000), 0.3)
    y[0] = 0
    exact = float(x[0].double() @ y[1].double())
    summed = torch.zeros(())
    for product in x[0] * y[1]:
        summed = summed + product
    bound = float(rounding(x, y))
    assert abs(float(summed) - exact) < bound < 1e-3 * exact
    assert bound == pytest.approx(float(x.norm() * y[1].norm()) * (4000 + 8) * 2.0**-24)
    assert rounding(x, y[:0]).tolist() == [0.0]


def test_full_precision_is_for_the_time_of_a_search() -> None:
    import torch

    cuda = torch.backends.cuda.matmul
    before = torch.get_float32_matmul_precision(), cuda.allow_bf16_reduced_precision_reduction
    try:
        torch.set_float32_matmul_precision("medium")
        cuda.allow_bf16_reduced_precision_reduction = True
        with pytest.raises(KeyError), full_precision():
            assert torch.get_float32_matmul_precision() == "highest" and torch.is_inference_mode_enabled()
            assert not cuda.allow_bf16_reduced_precision_reduction
            raise KeyError
        assert torch.get_float32_matmul_precision() == "medium" and cuda.allow_bf16_reduced_precision_reduction
    finally:
        torch.set_float32_matmul_precision(before[0])
        cuda.allow_bf16_reduced_precision_reduction = before[1]
