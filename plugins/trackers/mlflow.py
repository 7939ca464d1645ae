"""Losses and scores to MLflow: MLFLOW_TRACKING_URI says where to, MLFLOW_EXPERIMENT_NAME under which experiment."""

import os
import re

from harness import RunTracker, Tracker, hookimpl, lineage, run_numbers, unit_numbers

_LONGEST = 6000
"""Characters of a parameter, of which MLflow takes no more."""


class MLflow(RunTracker):
    """A run of MLflow; a run that is continued here is continued there."""

    def __init__(self, run):
        super().__init__(run)
        import mlflow

        self.client = mlflow.MlflowClient()
        self.id = run.memory.get("run_id")
        if self.id is not None:
            self.client.update_run(self.id, status="RUNNING")
            return
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "xtreme-harness"
        experiment = self.client.get_experiment_by_name(name)
        where = experiment.experiment_id if experiment else self.client.create_experiment(name)
        self.id = self.client.create_run(where, run_name=run.name).info.run_id
        run.remember(run_id=self.id)
        for key, value in run.flat_config.items():
            self.client.log_param(self.id, _name(key), value[:_LONGEST])

    def add(self, numbers, step=0):
        """Logs numbers by name."""
        for name, value in numbers.items():
            self.client.log_metric(self.id, _name(name), value, step=step)

    def step(self, stage, step, total, loss):
        self.add({f"loss/{stage}": loss}, step)

    def unit(self, unit, entry, *, cached):
        self.add(unit_numbers(unit, entry))

    def finish(self, record):
        self.add(run_numbers(record))
        self.client.log_dict(self.id, {"stages": lineage(record)}, "lineage.json")

    def close(self, *, failed):
        self.client.set_terminated(self.id, "KILLED" if failed else "FINISHED")


def _name(text):
    """The name without characters that MLflow refuses."""
    return re.sub(r"[^\w./: -]", "_", text)


@hookimpl
def harness_trackers():
    yield Tracker(
        "mlflow",
        f"{__name__}:MLflow",
        variables=("MLFLOW_TRACKING_URI",),
        library="mlflow",
        install="xtreme-harness[mlflow]",
        summary="MLflow",
    )
