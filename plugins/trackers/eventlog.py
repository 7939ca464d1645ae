"""A JSON-lines log of a run, for ``tail -f`` and for programs: HARNESS_TRACK=eventlog."""

import json
import time

from harness import hookimpl, tracks

_RUNS = set()


def log(folder, event, **values):
    """Appends a line to ``events.jsonl`` in a run's folder, or next to a checkpoint's folder that does not exist yet."""
    if not tracks("eventlog"):
        return
    path = folder / "events.jsonl" if folder in _RUNS else folder.with_name(f"{folder.name}.events.jsonl")
    line = json.dumps({"time": round(time.time(), 3), "event": event, **values}, ensure_ascii=False, default=str)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")


@hookimpl
def harness_run_started(folder, model, units, options):
    _RUNS.add(folder)
    log(folder, "run_started", model=model, units=list(units), options=dict(options))


@hookimpl
def harness_step_trained(folder, task, step, total, loss):
    log(folder, "step_trained", task=task, step=step, total=total, loss=loss)


@hookimpl
def harness_unit_scored(folder, task, language, split, entry, cached):
    log(folder, "unit_scored", task=task, language=language, split=split, cached=cached, score=entry["score"])


@hookimpl
def harness_run_finished(folder, record):
    scores = record["scores"] or {}
    log(folder, "run_finished", overall=scores.get("overall"), failed=record["failed"], missing=record["missing"])
