"""The command ``harness`` as a separate process; ``python -m harness.cli`` is the same."""

from __future__ import annotations

import gc
import sys

NEW_OBJECTS = 50_000
"""New objects between looks for cycles, 700 by default: importing torch and transformers makes a million that stay."""


def program() -> int:
    """Runs the command line without spending two seconds on cycles that importing left; returns the exit code."""
    from harness.cli.main import main

    gc.set_threshold(NEW_OBJECTS, 50, 50)
    code = main()
    gc.freeze()  # the interpreter would look through all that was imported once more, only to end
    return code


if __name__ == "__main__":
    sys.exit(program())
