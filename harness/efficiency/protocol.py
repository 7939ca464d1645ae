"""Protocol of a measurement: how many calls, for how long, in which order, at which batch sizes and lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.core.errors import UsageError

BLOCK = 50
"""Calls of a model before it is another one's turn."""
WARM_UP = 20
"""Calls of a model at the start of each session whose times are not kept."""
NATURAL = "natural"
"""The length of rows that are padded to the longest one of their batch."""
LEAST_EXAMPLES = 20
"""Examples a language in the sample."""
REPORT_SECONDS = 600.0
"""Seconds of a measurement that is to be published, as in MLPerf Inference's rules."""


@dataclass(frozen=True)
class Protocol:
    """Decides how a measurement goes.

    A model makes at least ``calls`` calls at batch 1 that take at least ``seconds`` seconds, over all ``sessions`` together.
    Its throughput, over all batch sizes and lengths together, takes as long again. ``lengths`` are numbers of tokens, or
    :data:`NATURAL`. ``seed`` draws the sample and the order of the models. Of an even number of sessions, each of two models
    begins half.
    """

    calls: int = 200
    seconds: float = 10.0
    sessions: int = 6
    batch_sizes: tuple[int, ...] = (8, 32, 128)
    lengths: tuple[int | str, ...] = (NATURAL, 128, 384)
    seed: int = 0
    block: int = BLOCK
    warm_up: int = WARM_UP

    @property
    def calls_a_session(self) -> int:
        """The share of a session in the calls, rounded up."""
        return -(-self.calls // self.sessions)

    @property
    def seconds_a_session(self) -> float:
        """The share of a session in the seconds."""
        return self.seconds / self.sessions

    @property
    def seconds_a_cell(self) -> float:
        """The share of each batch size at each length in the seconds, over all sessions."""
        return self.seconds / max(len(self.cells), 1)

    @property
    def cells(self) -> tuple[tuple[int, int | str], ...]:
        """Each batch size at each length."""
        return tuple((size, length) for length in self.lengths for size in self.batch_sizes)

    @property
    def of_report(self) -> bool:
        """Tells whether it is as long as a published measurement should be."""
        return self.seconds >= REPORT_SECONDS

    def examples(self, languages: int) -> int:
        """Examples of each language in a sample that fills the largest batch."""
        return max(LEAST_EXAMPLES, -(-max(self.batch_sizes, default=1) // max(languages, 1)))


def parse_batch_sizes(names: Sequence[str]) -> tuple[int, ...]:
    """``("8", "32")`` as numbers; ``("none",)`` is none. UsageError for anything else."""
    if tuple(names) == ("none",):
        return ()
    return tuple(_whole("--batch-sizes", name, "numbers of examples between commas, or none") for name in names)


def parse_lengths(names: Sequence[str]) -> tuple[int | str, ...]:
    """``("natural", "128")`` as words and numbers. UsageError for anything else."""
    wanted = f"{NATURAL} and numbers of tokens between commas"
    return tuple(name if name == NATURAL else _whole("--lengths", name, wanted) for name in names)


def _whole(option: str, name: str, wanted: str) -> int:
    if not (name.isascii() and name.isdecimal() and int(name) > 0):
        raise UsageError(f"{option}: {name!r}: {wanted} expected")
    return int(name)
