"""Progress: rates, times left, the place among the stages; bars on a terminal and lines elsewhere."""

from __future__ import annotations

import io
import math
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.cli import progress
from harness.cli.progress import TerminalProgress
from harness.core.pace import Pace, duration
from harness.types.progress import ComingStage, JobCount


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def pace(total: int, done: int = 0) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(total, done, clock), clock


def test_the_rate_is_of_this_start_and_not_of_the_steps_before_it() -> None:
    found, clock = pace(100, done=40)
    assert found.rate is None and found.words("steps") == ""
    clock.now, found.done = 10.0, 60
    assert found.rate == 2.0 and found.left() == 20.0
    assert found.words("steps") == "2.0 steps/s, 20 s left"
    assert found.words("steps", further=800) == "2.0 steps/s, 20 s left, 7 min with the later stages"


def test_slow_steps_are_shown_as_seconds_a_step() -> None:
    found, clock = pace(80)
    clock.now, found.done = 40.0, 16
    assert found.words("steps") == "2.5 s a step, 3 min left"


@given(st.floats(0, 1e7))
def test_durations_have_two_units_at_most_and_never_sixty_of_one(seconds: float) -> None:
    words = duration(seconds).split()
    assert len(words) in (2, 4)
    limits = {"s": 60, "min": 60, "h": 24, "d": 10**6}
    assert all(int(number) < limits[unit] for number, unit in zip(words[::2], words[1::2], strict=True))


def shown(capfd: pytest.CaptureFixture[str]) -> list[str]:
    return capfd.readouterr().err.splitlines()


def test_the_stages_and_the_place_among_them_are_told(capfd: pytest.CaptureFixture[str]) -> None:
    with TerminalProgress() as listener:
        listener.stages([ComingStage("mnli", 100), ComingStage("xnli", 200), ComingStage("panx", 50)])
        for name in ("mnli", "panx"):  # another process trained xnli
            tell = listener.training(name)
            tell(0, 100, math.nan)
            tell(100, 100, 0.5)
    assert shown(capfd) == [
        "3 stages to train, about 350 steps: mnli, xnli, panx",
        "training on mnli (stage 1 of 3)",
        "trained on mnli: 100 steps, loss 0.500",
        "training on panx (stage 3 of 3)",
        "trained on panx: 100 steps, loss 0.500",
    ]


def test_without_a_terminal_long_work_says_once_a_minute_how_far_it_is(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", clock)
    monkeypatch.setattr(Pace, "clock", staticmethod(clock))
    with TerminalProgress() as listener:
        listener.stages([ComingStage("mnli", 1000)])
        tell = listener.training("mnli")
        for step in range(0, 141, 20):
            clock.now = float(step)
            tell(step, 1000, math.nan if step % 40 else 0.7)
        with listener.predicting("xnli", 500) as advance:
            clock.now += 61
            advance(200)
    lines = shown(capfd)
    assert lines[0] == "training on mnli"
    assert [line.split(":")[0] for line in lines[1:]] == ["train mnli", "train mnli", "predict xnli"]
    assert lines[1].startswith("train mnli: 60 of 1,000 steps, loss 0.700")
    assert lines[3].startswith("predict xnli: 200 of 500 examples")


def test_a_terminal_shows_the_first_step_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with TerminalProgress() as listener:
        tell = listener.training("xnli")
        tell(0, 80, math.nan)
        listener._progress.refresh()
    assert "0/80" in terminal.getvalue()


def test_a_terminal_shows_how_many_jobs_of_a_study_are_done_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    written = Terminal()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setenv("COLUMNS", "120")
    with TerminalProgress() as listener:
        listener.jobs(JobCount(24))
        listener.jobs(JobCount(24, done=6, failed=1, running=2, left=720.0))
        listener._progress.refresh()
    assert "7/24" in written.getvalue() and "2 running, 1 failed, 12 min left" in written.getvalue()
    assert JobCount(3, done=3, left=0.0).words == "" and JobCount(3, failed=3).words == "3 failed"
