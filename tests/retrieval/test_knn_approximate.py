"""Approximate indexes: asked for by name, with the recall that they really have; and one search over several devices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from harness.cli.main import main
from harness.core.errors import UsageError
from harness.families.bitext_mining import BitextMining
from harness.families.bitext_retrieval import BitextRetrieval
from harness.inference.forward import Forward
from harness.retrieval import _multi_gpu, knn, knn_bidirectional
from harness.retrieval._knn_approximate import APPROXIMATE, nearest_approximate, with_recall
from harness.retrieval._knn_exact import Neighbours
from harness.retrieval.knn import nearest
from harness.retrieval.mining import mine
from harness.retrieval.search_backend import searcher
from harness.types.examples import GoldPair, Sentence, Translation
from harness.types.units import UnitExamples

pytest.importorskip("faiss")
Matrix = NDArray[np.float32]


def directions(rows: int, columns: int, seed: int = 0) -> Matrix:
    drawn = np.random.default_rng(seed).standard_normal((rows, columns)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


@pytest.mark.parametrize("name", APPROXIMATE)
def test_scores_are_exact_and_the_recall_is_the_share_of_true_neighbours(name: str) -> None:
    queries, pool = directions(900, 48), directions(6000, 48, seed=1)
    found = nearest_approximate(queries, pool, 4, index=name)
    truth = nearest(queries, pool, 4)
    share = np.mean([len(set(one) & set(other)) / 4 for one, other in zip(found.ids, truth.ids, strict=True)])
    assert found.recall == pytest.approx(share)  # fewer queries than the sample: all are measured
    assert 0.3 < found.recall < 1  # directions without any structure are the worst case of every index
    true_scores = np.einsum("nd,nkd->nk", queries.astype(np.float64), pool[found.ids].astype(np.float64))
    np.testing.assert_array_equal(found.scores, true_scores.astype(np.float32))
    assert (np.diff(found.scores, axis=1) <= 0).all()


@pytest.mark.parametrize("name", APPROXIMATE)
def test_small_pools_duplicates_and_zeros_give_whole_answers(name: str) -> None:
    pool = np.concatenate([np.zeros((3, 4), np.float32), np.tile(directions(1, 4), (5, 1)), directions(4, 4, seed=2)])
    found = nearest_approximate(pool, pool, 12, index=name)
    assert found.recall == 1
    np.testing.assert_array_equal(np.sort(found.ids, axis=1), np.tile(np.arange(12), (12, 1)))
    assert nearest_approximate(pool[:0], pool, 2, index=name).ids.shape == (0, 2)


def test_recall_counts_any_of_equals_and_only_a_sample() -> None:
    pool = np.concatenate([np.tile(directions(1, 8), (6, 1)), directions(50, 8, seed=3)])
    queries = np.tile(pool[:1], (40, 1))
    scores = np.ones((40, 2), np.float32)
    assert with_recall(Neighbours(scores, np.tile([5, 3], (40, 1))), queries, pool).recall == 1
    wrong = np.tile([5, 20], (40, 1))
    assert with_recall(Neighbours(scores, wrong), queries, pool).recall == 0.5
    wrong[7:] = 0, 1
    assert with_recall(Neighbours(scores, wrong), queries, pool, sample=40).recall == 1 - 7 / 80
    assert with_recall(Neighbours(scores, wrong), queries, pool, sample=1).recall in (0.5, 1)


@pytest.fixture(scope="module")
def forward(small_model: Path) -> Forward:
    from transformers import AutoTokenizer

    model = BitextRetrieval((), BitextRetrieval.Options()).load(str(small_model)).eval()
    return Forward(model, AutoTokenizer.from_pretrained(small_model), "cpu")


TEXTS = ["the cat sleeps", "a small bird", "the dog runs home", "in the garden yesterday", "the red mat and the dog"]


def mining_unit() -> UnitExamples:
    sides = [Sentence(f"{side}{i}", text, english=side == "e") for side in "fe" for i, text in enumerate(TEXTS)]
    pools = [*sides, *(GoldPair(f"f{i}", f"e{i}") for i in range(len(TEXTS)))]
    return UnitExamples("pools", "de", "dev", pools)


@pytest.mark.parametrize("name", ["auto", "faiss", "torch", *APPROXIMATE])
def test_records_name_the_index_and_the_recall_of_an_approximate_one(forward: Forward, name: str) -> None:
    retrieval = UnitExamples("pairs", "de", "test", [Translation(str(i), text, text) for i, text in enumerate(TEXTS)])
    for family, unit in ((BitextRetrieval, retrieval), (BitextMining, mining_unit())):
        [exact] = family((), family.Options()).predict(forward, [unit])
        [prediction] = family((), family.Options(index=name)).predict(forward, [unit])
        assert prediction.predictions == exact.predictions
        assert "recall" not in exact.facts
        assert prediction.facts["index"] == (exact.facts["index"] if name == "auto" else name)
        assert prediction.facts.get("recall") == (1.0 if name in APPROXIMATE else None)


def test_the_recall_of_a_plugins_index_is_measured() -> None:
    def first_rows(name: str, vectors: Matrix, device: str):
        return lambda queries, k: (queries @ vectors[:k].T, np.tile(np.arange(k), (len(queries), 1)))

    name, search = searcher("first", "cpu", first_rows)
    pool = np.eye(4, dtype=np.float32)
    assert name == "first" and search(pool, pool, 1).recall == 0.25
    assert mine(pool, pool, k=1, search=search).recall == 0.25
    with pytest.raises(UsageError, match="hnws") as caught:
        searcher("hnws", "cpu", None)
    assert "hnsw" in caught.value.hint


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 80), st.integers(1, 80), st.integers(1, 6), st.integers(1, 5))
def test_several_devices_find_what_one_finds(seed: int, n: int, m: int, k: int, count: int) -> None:
    """With processors in place of GPUs: whole numbers, so that ties across the shares are the rule."""
    rng = np.random.default_rng(seed)
    x, y = (rng.integers(-2, 3, (size, 5)).astype(np.float32) for size in (n, m))
    with pytest.MonkeyPatch.context() as patch:
        expected = [*knn_bidirectional.nearest_both_ways(x, y, k), nearest(x, y, k)]
        for module in (knn_bidirectional, knn):
            patch.setattr(module, "devices_of", lambda device: ("cpu",) * count)
        found = [*knn_bidirectional.nearest_both_ways(x, y, k), nearest(x, y, k)]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.ids, other.ids)
        np.testing.assert_array_equal(one.scores, other.scores)


def test_a_numbered_gpu_is_the_only_one_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 3)
    assert _multi_gpu.devices_of("cuda") == ("cuda:0", "cuda:1", "cuda:2")
    assert _multi_gpu.devices_of("cuda:1") == ("cuda:1",)
    assert _multi_gpu.devices_of("cpu") == _multi_gpu.devices_of("mps") == ("cpu",)


def test_another_index_is_another_result_and_the_report_tells_its_recall(
    small_model: Path, corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "--model", str(small_model), "--task", "tatoeba[de]", "--data-dir", str(corpus), "--offline"]
    words += ["--out", str(tmp_path / "run")]
    units = []
    for more in ([], ["--index", "ivf"], ["--set", "index=auto"]):
        assert main([*words, *more]) == 0
        printed = capsys.readouterr().out
        assert ("searched with ivf, which found 100.00% of the true neighbours" in printed) == ("ivf" in more)
        record = json.loads((tmp_path / "run" / "record.json").read_text(encoding="utf-8"))
        units.append(record["units"]["tatoeba/de/test"])
    assert [unit["facts"].get("recall") for unit in units] == [None, 1.0, None]
    assert units[0]["key"] == units[2]["key"] != units[1]["key"]
