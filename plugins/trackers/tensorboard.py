"""Losses and scores for TensorBoard: HARNESS_TRACK=tensorboard, after ``pip install 'xtreme-harness[tensorboard]'``.

The event files are written to ``tensorboard/`` in the run folder.
"""

from harness import HarnessError, hookimpl, tracks

_WRITERS = {}


def writer(folder, logs=None):
    """The writer of a run, or of a checkpoint that is trained by itself; None where it is not switched on."""
    if not tracks("tensorboard"):
        return None
    if folder not in _WRITERS:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            message = "TensorBoard is not installed: pip install 'xtreme-harness[tensorboard]', or take it out of HARNESS_TRACK"
            raise HarnessError(message) from None
        _WRITERS[folder] = SummaryWriter(str(logs or folder.with_name(f"{folder.name}.tensorboard")))
    return _WRITERS[folder]


def add(file, tag, value, step=0):
    """Writes one number, and flushes it: a killed run keeps what it logged."""
    file.add_scalar(tag, value, step)
    file.flush()


@hookimpl
def harness_run_started(folder):
    writer(folder, folder / "tensorboard")


@hookimpl
def harness_step_trained(folder, task, step, loss):
    if file := writer(folder):
        add(file, f"loss/{task}", loss, step)


@hookimpl
def harness_unit_scored(folder, task, language, split, entry):
    if entry["score"] and (file := writer(folder)):
        for name, estimate in entry["score"]["metrics"].items():
            add(file, f"{split}/{task}/{name}/{language}", estimate["value"])


@hookimpl
def harness_run_finished(folder, record):
    scores = record["scores"] or {}
    if file := writer(folder):
        for task, entry in scores.get("tasks", {}).items():
            if entry["score"] is not None:
                add(file, f"score/{task}", entry["score"])
        _WRITERS.pop(folder).close()
