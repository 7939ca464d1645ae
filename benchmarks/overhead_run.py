"""What a run costs beside the forward pass, measured within its process: ``python -m benchmarks.overhead_run PLAN OUT``.

PLAN is a JSON list: name, task selector, model folder, examples. OUT gets the processor seconds of every phase, of all
threads, and the peak memory of every entry. The phases of a record are seconds on the clock, which say little on a
machine that others use: here the same phases are counted by the processor's clock.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from threading import Lock
from types import SimpleNamespace
from typing import Any

PROC = Path("/proc/self")


class Counted:
    """Processor seconds that a function takes, in whatever threads it is called."""

    def __init__(self, function: Any) -> None:
        self.function, self.seconds, self._lock = function, 0.0, Lock()

    def __call__(self, *args: Any, **named: Any) -> Any:
        since = time.thread_time()
        try:
            return self.function(*args, **named)
        finally:
            with self._lock:
                self.seconds += time.thread_time() - since


def peak(*, forget: bool = False) -> float:
    """The most MiB that this process has held, since it was last told to ``forget``; nan where the system does not say."""
    try:
        if forget:
            (PROC / "clear_refs").write_text("5", encoding="utf-8")
        line = next(x for x in (PROC / "status").read_text(encoding="utf-8").splitlines() if x.startswith("VmHWM"))
    except OSError:
        return float("nan")
    return int(line.split()[1]) / 1024


def main(plan: str, out: str) -> None:
    """Evaluates every entry of the plan, one after the other, as the command does."""
    started = time.process_time()
    from harness.cli.__main__ import look_seldom_for_cycles

    look_seldom_for_cycles()
    import harness
    import harness.inference.timing as timing
    from harness.inference.features import Features
    from harness.registry.default import get_registry
    from harness.report.formats import write_page

    timing.time = SimpleNamespace(perf_counter=time.process_time)  # type: ignore[assignment]
    batch = Counted(Features.batch)
    Features.batch = lambda *args, **named: batch(*args, **named)  # type: ignore[method-assign]
    found = []
    for number, entry in enumerate(json.loads(Path(plan).read_text(encoding="utf-8"))):
        held, batched, since = peak(forget=True), batch.seconds, time.process_time()
        folder = Path(out).parent / f"run-{number}"
        options = harness.EvalOptions(
            train="never", device="cpu", dtype="fp32", offline=True, data_dir=entry["data"], limit=entry["limit"]
        )
        run = harness.evaluate(entry["model"], [entry["task"]], out=folder, options=options)
        if run.failed:
            raise SystemExit(f"{entry['name']}: {run.failed}")
        seconds = time.process_time() - since
        since = time.process_time()
        write_page([folder], folder / "report.html", get_registry(), entry["data"])
        phases = run.record["timings"]["phases"]
        phases["batch"] = batch.seconds - batched
        phases["forward"] -= phases["batch"]
        phases["rest"] = seconds - sum(phases.values())
        phases["page"] = time.process_time() - since
        found.append({**entry, "phases": phases, "mib": peak(), "mib before": held, "until": time.process_time()})
    Path(out).write_text(json.dumps({"started": started, "entries": found}), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
