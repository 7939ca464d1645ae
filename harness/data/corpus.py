"""Running text that stays on disk: any line of a file of any size, with an index of a four hundredth of its size."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from harness.core.errors import DataError
from harness.core.lookup import LookedUp
from harness.data.store import ExampleStore
from harness.types.examples import Text

BLOCK = 8_192
"""Bytes that the index counts as one, and that are read to get at a line."""
LONGEST = 1_024
"""Bytes of a line that make one example; a longer line (a document) becomes several."""
HELD_OUT = 100
"""One in this many examples of a file is held out for dev."""
MOST_HELD_OUT = 1_000
"""Examples of a file that are held out at most: then all of the rest is trained on."""


def pieces(block: bytes) -> list[bytes]:
    """The examples in a block: its lines that are not blank, those over :data:`LONGEST` bytes cut at a space near there.

    White space at either end is stripped. Without a space a line is cut between two characters.
    """
    lines = block.split(b"\n")
    if max(map(len, lines)) > LONGEST:
        lines = [piece for line in lines for piece in _short(line)]
    return [piece for line in lines if (piece := line.strip())]


def _short(line: bytes) -> Iterator[bytes]:
    start = 0
    while len(line) - start > LONGEST:
        end = _cut(line, start, start + LONGEST)
        yield line[start:end]
        start = end
    yield line[start:]


def _cut(data: bytes, start: int, end: int) -> int:
    """Finds where to cut at or before ``end``: after a space in the second half, else between two characters of UTF-8."""
    space = data.rfind(b" ", (start + end) // 2, end)
    if space > 0:
        return space + 1
    for at in range(end, max(end - 4, start), -1):
        if data[at] & 0xC0 != 0x80:
            return at
    return end


class TextFile(LookedUp[Text]):
    """The examples of a plain text file (UTF-8), a sentence or a document a line; ``name`` is the start of their ids.

    The file is read through once, to index and to fingerprint it: 20 bytes are kept for 8 KiB, four of them a checksum.
    Raises DataError for what is not UTF-8, naming the line, for a file without any text, and later for a block that has
    changed since.
    """

    def __init__(self, path: Path, name: str = "") -> None:
        self.path = path
        self.name = name or path.stem
        starts, before, sums = array("q"), array("q", [0]), array("I")
        digest = blake2b(digest_size=16)
        lines = 0
        with path.open("rb") as file:
            at = 3 if file.read(3) == b"\xef\xbb\xbf" else 0
            while block := self._block(file, at):
                digest.update(block)
                self._check(block, lines)
                starts.append(at)
                sums.append(crc32(block))
                before.append(before[-1] + len(pieces(block)))
                lines += block.count(b"\n")
                at += len(block)
        self.fingerprint = digest.hexdigest()
        starts.append(at)
        self._starts, self._before, self._sums = starts, before, sums
        if not len(self):
            raise DataError(f"{path}: no text in it", hint="a sentence or a document a line, in UTF-8, was expected")

    @staticmethod
    def _block(file: BinaryIO, at: int) -> bytes:
        file.seek(at)
        block = file.read(BLOCK + 1)
        if len(block) <= BLOCK:
            return block
        end = block.rfind(b"\n", 0, BLOCK) + 1
        return block[: end or _cut(block, 0, BLOCK)]

    def _check(self, block: bytes, lines: int) -> None:
        try:
            block.decode("utf-8")
        except UnicodeDecodeError as error:
            number = lines + block.count(b"\n", 0, error.start) + 1
            raise DataError(f"{self.path}:{number}: not UTF-8 ({error.reason})") from error

    def __len__(self) -> int:
        return self._before[-1]

    def _item(self, index: int) -> Text:
        block = bisect_right(self._before, index) - 1
        start, end = self._starts[block : block + 2]
        with self.path.open("rb") as file:
            file.seek(start)
            data = file.read(end - start)
        if crc32(data) != self._sums[block]:
            raise DataError(f"{self.path}: the file has changed since it was opened", hint="start again")
        return Text(f"{self.name}:{index}", pieces(data)[index - self._before[block]].decode("utf-8"))


@dataclass(frozen=True)
class Slice(LookedUp[Text]):
    """Every example of ``file`` but the held-out ones, or (``held_out``) only these: one in :data:`HELD_OUT`."""

    file: TextFile
    held_out: bool

    @property
    def name(self) -> str:
        """The file's name."""
        return self.file.name

    @property
    def fingerprint(self) -> str:
        """That of the file, and which side of it this is."""
        return f"{self.file.fingerprint}-{'dev' if self.held_out else 'train'}"

    @property
    def _out(self) -> int:
        return min(len(self.file) // HELD_OUT, MOST_HELD_OUT)

    def __len__(self) -> int:
        return self._out if self.held_out else len(self.file) - self._out

    def _item(self, index: int) -> Text:
        if self.held_out:
            return self.file[(index + 1) * HELD_OUT - 1]
        return self.file[index + min(index // (HELD_OUT - 1), self._out)]


class Corpus(LookedUp[Text], ExampleStore):
    """Text in several languages: ``parts`` has one sequence a language, and the whole is one after the other."""

    def __init__(self, parts: Sequence[Sequence[Text]], names: Sequence[str], fingerprint: str) -> None:
        self.parts = tuple(parts)
        self.names = tuple(names)
        self._fingerprint = fingerprint
        self._ends = list(accumulate(map(len, self.parts)))

    @property
    def fingerprint(self) -> str:
        """A digest of the files' names and bytes."""
        return self._fingerprint

    @classmethod
    def of(cls, files: Sequence[TextFile | Slice]) -> Corpus:
        """One part a file."""
        digest = blake2b(digest_size=16)
        for file in files:
            digest.update(f"{file.name} {file.fingerprint}\n".encode())
        return cls(files, [file.name for file in files], digest.hexdigest())

    @classmethod
    def joined(cls, corpora: Sequence[Corpus]) -> Corpus:
        """The parts of all of them."""
        if len(corpora) == 1:
            return corpora[0]
        content = blake2b(" ".join(corpus.fingerprint for corpus in corpora).encode(), digest_size=16).hexdigest()
        names = [name for corpus in corpora for name in corpus.names]
        return cls([part for corpus in corpora for part in corpus.parts], names, content)

    def limited(self, limit: int) -> Corpus:
        """At most ``limit`` examples, the same number of each language if there are enough, evenly spread, in memory."""
        shares = _shares([len(part) for part in self.parts], limit)
        parts = [
            [part[i * len(part) // share] for i in range(share)] for part, share in zip(self.parts, shares, strict=True)
        ]
        content = blake2b(f"{self.fingerprint} {limit}".encode(), digest_size=16).hexdigest()
        return Corpus(parts, self.names, content)

    def chosen(self, indices: Sequence[int]) -> Corpus:
        """The examples at these indices, which are in order, in memory."""
        parts: list[list[Text]] = [[] for _ in self.parts]
        for index in indices:
            parts[self.part_of(index)].append(self[index])
        digest = blake2b(f"{self.fingerprint} of {len(self)}".encode(), digest_size=16)
        digest.update(array("q", indices).tobytes())
        return Corpus(parts, self.names, digest.hexdigest())

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def _item(self, index: int) -> Text:
        part = self.part_of(index)
        return self.parts[part][index - (self._ends[part - 1] if part else 0)]

    def part_of(self, index: int) -> int:
        """The part that an example is in."""
        return bisect_right(self._ends, index)

    def __iter__(self) -> Iterator[Text]:
        return (text for part in self.parts for text in part)


def _shares(sizes: Sequence[int], total: int) -> list[int]:
    """Numbers to take of each, as equal as the sizes allow."""
    shares = [0] * len(sizes)
    left = min(total, sum(sizes))
    for done, index in enumerate(sorted(range(len(sizes)), key=lambda index: sizes[index])):
        shares[index] = min(sizes[index], left // (len(sizes) - done))
        left -= shares[index]
    return shares


def text(*paths: Path) -> Corpus:
    """A plain text file per language (``sw.txt``), a sentence or a document a line, without the lines held out for dev."""
    return Corpus.of([Slice(_opened(path, path.stat().st_size, path.stat().st_mtime_ns), False) for path in paths])


def held_out_text(*paths: Path) -> Corpus:
    """Reads what :func:`text` leaves out: one example in a hundred of each file, at most 1,000."""
    return Corpus.of([Slice(_opened(path, path.stat().st_size, path.stat().st_mtime_ns), True) for path in paths])


@lru_cache(maxsize=128)
def _opened(path: Path, size: int, changed: int) -> TextFile:
    """The file, read through once although train and dev both need it."""
    return TextFile(path)
