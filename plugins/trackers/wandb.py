"""Losses and scores to Weights & Biases. Its own variables say where to: WANDB_PROJECT, WANDB_ENTITY, WANDB_MODE."""

import secrets

from harness import RunTracker, Tracker, hookimpl, lineage, run_numbers, unit_numbers


class WeightsAndBiases(RunTracker):
    """A run of W&B; a run that is continued here is continued there."""

    def __init__(self, run):
        super().__init__(run)
        import wandb

        if "id" not in run.memory:
            run.remember(id=secrets.token_hex(4))
        self.logger = wandb.init(
            id=run.memory["id"],
            resume="allow",
            name=run.name,
            dir=str(run.folder),
            config=dict(run.config),
            mode="offline" if run.offline else None,
            settings=wandb.Settings(silent=True, console="off"),
        )

    def step(self, stage, step, total, loss):
        self.logger.log({f"loss/{stage}": loss, f"step/{stage}": step})

    def unit(self, unit, entry, *, cached):
        self.logger.summary.update(unit_numbers(unit, entry))

    def finish(self, record):
        self.logger.summary.update(run_numbers(record))
        self.logger.config.update({"lineage": lineage(record)}, allow_val_change=True)

    def close(self, *, failed):
        self.logger.finish(exit_code=int(failed))


@hookimpl
def harness_trackers():
    yield Tracker(
        "wandb",
        f"{__name__}:WeightsAndBiases",
        variables=("WANDB_PROJECT", "WANDB_MODE"),
        library="wandb",
        install="xtreme-harness[wandb]",
        summary="Weights & Biases",
    )
