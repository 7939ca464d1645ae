"""Runs of the harness as a user starts them, by the words of the command line."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from harness import HarnessError, load
from harness.cli.main import main as harness
from harness.run import Run


def evaluated(words: Sequence[str], folder: Path) -> Run:
    """The run in the folder, after ``harness eval ...`` (``words``) has done what it lacks; missing languages are no error.

    HarnessError for any other exit code, with the command.
    """
    command = [*words, "--offline", "--out", str(folder)]
    code = harness(command)
    if code not in (0, 6):
        raise HarnessError(f"exit code {code} from: harness {shlex.join(command)}")
    return load(folder)
