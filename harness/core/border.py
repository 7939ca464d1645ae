"""Borders: any exception from files, libraries, the network or plugins becomes one documented error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.core.errors import DataError, HarnessError

PASSING = (HarnessError, KeyboardInterrupt, GeneratorExit)
"""Exceptions that cross a border as they are: documented errors, the user's Ctrl-C, the end of a generator."""


@contextmanager
def border(what: object, kind: type[HarnessError] = DataError, *, hint: str = "") -> Iterator[None]:
    """Turns any exception raised within into an error of this kind that begins with ``what``, such as the file's name.

    No list of types would do: a library may raise anything on its next bad input, and so may a plugin (SystemExit).
    """
    try:
        yield
    except PASSING:
        raise
    except BaseException as error:
        raise kind(f"{what}: {in_words(error)}", hint=hint) from error


def in_words(error: BaseException) -> str:
    """An error in one line: what the system says, or the type and the first line of the message."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
