"""The command ``harness`` as a separate process; ``python -m harness.cli`` is the same."""

from __future__ import annotations

import gc
import sys

NEW_OBJECTS = 50_000
"""New objects between looks for cycles, 700 by default: importing torch and transformers makes a million that stay."""


def look_seldom_for_cycles() -> None:
    """Saves the seconds that Python would spend on looking through all objects while libraries and data are loaded."""
    gc.set_threshold(NEW_OBJECTS, 50, 50)


def program() -> int:
    """Runs the command line; returns the exit code."""
    from harness.cli.main import main

    look_seldom_for_cycles()
    code = main()
    gc.freeze()  # the interpreter would look through all that was imported once more, only to end
    return code


if __name__ == "__main__":
    sys.exit(program())
