"""The time that a plugin takes to load: computing and sleeping count, and waiting for a processor does not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.testing import loading_time
from harness.testing.loading_time import load_alone

BUSY = "while True: pass"
COMPUTES = "began = time.process_time()\nwhile time.process_time() < began + 0.3: pass\n"


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    return tmp_path / "mine.py"


def test_sleep_counts(plugin: Path) -> None:
    plugin.write_text("import decimal, time\ntime.sleep(2)\n")
    loaded = load_alone("file:mine", [plugin])
    assert loaded.seconds > 1.5 and "decimal" in loaded.modules


@pytest.mark.skipif(sys.platform != "linux", reason="whether a process sleeps can be seen on Linux only")
def test_waiting_for_a_processor_does_not_count(plugin: Path) -> None:
    """Five processes share one processor: the clock would say a second and a half."""
    processors = os.sched_getaffinity(0)
    busy, others = min(processors), []
    plugin.write_text(f"import os, time\nos.sched_setaffinity(0, {{{busy}}})\n{COMPUTES}")
    try:
        os.sched_setaffinity(0, {busy})
        others = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(4)]
        os.sched_setaffinity(0, processors - {busy} or processors)  # who looks is elsewhere, where there is a place
        began = time.monotonic()
        seconds = load_alone("file:mine", [plugin]).seconds
        assert 0.3 <= seconds < 0.8 < time.monotonic() - began
    finally:
        for other in others:
            other.kill()
            other.wait()
        os.sched_setaffinity(0, processors)


def test_the_clock_decides_where_the_state_of_a_process_cannot_be_seen(
    plugin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading_time, "_asleep", lambda process: None)
    plugin.write_text("import time\ntime.sleep(0.3)\n")
    assert load_alone("file:mine", [plugin]).seconds >= 0.3


def test_a_plugin_that_is_not_there_is_said(plugin: Path) -> None:
    with pytest.raises(RuntimeError, match="it cannot be loaded alone: "):
        load_alone("file:other", [plugin])
