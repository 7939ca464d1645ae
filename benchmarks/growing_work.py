"""Work that grows in one direction at a time: examples, text length, languages, sentences to retrieve, pools to mine.

Texts are words drawn at random from the sample corpus, so that there are as many of any length as wanted.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.cost_model import Encoder, Work
from benchmarks.work import XNLI, with_head, write_xnli
from harness.data.sample import write_sample_corpus

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WORDS = 12
"""In a text, where it is not the length that grows."""
FEW_WORDS = 4
"""In a text that is only there to be embedded before the measurement."""
LIMIT = 512
"""Tokens of a sentence; what is over is cut."""


@dataclass(frozen=True)
class Growing:
    """One direction: what the sizes count, and the sizes, of which the first is next to nothing."""

    counts: str
    sizes: tuple[int, ...]
    total: int = 0
    """What stays the same: pairs of sentences, or of premise and hypothesis."""


AXES = {
    "examples": Growing("pairs to classify, 2 languages", (20, 200, 400, 800, 1600)),
    "length": Growing("tokens a sentence, mean", (4, 16, 64, 128, 256), total=64),
    "languages": Growing("languages of the same number of pairs", (1, 2, 4, 8, 15), total=600),
    "retrieval": Growing("pairs of sentences to retrieve", (10, 250, 500, 1000, 2000)),
    "mining": Growing("sentences of either pool, their vectors kept", (100, 4000, 8000, 16000, 32000)),
}
"""``length`` is given in words and reported in tokens. What is measured of mining is the search: a run before, which is
not measured, leaves the sentence vectors."""
TINY = {
    "examples": Growing("pairs", (2, 6)),
    "length": Growing("tokens", (4, 16), total=3),
    "languages": Growing("languages", (1, 2), total=4),
    "retrieval": Growing("pairs", (2, 6)),
    "mining": Growing("sentences", (8, 30)),
}


def scaled(share: float) -> dict[str, Growing]:
    """All directions with this share of the examples; lengths and languages stay."""

    def part(count: int) -> int:
        return max(round(count * share), 1)

    return {
        axis: replace(growing, total=part(growing.total))
        if growing.total
        else replace(growing, sizes=(growing.sizes[0], *(part(size) for size in growing.sizes[1:])))
        for axis, growing in AXES.items()
    }


@dataclass(frozen=True)
class Workload:
    """One size of one direction: the command that does it, and what is in it.

    The last word of the command is where its results go; ``continues`` if what another run left there is made use of.
    """

    axis: str
    size: float
    command: list[str]
    work: Work
    continues: bool = False


class Workloads:
    """Writes data under ``folder``, and makes the commands that work on them."""

    def __init__(self, folder: Path, model: Path, seed: int = 0) -> None:
        from transformers import AutoTokenizer

        self.folder, self.model = folder, model
        self.tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(model)
        self.encoder = Encoder.of(model)
        self.rng = np.random.default_rng(seed)
        write_sample_corpus(folder / "sample", size="tiny")
        text = (folder / "sample" / "text" / "en.txt").read_text(encoding="utf-8")
        self.vocabulary = sorted(set(re.findall(r"\w+", text)))
        self.head = with_head(folder, model, "classification")

    def of(self, axes: Mapping[str, Growing]) -> Iterator[Workload]:
        """The workloads of these directions, smallest first."""
        for axis, growing in axes.items():
            make: Callable[[str, int, int], Workload] = getattr(self, f"_{axis}")
            for size in growing.sizes:
                yield make(axis, size, growing.total)

    def _examples(self, axis: str, size: int, total: int) -> Workload:
        return self._classification(axis, size, 2, size)

    def _languages(self, axis: str, size: int, total: int) -> Workload:
        return self._classification(axis, total, size, size)

    def _classification(self, axis: str, pairs: int, languages: int, size: int) -> Workload:
        codes = XNLI[:languages]
        counts = [pairs // languages + (place < pairs % languages) for place in range(languages)]
        labels = ("entailment", "neutral", "contradiction")
        left, right = self._texts(pairs, WORDS), self._texts(pairs, WORDS)
        rows = iter({"a": a, "b": b, "label": labels[i % 3]} for i, (a, b) in enumerate(zip(left, right, strict=True)))
        data = self._place(axis, size) / "data"
        write_xnli(data, {code: [next(rows) for _ in range(count)] for code, count in zip(codes, counts, strict=True)})
        words = ["eval", "--task", f"xnli[{','.join(codes)}]", "--train", "never"]
        command = self._command([*words, "--data-dir", str(data)], self.head, axis, size)
        return Workload(axis, size, command, self._work(self._lengths(left, right), units=languages))

    def _length(self, axis: str, size: int, total: int) -> Workload:
        found = self._pairs(axis, total, size)
        return replace(found, size=found.work.tokens / found.work.examples)

    def _retrieval(self, axis: str, size: int, total: int) -> Workload:
        return self._pairs(axis, size, WORDS)

    def _pairs(self, axis: str, pairs: int, words: int) -> Workload:
        import pyarrow as pa
        import pyarrow.parquet as pq

        foreign, english = self._texts(pairs, words), self._texts(pairs, words)
        size = pairs if axis == "retrieval" else words
        data = self._place(axis, size) / "data"
        folder = data / "google" / "xtreme" / "tatoeba.deu"
        folder.mkdir(parents=True)
        rows = [
            {"source_sentence": left, "target_sentence": right, "source_lang": "deu", "target_lang": "eng"}
            for left, right in zip(foreign, english, strict=True)
        ]
        pq.write_table(pa.Table.from_pylist(rows), folder / "validation-00000-of-00001.parquet")
        layer = ["--layer", str(self.encoder.layers)]
        command = ["eval", "--task", "tatoeba[de]", "--train", "never", *layer, "--data-dir", str(data)]
        work = self._work(self._lengths([*foreign, *english]), units=1)
        return Workload(
            axis, size, self._command(command, self.model, axis, size), replace(work, foreign=pairs, english=pairs)
        )

    def _mining(self, axis: str, size: int, total: int) -> Workload:
        place = self._place(axis, size)
        files: list[str] = []
        for side in ("source", "target"):
            text = "\n".join(self._texts(size, FEW_WORDS))
            (place / f"{side}.txt").write_text(text + "\n", encoding="utf-8")
            files += [f"--{side}", str(place / f"{side}.txt")]
        command = self._command(["mine", *files, "--layer", "1"], self.model, axis, size)
        return Workload(axis, size, command, Work(self.encoder, foreign=size, english=size), continues=True)

    def _place(self, axis: str, size: int) -> Path:
        folder = self.folder / f"{axis}-{size}"
        folder.mkdir()
        return folder

    def _command(self, words: Sequence[str], model: Path, axis: str, size: int) -> list[str]:
        name = "pairs.tsv" if words[0] == "mine" else "out"
        common = ["--model", str(model), "--offline", "--device", "cpu", "--dtype", "fp32"]
        out = str(self.folder / f"{axis}-{size}" / name)
        return [sys.executable, "-m", "harness.cli", *words, *common, "--out", out]

    def _texts(self, count: int, words: int) -> list[str]:
        drawn = self.rng.choice(self.vocabulary, (count, words))
        return [" ".join(row) for row in drawn.tolist()]

    def _lengths(self, left: list[str], right: list[str] | None = None) -> np.ndarray:
        ids = self.tokenizer(left, right, truncation=True, max_length=LIMIT)["input_ids"]
        return np.array([len(row) for row in ids], np.int64)

    def _work(self, lengths: np.ndarray, units: int) -> Work:
        return Work(self.encoder, units, len(lengths), int(lengths.sum()), int((lengths**2).sum()))
