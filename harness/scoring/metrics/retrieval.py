"""Metrics of bitext mining and of rankings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from harness.core.arrays import FloatArray
from harness.scoring.chance import Chance
from harness.scoring.metrics.base import AdditiveMetric, f1_values, percent
from harness.types.examples import DEPTH


class MiningF1(AdditiveMetric):
    """F1 of mined sentence pairs against the gold pairs (BUCC 2018). An item is a pair that either file holds."""

    name = "mining_f1"
    primary = ("f1",)

    def statistics(self, gold: Sequence[bool], predicted: Sequence[bool], language: str) -> FloatArray:
        """Columns: gold and predicted, predicted, gold."""
        true, found = np.asarray(gold, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
        return np.stack([true * found, found, true], axis=1)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The values "f1", "precision" and "recall"."""
        return f1_values(sums[..., 0], sums[..., 1], sums[..., 2])


class _Ranking(AdditiveMetric):
    primary = ("map@20",)

    def statistics(
        self, gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]], language: str
    ) -> FloatArray:
        """Columns: score of the query (0-1), 1."""
        scores = [self.score(set(right), ranking[:DEPTH]) for right, ranking in zip(gold, predicted, strict=True)]
        return np.stack([np.array(scores, dtype=np.float64), np.ones(len(scores))], axis=1)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The value "map@20"."""
        return {"map@20": percent(sums[..., 0], sums[..., 1])}

    def score(self, relevant: set[str], ranking: Sequence[str]) -> float:
        """The score of one query, 0-1."""
        raise NotImplementedError

    def chance(
        self, gold: Sequence[Sequence[str]], language: str, choices: float | None = None
    ) -> Mapping[str, Chance]:
        """The expected score of a random ranking of all ``choices``, the candidates of the pool."""
        if not choices or not gold:
            return {}
        candidates = int(choices)
        counts = Counter(min(len(set(relevant)), candidates) for relevant in gold)
        total = sum(self.random_score(relevant, candidates) * queries for relevant, queries in counts.items())
        names = self.finish(np.zeros(2))
        return dict.fromkeys(names, Chance(100 * total / len(gold), None))

    def random_score(self, relevant: int, candidates: int) -> float:
        """The expected score, 0-1, of a random ranking of candidates of which some are relevant."""
        raise NotImplementedError


class ReciprocalRank(_Ranking):
    """Mean reciprocal rank of the first relevant item within 20 (Mewsli-X); XTREME-R's scorer prints it as "map@20"."""

    name = "reciprocal_rank"

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The value under both names, "map@20" and "mrr@20"."""
        value = percent(sums[..., 0], sums[..., 1])
        return {"map@20": value, "mrr@20": value}

    def remarks(self, gold: Sequence[Sequence[str]]) -> tuple[str, ...]:
        """Tells of queries with several relevant ids: Mewsli-X has one each."""
        several = sum(len(set(relevant)) > 1 for relevant in gold)
        if not several:
            return ()
        return (f"{several} queries have several ids, any of which counts; XTREME-R's scorer takes the first alone",)

    def score(self, relevant: set[str], ranking: Sequence[str]) -> float:
        """1 / rank, or 0."""
        return next((1 / rank for rank, item in enumerate(ranking, start=1) if item in relevant), 0.0)

    def random_score(self, relevant: int, candidates: int) -> float:
        """The sum over ranks of the probability that the first relevant candidate is there, over the rank."""
        expected, none_so_far = 0.0, 1.0
        for rank in range(1, min(DEPTH, candidates) + 1):
            found = min(relevant / (candidates - rank + 1), 1.0)
            expected += none_so_far * found / rank
            none_so_far *= 1 - found
        return expected


class AveragePrecision(_Ranking):
    """Mean average precision at 20 over all queries (LAReQA): precision at each hit, over min(relevant items, 20)."""

    name = "average_precision"

    def score(self, relevant: set[str], ranking: Sequence[str]) -> float:
        """Average precision of one ranking."""
        ranks = np.array([rank for rank, item in enumerate(ranking, start=1) if item in relevant], dtype=np.float64)
        return float((np.arange(1, len(ranks) + 1) / ranks).sum()) / min(max(len(relevant), 1), DEPTH)

    def random_score(self, relevant: int, candidates: int) -> float:
        """The sum over ranks of the probability of a relevant candidate there, times the precision that is then expected."""
        others = (relevant - 1) / (candidates - 1) if candidates > 1 else 0.0
        ranks = np.arange(1, min(DEPTH, candidates) + 1)
        precision = (1 + (ranks - 1) * others) / ranks
        return float(relevant / candidates * precision.sum()) / min(max(relevant, 1), DEPTH)
