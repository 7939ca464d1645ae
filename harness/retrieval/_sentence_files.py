"""A user's own corpora: the text files that go in, and the pairs that come out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import DataError
from harness.core.files import read_text, write_atomic
from harness.retrieval.mining import Mined

_BREAKS = re.compile("[\t\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Characters that readers take for the end of a field or of a line; a line feed ends the sentence itself."""


@dataclass(frozen=True)
class SentenceFile:
    """The lines of a text file that are not blank, stripped, and the number of each in the file (from 1)."""

    path: Path
    sentences: Sequence[str]
    lines: Sequence[int]

    @classmethod
    def read(cls, path: Path) -> SentenceFile:
        """A UTF-8 file with a sentence a line; :class:`DataError` where it holds none."""
        numbered = [(number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), start=1)]
        kept = [(number, line) for number, line in numbered if line]
        if not kept:
            raise DataError(f"{path}: no sentence in it", hint="a sentence a line, UTF-8")
        return cls(path, [line for _, line in kept], [number for number, _ in kept])


def write_pairs(path: Path, mined: Mined, source: SentenceFile, target: SentenceFile) -> None:
    """Margin, both line numbers and both sentences of every pair, tab-separated under a header, best first."""
    rows = ["margin\tsource_line\ttarget_line\tsource\ttarget"]
    for left, right, margin in zip(mined.foreign.tolist(), mined.english.tolist(), mined.margins.tolist(), strict=True):
        texts = (_BREAKS.sub(" ", text) for text in (source.sentences[left], target.sentences[right]))
        rows.append("\t".join((f"{margin:.6f}", str(source.lines[left]), str(target.lines[right]), *texts)))
    write_atomic(path, "\n".join(rows) + "\n")
