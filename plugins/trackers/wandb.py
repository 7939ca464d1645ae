"""Losses and scores to Weights & Biases: HARNESS_TRACK=wandb, after ``pip install 'xtreme-harness[wandb]'``.

W&B's own variables say where to (WANDB_PROJECT, WANDB_MODE=offline, ...).
"""

from harness import HarnessError, hookimpl, tracks

_RUNS = {}


def run(folder, **more):
    """The W&B run of a run folder, begun at the first event; None where it is not switched on."""
    if not tracks("wandb"):
        return None
    if folder not in _RUNS:
        try:
            import wandb
        except ImportError:
            message = "W&B is not installed: pip install 'xtreme-harness[wandb]', or take wandb out of HARNESS_TRACK"
            raise HarnessError(message) from None
        _RUNS[folder] = wandb.init(name=folder.name, dir=str(folder.parent), **more)
    return _RUNS[folder]


@hookimpl
def harness_run_started(folder, model, options):
    run(folder, config={"model": model, **options})


@hookimpl
def harness_step_trained(folder, task, step, loss):
    if logger := run(folder):
        logger.log({f"loss/{task}": loss, f"step/{task}": step})


@hookimpl
def harness_unit_scored(folder, task, language, split, entry):
    if entry["score"] and (logger := run(folder)):
        for name, estimate in entry["score"]["metrics"].items():
            logger.summary[f"{split}/{task}/{name}/{language}"] = estimate["value"]


@hookimpl
def harness_run_finished(folder, record):
    scores = record["scores"] or {}
    if logger := run(folder):
        for task, entry in scores.get("tasks", {}).items():
            logger.summary[f"score/{task}"] = entry["score"]
        _RUNS.pop(folder).finish()
