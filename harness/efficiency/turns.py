"""Turns of models that are measured side by side: blocks of calls in an order drawn by a seed, in several sessions.

Whatever slows the machine down for a while slows all of them down. The garbage collector is off while the clock runs.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import numpy as np

from harness.efficiency.energy import Meter, NoMeter
from harness.efficiency.machine import SessionState, clock_mhz, cores, load_average
from harness.efficiency.protocol import Protocol


@dataclass(frozen=True)
class Call:
    """Seconds of one call: all of it, from texts to predictions, and the forward pass in it."""

    total: float
    forward: float


@dataclass(frozen=True)
class Block:
    """Calls of a model that followed one another; ``round`` counts through the sessions, ``joules`` None if unknown."""

    model: int
    session: int
    round: int
    calls: tuple[Call, ...]
    joules: float | None = None

    @property
    def total(self) -> list[float]:
        """Seconds of each call."""
        return [call.total for call in self.calls]

    @property
    def forward(self) -> list[float]:
        """Seconds of each forward pass."""
        return [call.forward for call in self.calls]


@dataclass
class Turns:
    """Takes turns. A model is a function that makes the call of a number and says its seconds.

    ``around`` is the context of a whole session, ``said`` is told how far it is.
    """

    models: Sequence[Callable[[int], Call]]
    protocol: Protocol
    meter: Meter = field(default_factory=NoMeter)
    around: Callable[[], AbstractContextManager[object]] = nullcontext
    said: Callable[[str], None] = lambda text: None
    after: Callable[[int], None] = lambda session: None
    blocks: list[Block] = field(default_factory=list)
    sessions: list[SessionState] = field(default_factory=list)

    def run(self) -> Turns:
        """Runs all sessions; ``after`` is called at the end of each, within it."""
        rounds = 0
        for session in range(self.protocol.sessions):
            self.said(f"session {session + 1} of {self.protocol.sessions}")
            before = load_average()
            with self.around(), no_garbage_collection():
                for index in order(len(self.models), self.protocol.seed, rounds):
                    for number in range(self.protocol.warm_up):
                        self.models[index](number)
                rounds = self._session(session, rounds)
                self.after(session)
            self.sessions.append(SessionState(before, load_average(), cores(), clock_mhz()))
        return self

    def _session(self, session: int, first: int) -> int:
        """Rounds until each model has its calls and seconds; returns the number of the next round."""
        protocol, current = self.protocol, first
        calls, seconds = [0] * len(self.models), [0.0] * len(self.models)
        while active := [
            index
            for index in range(len(self.models))
            if calls[index] < protocol.calls_a_session or seconds[index] < protocol.seconds_a_session
        ]:
            for index in order(len(self.models), protocol.seed, current):
                if index in active:
                    block = self._block(index, session, current)
                    calls[index] += len(block.calls)
                    seconds[index] += sum(block.total)
            current += 1
        return current

    def _block(self, index: int, session: int, current: int) -> Block:
        size = self.protocol.block
        start = current * size
        before = self.meter.joules()
        made = tuple(self.models[index](start + number) for number in range(size))
        block = Block(index, session, current, made, since(self.meter, before))
        self.blocks.append(block)
        return block


def order(models: int, seed: int, current: int) -> list[int]:
    """The order of the models in a round: drawn for two rounds, in the second of which it is turned round.

    The first one of a round is slower on some machines, so that each of two models has to go first as often.
    """
    drawn: list[int] = np.random.default_rng([seed, current // 2]).permutation(models).tolist()
    return drawn[::-1] if current % 2 else drawn


def since(meter: Meter, before: float | None) -> float | None:
    """Joules since an earlier reading; None where there is no meter."""
    now = meter.joules()
    return None if now is None or before is None else now - before


def paired(blocks: Sequence[Block], one: int, other: int) -> Iterator[tuple[Block, Block]]:
    """The blocks of two models in the rounds that both were in."""
    of_other = {block.round: block for block in blocks if block.model == other}
    for block in blocks:
        if block.model == one and block.round in of_other:
            yield block, of_other[block.round]


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Collects garbage, then leaves it until the end."""
    was = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
