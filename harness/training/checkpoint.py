"""Everything a stopped training needs to go on to the same bits: weights, optimizer, random state, position."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.files import recover_folder, replace_folder, written_into

if TYPE_CHECKING:
    import torch


@dataclass
class Progress:
    """Where a stage stands: steps done, dev scores so far, the best of them, losses for the curve."""

    step: int = 0
    best_step: int = 0
    best_score: float | None = None
    bad_evaluations: int = 0
    dev: list[dict[str, Any]] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    stopped_early: bool = False


def save_state(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, progress: Progress, *, write: bool = True
) -> None:
    """Writes ``folder`` as a whole or not at all: the previous state stays until the new one is complete.

    All processes of a sharded training call it, to put its tensors together, and only the first is to ``write``.
    """
    import torch
    from safetensors.torch import save_file

    tensors = {f"model.{name}": _whole(value, write) for name, value in _tensors(model).items()}
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            tensors[f"optimizer.{index}.{name}"] = _whole(torch.as_tensor(value), write)
    if not write:
        return
    scratch = folder.with_name(folder.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    with written_into(folder):
        save_file(tensors, scratch / "state.safetensors")
        (scratch / "progress.json").write_text(json.dumps(vars(progress)), encoding="utf-8")
    replace_folder(scratch, folder)


def load_state(folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Progress | None:
    """Restores what :func:`save_state` wrote; None where nothing complete is there."""
    import torch
    from safetensors.torch import load_file

    from harness.training.sharding import spread_like

    recover_folder(folder)
    if not (folder / "progress.json").is_file():
        return None
    meta = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / "state.safetensors")
    with torch.no_grad():
        for name, value in _tensors(model).items():
            value.copy_(spread_like(value, tensors[f"model.{name}"]))
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            parameter = parameters[int(index)]
            state.setdefault(int(index), {})[name] = spread_like(parameter, value) if value.dim() else value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])
    progress = Progress(**meta)
    progress.losses = [(int(step), float(loss)) for step, loss in progress.losses]
    return progress


def _whole(value: torch.Tensor, keep: bool) -> torch.Tensor:
    from harness.training.sharding import whole_tensor

    whole = whole_tensor(value.detach())
    return whole.cpu().clone() if keep else value


def _tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What training changes, parameters and buffers; one shared by several heads is named once."""
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {**trained, **dict(model.named_buffers())}
