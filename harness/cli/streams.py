"""Standard streams that no work is lost to: a reader that leaves, a full disk, a closed stream, a terminal set to ASCII."""

from __future__ import annotations

import codecs
import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

_PLAIN = {"±": "+-", "–": "-", "—": "-", "…": "...", "→": "->", "×": "x", "°": "o", "−": "-", "†": "+", "‡": "++"}
"""Replacements for signs of our tables that an encoding lacks."""


class Outlet(io.FileIO):
    """A file descriptor whose first error is kept in ``refused`` and not raised: what is written later goes nowhere."""

    refused: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Writes what can be written, and says that all of it was."""
        if self.refused is None:
            try:
                return super().write(data)
            except OSError as error:
                self.refused = error
        return memoryview(data).nbytes


@contextmanager
def lasting_streams() -> Iterator[list[Outlet]]:
    """Replaces stdout and stderr with such streams for a command; returns the streams that they write to.

    Streams that are no files (those of a test or a notebook) stay as they are.
    """
    _fill_closed()
    codecs.register_error("harness-plain", _plain)
    outlets: list[Outlet] = []
    with ExitStack() as stack:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:
                stream = stack.enter_context(Path(os.devnull).open("w", encoding="utf-8"))
                stack.callback(setattr, sys, name, None)
                setattr(sys, name, stream)
            elif type(stream) is io.TextIOWrapper and stream.name == f"<{name}>":
                stack.callback(setattr, sys, name, stream)
                stream.flush()
                outlet = Outlet(stream.fileno(), "wb", closefd=False)
                outlets.append(outlet)
                lasting = io.TextIOWrapper(
                    io.BufferedWriter(outlet),
                    encoding=stream.encoding,
                    errors="harness-plain",
                    line_buffering=stream.line_buffering or stream.write_through,  # what is not buffered stays so
                    write_through=stream.write_through,
                )
                stack.callback(lasting.flush)
                setattr(sys, name, lasting)
        yield outlets


def unread(outlets: list[Outlet]) -> OSError | None:
    """Reason why part of the output was not taken, or None; from then on nothing is written to that stream."""
    sys.stdout.flush()
    sys.stderr.flush()
    found = None
    for outlet in outlets:
        if outlet.refused is not None:
            found = found or outlet.refused
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, outlet.fileno())
            os.close(nowhere)
    return found


def _fill_closed() -> None:
    """Opens what the caller closed (``>&-``): the next file to be opened would take its number, and with it the output."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError as error:
            if error.errno == errno.EBADF:
                os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is this one


def _plain(error: UnicodeError) -> tuple[str, int]:
    """The error handler: plain signs for ours, escapes for everything else, so that nothing is lost."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    shown = (_PLAIN.get(sign) or sign.encode("unicode_escape", "surrogatepass").decode("ascii") for sign in lacking)
    return "".join(shown), error.end
