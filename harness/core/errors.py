"""The errors a user can meet: one tree, each with its exit code and what to do next.

Library code raises; only the command line prints and exits. Codes: 0 done, 1 internal error, 2 usage, 3 plugin,
4 data, 5 model, 6 finished with failed units; 75 to be started again, 129, 130 and 143 stopped by a signal
(:mod:`harness.core.interruption`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from harness.core.interruption import NEXT_TURN


class HarnessError(Exception):
    """An error with a message for the user, an exit code, and a hint saying what to do next.

    The hint is a note of the exception as well, so that Python shows it below the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        if hint:
            self.add_note(f"hint: {hint}")


class UsageError(HarnessError):
    """A wrong option, name or value."""

    exit_code = 2


class TooLongForModel(UsageError):
    """Rows longer than the model takes. It concerns the tasks that ask for them, and no others of a run."""


class PluginError(HarnessError):
    """A plugin that is broken, refused, or provides something invalid."""

    exit_code = 3


class DataError(HarnessError):
    """A data, prediction or label file that is missing, truncated or malformed."""

    exit_code = 4


class ModelError(HarnessError):
    """A model that cannot be found, loaded or used for what was asked."""

    exit_code = 5


class UnitsFailed(HarnessError):
    """The run finished, but some of its units have no score."""

    exit_code = 6


class ClaimLost(HarnessError):
    """The claim on what is being worked on belongs to another process now, so that nothing more may be written.

    The same command goes on.
    """

    exit_code = NEXT_TURN


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A hint such as "did you mean 'xnli'?", or the known names where none is near, or ""."""
    known = sorted(set(known))
    near = difflib.get_close_matches(name.lower(), [k.lower() for k in known], n=3, cutoff=0.6)
    original = {k.lower(): k for k in known}
    if near:
        return "did you mean " + " or ".join(repr(original[n]) for n in near) + "?"
    if known:
        shown = ", ".join(known[:30]) + (", ..." if len(known) > 30 else "")
        return f"known: {shown}"
    return ""


def check_choice(option: str, value: str, choices: Sequence[str]) -> None:
    """UsageError where the value of an option is none of its choices."""
    if value not in choices:
        raise UsageError(f"option {option}: unknown value {value!r}", hint=did_you_mean(value, choices))
