"""Losses and scores for TensorBoard, in ``tensorboard/`` of the run folder."""

from harness import RunTracker, Tracker, hookimpl, lineage, run_numbers, unit_numbers


class TensorBoard(RunTracker):
    """Writes event files; every number is flushed at once, so that a killed run keeps what it logged."""

    def __init__(self, run):
        super().__init__(run)
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(run.folder / "tensorboard"))
        self.text("config", run.flat_config)

    def text(self, name, values):
        """Writes values as a table of names and texts."""
        rows = "\n".join(f"| {key} | {str(value).replace('|', '/')} |" for key, value in values.items())
        self.writer.add_text(name, f"| name | value |\n|---|---|\n{rows}")

    def add(self, numbers, step=0):
        """Writes numbers by name."""
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, step)
        self.writer.flush()

    def step(self, stage, step, total, loss):
        self.add({f"loss/{stage}": loss}, step)

    def unit(self, unit, entry, *, cached):
        self.add(unit_numbers(unit, entry))

    def finish(self, record):
        self.add(run_numbers(record))
        self.text("lineage", {stage["name"]: stage for stage in lineage(record)})

    def close(self, *, failed):
        self.writer.close()


@hookimpl
def harness_trackers():
    yield Tracker(
        "tensorboard",
        f"{__name__}:TensorBoard",
        library="tensorboard",
        install="xtreme-harness[tensorboard]",
        summary="event files in tensorboard/ of the run folder",
    )
