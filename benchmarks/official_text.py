"""Made text of the official sizes: the test sets of XTREME without a word of theirs, in the Hub's layout.

Words are pieces of a tokenizer's vocabulary, drawn the more often the earlier they stand in it (log-uniformly), as in
text: a tokenizer then has a few words to see again and again, and many to see once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from harness.data.columns import Column
from harness.types.sources import HubData
from harness.types.tasks import TargetTask

LENGTHS = {
    "sentence1": 21,
    "sentence2": 20,
    "premise": 25,
    "hypothesis": 13,
    "source_sentence": 8,
    "target_sentence": 8,
    "context": 140,
    "question": 11,
}
"""Words in each text column, on average (estimates)."""
TAGGED = {"panx": 11, "udpos": 22}
"""Words in a tagged sentence, on average: the mean over the languages of the benchmark's excerpts."""
OUTSIDE = 0.63
"""Share of PAN-X's words that are in no entity, in the same excerpts."""
SHARED = {"xnli": 3, "xquad": 5, "mlqa": 2, "tydiqa": 1}
"""Hypotheses on one premise, questions about one paragraph."""
UNKNOWN = 1_000
"""Examples of a test set of which no official size is known."""


class MadeText:
    """Texts of so many words, from a fixed seed; ``vocabulary`` is that of a tokenizer, the most frequent pieces first."""

    def __init__(self, vocabulary: Mapping[str, int], seed: int = 0) -> None:
        pieces = (piece.lstrip("▁") for piece, _ in sorted(vocabulary.items(), key=lambda entry: entry[1]))
        self.words = np.array([piece for piece in pieces if piece.isalpha()], dtype=object)
        self.rng = np.random.default_rng(seed)

    def lists(self, count: int, mean: int) -> list[list[str]]:
        """So many lists of words."""
        lengths = np.maximum(self.rng.gamma(6, mean / 6, count), 1).astype(int)
        ranks = np.exp(self.rng.random(int(lengths.sum())) * np.log(len(self.words))).astype(int)
        parts = np.split(self.words[ranks - 1], np.cumsum(lengths)[:-1])
        return [part.tolist() for part in parts]

    def texts(self, count: int, mean: int) -> list[str]:
        """The same as texts."""
        return [" ".join(words) for words in self.lists(count, mean)]


def shares(tags: Sequence[str]) -> list[float]:
    """How often each tag is drawn: all alike, but for ``O`` where there is one."""
    others = len(tags) - ("O" in tags)
    return [OUTSIDE if tag == "O" else (1 - OUTSIDE * ("O" in tags)) / others for tag in tags]


def write_test_sets(folder: Path, task: TargetTask, languages: list[str], text: MadeText, share: float) -> int:
    """Writes that share of the task's test sets under ``folder``, and returns the number of examples."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files: dict[Path, list[dict[str, Any]]] = {}
    count = 0
    for language in languages:
        split = task.languages[language]["test"]
        source = next(each for each in split.sources if isinstance(each, HubData))
        size = max(round((split.rows or UNKNOWN) * share), 1)
        path = folder / source.repo / (source.config or "data") / f"{source.split}-00000-of-00001.parquet"
        rows = list(_rows(task.name, source, size, text))
        files.setdefault(path, []).extend(rows)
        count += len(rows)
    for path, rows in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
    return count


def _rows(task: str, source: HubData, size: int, text: MadeText) -> Iterator[dict[str, Any]]:
    columns = [Column.parse(declared) for declared in source.columns]
    made: dict[str, list[Any]] = {}
    for column in columns:
        mean = LENGTHS.get(column.name, 0)
        if column.name == "tokens":
            made[column.name] = text.lists(size, TAGGED[task])
        elif column.name in ("premise", "context"):
            shared = SHARED[task]
            made[column.name] = [each for each in text.texts(-(-size // shared), mean) for _ in range(shared)][:size]
        elif mean:
            made[column.name] = text.texts(size, mean)
    odds = {column.name: shares(column.names) for column in columns if column.kind == "labels"}
    where = source.where
    prefix = (where.startswith if where else None) or f"{source.config}-"
    for i in range(size):
        row = {name: values[i] for name, values in made.items()}
        for column in columns:
            if column.kind == "label":
                row[column.name] = column.names[i % len(column.names)]
            elif column.kind == "labels":
                row[column.name] = text.rng.choice(column.names, len(row["tokens"]), p=odds[column.name]).tolist()
            elif column.kind == "struct":
                word = row["context"].split()[0]
                row[column.name] = {"text": [word], "answer_start": [0]}
        yield {"id": f"{prefix}{i}", **row}
