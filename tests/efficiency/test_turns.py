"""Turns of made models, whose calls take no time of their own."""

from __future__ import annotations

import gc

import pytest

import harness.efficiency.turns
from harness.efficiency.protocol import Protocol
from harness.efficiency.turns import Call, Turns, order, paired


class Made:
    """A model whose calls are said to take so many seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.numbers: list[int] = []
        self.collecting: set[bool] = set()

    def __call__(self, number: int) -> Call:
        self.numbers.append(number)
        self.collecting.add(gc.isenabled())
        return Call(self.seconds, self.seconds / 2)


def test_models_alternate_in_blocks_in_an_order_that_the_seed_draws() -> None:
    def sequence(seed: int) -> list[int]:
        turns = Turns([Made(0.01), Made(0.01), Made(0.01)], Protocol(200, 1.0, 2, seed=seed)).run()
        return [block.model for block in turns.blocks]

    first = sequence(0)
    assert first == sequence(0) != sequence(1)
    rounds = [first[start : start + 3] for start in range(0, len(first), 3)]
    assert all(sorted(each) == [0, 1, 2] for each in rounds)
    assert {tuple(order(3, 0, number)) for number in range(40)} == {
        (0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)
    }  # fmt: skip


def test_each_of_two_models_goes_first_as_often() -> None:
    assert [order(2, 7, number) for number in range(0, 40, 2)] == [order(2, 7, n)[::-1] for n in range(1, 40, 2)]
    turns = Turns([Made(0.01), Made(0.01)], Protocol(200, 0.0)).run()
    first = [block.model for block in turns.blocks[::2]]
    assert len(first) == 6 and sum(first) == 3


def test_sessions_go_on_until_there_are_enough_calls_and_seconds() -> None:
    enough_calls = Turns([Made(1.0)], Protocol(200, 1.0, 2)).run()
    assert [block.session for block in enough_calls.blocks] == [0, 0, 1, 1]
    assert all(len(block.calls) == 50 for block in enough_calls.blocks)
    enough_seconds = Turns([Made(0.01)], Protocol(1, 4.0, 2)).run()
    assert sum(sum(block.total) for block in enough_seconds.blocks) == pytest.approx(4.0)
    assert len(enough_seconds.sessions) == 2


def test_a_slow_model_leaves_the_rounds_when_it_has_enough_and_pairs_are_of_common_rounds() -> None:
    turns = Turns([Made(1 / 1024), Made(0.125)], Protocol(100, 5_000 / 1024, 2)).run()
    counts = [sum(block.model == index for block in turns.blocks) for index in (0, 1)]
    assert counts == [100, 2]
    pairs = list(paired(turns.blocks, 1, 0))
    assert [(one.model, other.model, one.round == other.round) for one, other in pairs] == [(1, 0, True)] * 2


def test_warm_up_is_not_kept_and_all_models_read_the_same_texts() -> None:
    one, other = Made(0.01), Made(0.01)
    turns = Turns([one, other], Protocol(100, 0.0, 1)).run()
    assert one.numbers[:20] == list(range(20)) and one.numbers == other.numbers
    assert sum(len(block.calls) for block in turns.blocks if block.model == 0) == len(one.numbers) - 20
    assert one.numbers[20:] == list(range(100))


def test_garbage_is_not_collected_while_the_clock_runs() -> None:
    model = Made(0.01)
    Turns([model], Protocol(50, 0.0, 1)).run()
    assert model.collecting == {False} and gc.isenabled()


def test_sessions_on_a_machine_with_more_processes_than_cores_are_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = iter([0.5, 1.0, 0.5, 2.1, 7.0, 0.1])
    monkeypatch.setattr(harness.efficiency.turns, "load_average", lambda: next(loads))
    monkeypatch.setattr(harness.efficiency.turns, "cores", lambda: 2)
    turns = Turns([Made(0.01)], Protocol(50, 0.0, 3)).run()
    assert [state.busy for state in turns.sessions] == [False, True, True]


class Counter:
    """A meter that counts 3 joules more at each reading."""

    kind = "rapl"
    read = 0.0

    def joules(self) -> float:
        self.read += 3
        return self.read


def test_energy_is_read_before_and_after_each_block() -> None:
    turns = Turns([Made(0.01)], Protocol(100, 0.0, 1), Counter()).run()
    assert [block.joules for block in turns.blocks] == [3, 3]
    assert Turns([Made(0.01)], Protocol(50, 0.0, 1)).run().blocks[0].joules is None
