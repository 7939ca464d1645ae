"""Signals: raised where they arrive, held back for a step, and left alone where something else decided so."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from harness.core.interruption import (
    NEXT_TURN,
    SIGNALS,
    Interrupted,
    held_back,
    in_turns,
    saying,
    stopped_by_signals,
)


@pytest.fixture(autouse=True)
def own_handlers() -> Iterator[None]:
    """The tests send themselves signals, which the runner may have switched off."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def send(number: int) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", SIGNALS)
def test_every_signal_is_raised_as_an_interruption_with_its_exit_code(number: int) -> None:
    with pytest.raises(Interrupted) as stop, stopped_by_signals():
        send(number)
    assert stop.value.exit_code == (NEXT_TURN if number == signal.SIGUSR1 else 128 + number)
    assert isinstance(stop.value, KeyboardInterrupt)


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with stopped_by_signals(), held_back():
        pass
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as under nohup
    with stopped_by_signals(), held_back() as signalled:
        send(signal.SIGHUP)
        assert signalled() == 0


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_held_back_and_the_second_is_not(number: int) -> None:
    with stopped_by_signals(), held_back() as signalled:
        assert signalled() == 0
        send(number)
        assert signalled() == number
        with pytest.raises(Interrupted):
            send(signal.SIGTERM)


def test_a_library_call_holds_back_ctrl_c_alone() -> None:
    with held_back() as signalled:
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        send(signal.SIGINT)
        assert signalled() == signal.SIGINT


def test_another_thread_handles_no_signals() -> None:
    found: list[Any] = []

    def work() -> None:
        with stopped_by_signals(), held_back() as signalled:
            found.append((signal.getsignal(signal.SIGTERM), signalled()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [(signal.SIG_DFL, 0)]


def test_words_are_added_once_and_the_signal_is_kept() -> None:
    with pytest.raises(Interrupted, match=r"^inner$") as stop, saying(lambda: "outer"), saying(lambda: "inner"):
        raise Interrupted(number=signal.SIGTERM)
    assert stop.value.exit_code == 143
    with pytest.raises(Interrupted, match="kept") as stop, saying(lambda: "kept"):
        raise KeyboardInterrupt
    assert stop.value.exit_code == 130


@pytest.mark.parametrize("number", SIGNALS)
def test_a_turn_ends_with_the_code_of_the_next_one_but_for_ctrl_c(number: int) -> None:
    with (
        pytest.raises(KeyboardInterrupt, match="kept") as stop,
        stopped_by_signals(),
        in_turns(),
        saying(lambda: "kept"),
    ):
        send(number)
    assert getattr(stop.value, "exit_code", None) == (130 if number == signal.SIGINT else 75)


def test_a_turn_stops_itself_after_its_time_and_not_later() -> None:
    with pytest.raises(Interrupted) as stop, stopped_by_signals(), in_turns(0.01):
        signal.pause()
    assert stop.value.exit_code == 75
    with stopped_by_signals(), in_turns(0.05):
        pass
    threading.Event().wait(0.1)  # a timer that were still running would end this process
