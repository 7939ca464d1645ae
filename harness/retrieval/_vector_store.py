"""Sentence vectors that are kept, each block of them with a checksum that is verified whenever they are used.

A file of vectors belongs to one text under one identity, and is named after both. It has no header, and nothing in it is
rewritten: every row is at its final place, and a journal next to it certifies them, a line a block::

    0 512 384 6f1ed002ab5595859014ebf0951522d9

first row, rows, width, and a hash of these and of the bytes, keyed with text and identity. So a line of another text or
model, or one whose bytes have changed, certifies nothing; and rows that nothing certifies are embedded again.
"""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.core.arrays import Vectors
from harness.core.claims import Claims, confirm_claims
from harness.core.files import disk_errors, write_atomic
from harness.core.scratch import gone_if_unused
from harness.core.turns import in_turn
from harness.types.defaults import CPU_BATCH_TOKENS

log = logging.getLogger(__name__)

LAYOUT = "vectors/2"
"""Part of every key: to be changed with the layout, and with what the same identity makes of the same text."""
_NOT_LOST = "check the disk and the folder; what was embedded so far is not lost"
CHARACTERS_A_TOKEN = 4
AROUND = 8
"""Characters that a sentence counts beyond its own, for its special tokens and its vector."""


def stored_vectors(
    embed: Callable[[Sequence[str]], Vectors],
    sentences: Sequence[str],
    folder: Path,
    name: str,
    identity: str,
    *,
    block: int,
    tell: Callable[[int], None] = lambda rows: None,
) -> Vectors:
    """The vectors float32 (n, d) of n sentences, mapped into memory from a file; changes to them are not written.

    ``embed`` gives the vectors of some sentences, of about ``block`` characters; ``identity`` says what decides them
    besides the text. They are kept in ``folder``, in one file for each text and identity, whose name begins
    with ``name``. A stopped run continues after its last block, damaged blocks are embedded again, and while another
    process embeds the same, this one waits for it. ``tell`` is called with the number of sentences done, those of earlier runs
    included. DataError where the files cannot be written.
    """
    kept = _Kept(folder, name, _key(identity, sentences))
    sound = kept.sound(len(sentences))
    if sound.rows.all():
        tell(len(sentences))
    else:
        with gone_if_unused(folder), in_turn(Claims(folder / ".claims"), kept.file.name, str(kept.file)):
            sound = kept.mended(len(sentences))
            tell(int(sound.rows.sum()))
            for start, end in _blocks(sentences, block):
                if not sound.rows[start:end].all():
                    sound.width = kept.put(start, embed(sentences[start:end]))
                    sound.rows[start:end] = True
                    tell(int(sound.rows.sum()))
    # Copy on write, for torch takes no read-only arrays.
    return np.memmap(kept.file, np.float32, "c", shape=(len(sentences), sound.width))


def characters_at_a_time(device: str, batch_tokens: int) -> int:
    """A few batches, for each thread where several are computed at once: enough to keep a device busy.

    A stopped run loses one such block, seconds of work on a processor and on a GPU.
    """
    import torch

    at_once = (
        min(batch_tokens, CPU_BATCH_TOKENS) * torch.get_num_threads() if device.startswith("cpu") else batch_tokens
    )
    return (2 if device.startswith("cpu") else 8) * at_once * CHARACTERS_A_TOKEN


def _key(identity: str, sentences: Sequence[str]) -> bytes:
    digest = hashlib.sha256(f"{LAYOUT}\n{identity}\n".encode())
    for sentence in sentences:
        digest.update(sentence.encode() + b"\n")
    return digest.digest()


def _blocks(sentences: Sequence[str], characters: int) -> Iterator[tuple[int, int]]:
    """First row and end of each block, the same for the same text, regardless of what is done already."""
    ends = np.cumsum(np.fromiter((len(sentence) + AROUND for sentence in sentences), np.int64, len(sentences)))
    cuts = (np.flatnonzero(np.diff((ends - 1) // characters)) + 1).tolist()
    yield from zip([0, *cuts], [*cuts, len(sentences)], strict=True)


@dataclass
class _Sound:
    """Finds the valid rows, their width (0 where there is none), and the lines that certify them."""

    rows: NDArray[np.bool_]
    width: int
    lines: list[str]
    damaged: bool


class _Kept:
    """A file of vectors and its journal."""

    def __init__(self, folder: Path, name: str, key: bytes) -> None:
        self.file = folder / f"{name}-{key.hex()[:16]}.f32"
        self.journal = self.file.with_suffix(".journal")
        self.key = key

    def sound(self, rows: int) -> _Sound:
        """Reads how many rows the journal certifies."""
        sound = _Sound(np.zeros(rows, bool), 0, [], False)
        with disk_errors(self.file, hint=_NOT_LOST):
            journal = self.journal.read_bytes() if self.journal.exists() else b""
            for line in dict.fromkeys(journal.decode("ascii", "replace").splitlines()):
                start, count, width = _numbers(line)
                if start + count > rows or line != self._line(start, count, width, self._read(start, count, width)):
                    sound.damaged = True
                elif sound.width in (0, width):
                    sound.width = width
                    sound.rows[start : start + count] = True
                    sound.lines.append(line)
            # A last line without its end would run into the next one.
            sound.damaged |= bool(journal) and not journal.endswith(b"\n")
        return sound

    def _read(self, start: int, count: int, width: int) -> bytes:
        """The bytes of these rows; none where the file ends before."""
        begin, end = 4 * start * width, 4 * (start + count) * width
        if not self.file.exists() or end > self.file.stat().st_size:
            return b""
        with self.file.open("rb") as file:
            file.seek(begin)
            return file.read(end - begin)

    def _line(self, start: int, count: int, width: int, data: bytes) -> str:
        head = f"{start} {count} {width}"
        digest = hashlib.blake2b(f"{head}\n".encode(), key=self.key, digest_size=16)
        digest.update(data)
        return f"{head} {digest.hexdigest()}"

    def mended(self, rows: int) -> _Sound:
        """Keeps what is sound, with a journal of just that; one warning reports damage. Needs the claim."""
        sound = self.sound(rows)
        if sound.damaged:
            good = int(sound.rows.sum())
            log.warning(
                "%s: damaged: %d of %d vectors match their checksums, the others are embedded again",
                self.file,
                good,
                rows,
            )
            write_atomic(self.journal, "".join(f"{line}\n" for line in sound.lines))
        return sound

    def put(self, start: int, found: Vectors) -> int:
        """Writes vectors from a row on, then the line that certifies them; returns their width."""
        count, width = found.shape
        data = np.ascontiguousarray(found, np.float32).tobytes()
        # Written, not mapped: a full disk is an error here, and would kill the process there.
        _write(self.file, 4 * start * width, data)
        _write(self.journal, None, f"{self._line(start, count, width, data)}\n".encode())
        return int(width)


def _write(path: Path, at: int | None, data: bytes) -> None:
    """Writes at a place, or at the end; nothing else in the file changes. ClaimLost where another process is at it now."""
    confirm_claims()
    with (
        disk_errors(path, hint=_NOT_LOST),
        os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file,
    ):
        file.seek(*((0, os.SEEK_END) if at is None else (at,)))
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _numbers(line: str) -> tuple[int, int, int]:
    """First row, rows and width in a line; zeros where it is none."""
    numbers = line.split(" ")[:3]
    if len(numbers) == 3 and all(number.isdecimal() and len(number) < 16 for number in numbers):
        start, count, width = map(int, numbers)
        return start, count, width
    return 0, 0, 0
