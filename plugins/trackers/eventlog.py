"""A JSON-lines log of a run, for ``tail -f`` and for programs."""

import json
import time

from harness import RunTracker, Tracker, hookimpl, lineage, run_numbers


class EventLog(RunTracker):
    """Appends a line for each event to ``events.jsonl``."""

    def __init__(self, run):
        super().__init__(run)
        self.log("run_started", name=run.name, config=run.config)

    def log(self, event, **values):
        """Appends a line."""
        line = json.dumps({"time": round(time.time(), 3), "event": event, **values}, ensure_ascii=False, default=str)
        with (self.run.folder / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def step(self, stage, step, total, loss):
        self.log("step_trained", stage=stage, step=step, total=total, loss=loss)

    def unit(self, unit, entry, *, cached):
        where = {"task": unit.task, "language": unit.language, "split": unit.split}
        self.log("unit_scored", **where, cached=cached, score=entry["score"])

    def finish(self, record):
        more = {"failed": record["failed"], "missing": record["missing"]} if "failed" in record else {}
        self.log("run_finished", scores=run_numbers(record), lineage=lineage(record), **more)

    def close(self, *, failed):
        if failed:
            self.log("run_stopped")


@hookimpl
def harness_trackers():
    yield Tracker("eventlog", f"{__name__}:EventLog", summary="events.jsonl in the run folder, a line for each event")
