"""Losses and scores to Trackio: on this machine, or in a Space (TRACKIO_SPACE_ID). TRACKIO_PROJECT names the project."""

import os
import secrets

from harness import RunTracker, Tracker, hookimpl, lineage, run_numbers, unit_numbers


class Trackio(RunTracker):
    """A run of Trackio; a run that is continued here is continued there."""

    def __init__(self, run):
        super().__init__(run)
        import trackio

        self.trackio = trackio
        if "name" not in run.memory:
            run.remember(
                name=f"{run.name}-{secrets.token_hex(3)}"
            )  # Trackio tells the runs of a project by their names
        self.logger = trackio.init(
            project=os.environ.get("TRACKIO_PROJECT") or "xtreme-harness",
            name=run.memory["name"],
            config=dict(run.config),
            resume="allow",
            embed=False,
        )

    def step(self, stage, step, total, loss):
        self.logger.log({f"loss/{stage}": loss, f"step/{stage}": step})

    def unit(self, unit, entry, *, cached):
        if numbers := unit_numbers(unit, entry):
            self.logger.log(numbers)

    def finish(self, record):
        self.logger.log(run_numbers(record) | {"lineage": lineage(record)})

    def close(self, *, failed):
        self.trackio.finish()


@hookimpl
def harness_trackers():
    yield Tracker(
        "trackio",
        f"{__name__}:Trackio",
        variables=("TRACKIO_PROJECT", "TRACKIO_SPACE_ID"),
        library="trackio",
        install="xtreme-harness[trackio]",
        summary="Trackio, on this machine or in a Space",
    )
