"""Trackers of a run: which ones are wanted, and how they are told. One that fails costs a warning and nothing else."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.core.border import in_words
from harness.core.environment import names
from harness.core.errors import HarnessError, UsageError, did_you_mean
from harness.core.files import read_text
from harness.core.private import publishable
from harness.registry.registry import load_part
from harness.types.tracking import MEMORY, RunTracker, TrackedRun

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.types.extensions import Tracker
    from harness.types.record import RunRecord, UnitRecord
    from harness.types.units import Unit

log = logging.getLogger(__name__)

NONE = "none"
"""The name that switches all trackers off."""


def wanted_trackers(registry: Registry, chosen: Sequence[str]) -> list[Tracker]:
    """The trackers that ``--track`` names, HARNESS_TRACK, and those whose own variables are set; none for ``none``.

    :class:`UsageError` for a name of ``--track`` that no tracker has, or whose library is not installed. A variable
    outlives installations: there it is a warning.
    """
    known = registry.trackers()
    for name in chosen:
        if name not in known and name != NONE:
            raise UsageError(f"--track {name}: no such tracker", hint=did_you_mean(name, known))
        if name in known and (lacking := _lacking(known[name])):
            raise UsageError(f"--track {name}: {lacking}")
    if NONE in chosen or (not chosen and NONE in names("HARNESS_TRACK")):
        return []
    listed = dict.fromkeys(chosen, "--track")
    others = {NONE, *(plugin.name for plugin in registry.plugins())}  # observers may ask for their names themselves
    for name in names("HARNESS_TRACK"):
        if name in known:
            listed.setdefault(name, "HARNESS_TRACK")
        elif name not in others:
            log.warning("HARNESS_TRACK names %r, but there is no such tracker; %s", name, did_you_mean(name, known))
    for tracker in known.values():
        if found := next((variable for variable in tracker.variables if os.environ.get(variable)), ""):
            listed.setdefault(tracker.name, found)
    for name, by in list(listed.items()):
        if lacking := _lacking(known[name]):
            log.warning("%s asks for the tracker %s: %s; the run is not tracked there", by, name, lacking)
            del listed[name]
    return [known[name] for name in listed]


def _lacking(tracker: Tracker) -> str:
    """Names the library that a tracker lacks, and how to get it; "" where it has it."""
    if not tracker.library:
        return ""
    try:
        found = tracker.library in sys.modules or find_spec(tracker.library) is not None
        missing = not found or sys.modules.get(tracker.library, True) is None
    except (ImportError, ValueError):
        missing = True
    return f"{tracker.library} is not installed: pip install '{tracker.install}'" if missing else ""


class Trackers:
    """The trackers of one run; they start with the first thing that they are told."""

    def __init__(
        self, wanted: Sequence[Tracker], name: str, folder: Path, config: Mapping[str, Any], *, offline: bool = False
    ) -> None:
        self._waiting = list(wanted)
        self._running: dict[str, RunTracker] = {}
        self._about = (run_title(folder, name), folder, publishable(dict(config)), offline)

    def start(self) -> None:
        """Starts those that have not started."""
        waiting, self._waiting = self._waiting, []
        for tracker in waiting:
            title, folder, config, offline = self._about
            with self._failing(tracker.name):
                folder.mkdir(parents=True, exist_ok=True)
                run = TrackedRun(title, folder, config, tracker.name, offline, _memory(folder, tracker.name))
                self._running[tracker.name] = load_part(tracker, "implementation")(run)

    def step(self, stage: str, step: int, total: int, loss: float) -> None:
        """Some training steps were made."""
        self._tell(lambda tracker: tracker.step(stage, step, total, loss))

    def unit(self, unit: Unit, entry: UnitRecord, *, cached: bool) -> None:
        """A unit has its result."""
        self._tell(lambda tracker: tracker.unit(unit, entry, cached=cached))

    def finish(self, record: RunRecord) -> None:
        """The record is complete."""
        self._tell(lambda tracker: tracker.finish(record))

    def trained(self, stages: Sequence[Mapping[str, Any]]) -> None:
        """Checkpoints are complete; nothing where they were there before."""
        if self._running:
            self.finish(cast("RunRecord", {"scores": None, "stages": list(stages)}))

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Closes the trackers at the end of the block, however it ends."""
        failed = True
        try:
            yield
            failed = False
        finally:
            self._waiting = []  # one that was never told anything does not begin now
            self._tell(lambda tracker: tracker.close(failed=failed))
            self._running.clear()

    def _tell(self, call: Callable[[RunTracker], None]) -> None:
        self.start()
        for name, tracker in list(self._running.items()):
            with self._failing(name):
                call(tracker)

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        try:
            with contextlib.redirect_stdout(sys.stderr):  # stdout belongs to the command's own output
                yield
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit, say: a tracker cannot end the run
            self._running.pop(name, None)
            said = str(error) if isinstance(error, HarnessError) else in_words(error)
            log.warning("tracker %s failed: %s; the run goes on without it", name, said)
            log.debug("the error of tracker %s", name, exc_info=error)


def run_title(folder: Path, name: str = "") -> str:
    """The name of a run for people: that of its folder, with the one above it for one of several seeds."""
    name = name or folder.name
    return f"{folder.absolute().parent.name}/{name}" if re.fullmatch(r"seed-\d+", name) else name


def _memory(folder: Path, tracker: str) -> dict[str, str]:
    """Returns what a tracker remembered of the run; nothing where the file is damaged."""
    try:
        known = json.loads(read_text(folder / MEMORY))[tracker]
        return {str(name): str(value) for name, value in known.items()}
    except (HarnessError, ValueError, KeyError, AttributeError, TypeError):
        return {}
