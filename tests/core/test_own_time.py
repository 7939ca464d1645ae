"""A clock that stands still while other processes have the processor."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.core import own_time
from harness.core.own_time import own_seconds

BUSY = "import time\nwhile True: time.process_time()"


def test_it_goes_on_while_nothing_is_computed() -> None:
    began = own_seconds()
    time.sleep(0.3)
    assert own_seconds() - began > 0.25


@pytest.mark.skipif(not own_time._SCHEDULED.exists(), reason="this system does not count what a thread waits for")
def test_it_stands_still_while_others_compute() -> None:
    """Five processes share one processor: of the time on the clock, each waits for most."""
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(processors)})
    others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(4)]
    try:
        time.sleep(0.5)
        clock, own, computed = time.perf_counter(), own_seconds(), time.thread_time()
        while time.thread_time() - computed < 0.2:
            pass
        assert own_seconds() - own < 0.6 * (time.perf_counter() - clock)
    finally:
        for other in others:
            other.kill()
            other.wait()
        os.sched_setaffinity(0, processors)


@pytest.mark.parametrize("text", [None, "", "no number", "1"])
def test_it_is_the_plain_clock_where_waiting_is_not_counted(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "schedstat"
    if text is not None:
        file.write_text(text)
    monkeypatch.setattr(own_time, "_SCHEDULED", file)
    before = time.perf_counter()
    assert before <= own_seconds() <= time.perf_counter()
