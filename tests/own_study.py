"""A small study as a plugin file with data: three sequences of stages of a tiny model, and how its outcome is compared."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from own_task import PLUGIN, write_data

from harness.registry.registry import Registry
from harness.studies.grid import cells, run_cells, selected
from harness.studies.launch import Launch
from harness.types.options import EvalOptions
from harness.types.progress import ProgressListener

STUDY = (
    PLUGIN
    + """
import os, signal, time
from pathlib import Path
from harness import IntermediateTask, Study

@hookimpl
def harness_intermediate_tasks():
    for name in ("before", "between"):
        yield IntermediateTask(
            name=name, version=1, family="classification", metric="accuracy", labels=("bad", "good"), example=read,
            train=split("train", "en"), dev=split("dev", "en"), languages={},
        )

@hookimpl
def harness_studies():
    yield Study(
        "grid", 1, models=(os.environ["MODEL"],), tasks=("mine",), via=((), ("before",), ("before", "between")), seeds=(1,),
        recipe="tiny",
    )

@hookimpl
def harness_unit_scored(folder, cached):
    '''Kills the first process that has scored a unit of the run that is named in the environment; or lets it hang.'''
    mark = Path(os.environ.get("KILL", "/nowhere/at/all"))
    if mark.parent == Path(folder).absolute() and not cached and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    mark = Path(os.environ.get("HANG", "/nowhere/at/all"))
    if mark.parent.is_dir() and not cached and not mark.exists():
        mark.with_suffix(".new").write_text(str(os.getpid()))
        mark.with_suffix(".new").rename(mark)
        time.sleep(600)
"""
)


def write_study(folder: Path) -> Path:
    """The plugin and its data, in a folder."""
    write_data(folder / "data")
    (folder / "plugin.py").write_text(STUDY, encoding="utf-8")
    return folder


def options(here: Path, **more: Any) -> EvalOptions:
    values = {"data_dir": str(here / "data"), "offline": True, "device": "cpu", "recipe": "tiny"}
    return EvalOptions(**{**values, "overrides": {"max_steps": 3, "batch": 2, "save_every": 1}, **more})


class Lines(ProgressListener):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def wait(holds: Callable[[], Any]) -> Any:
    """Waits until something holds, however long a busy machine takes, and returns what it is."""
    while not (found := holds()):
        time.sleep(0.05)
    return found


def outcome(out: Path) -> dict[str, Any]:
    """Everything that must not depend on who did what: predictions, scores, weights, summaries."""
    found: dict[str, Any] = {}
    for path in sorted(out.rglob("*")):
        name = str(path.relative_to(out))
        if path.suffix == ".safetensors" or "/predictions/" in name:
            found[name] = path.read_bytes() if path.is_file() else None
        elif path.name == "seeds.json":
            found[name] = path.read_text()
        elif path.name == "record.json":
            record = json.loads(path.read_text())
            found[name] = [record[field] for field in ("scores", "missing", "failed", "identity", "partial")]
            found[name] += [[stage["key"], stage["fingerprint"]] for stage in record["stages"]]
    return found


def grid(registry: Registry, here: Path, out: Path, arms: Sequence[str] = (), **launch: Any) -> tuple[Any, list[str]]:
    reporter = Lines()
    found = list(cells(registry.study("grid"), out, options(here)))
    chosen = selected(found, arms=arms)
    done = run_cells(found, out, registry=registry, reporter=reporter, launch=Launch(**launch), chosen=chosen)
    return done, reporter.lines
