"""Everything a stopped training needs to resume to bit-identical weights: weights, optimizer, random state, position."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.border import border
from harness.core.claims import confirm_claims
from harness.core.damage import Damaged
from harness.core.files import recover_folder, replace_folder, written_into
from harness.core.hashing import file_sha256
from harness.core.sealed import read_sealed, sealed

if TYPE_CHECKING:
    import torch


TENSORS, PROGRESS = "state.safetensors", "progress.json"


@dataclass
class StageProgress:
    """Progress of a stage: steps done, dev scores so far, the best of them, losses for the curve.

    ``recent`` are the losses since the last point of the curve. ``tokens`` and ``seconds`` count all starts, each up to
    its last saved state.
    """

    step: int = 0
    best_step: int = 0
    best_score: float | None = None
    bad_evaluations: int = 0
    dev: list[dict[str, Any]] = field(default_factory=list)
    losses: list[tuple[int, float]] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)
    tokens: int = 0
    seconds: float = 0.0
    stopped_early: bool = False


def save_state(
    folder: Path,
    model: torch.nn.Module,
    optimizer: torch.optim.Optimizer,
    progress: StageProgress,
    *,
    stage: str = "",
    rows: str = "",
    write: bool = True,
) -> None:
    """Writes ``folder`` as a whole or not at all: the previous state stays until the new one is complete.

    The progress holds the key of the ``stage``, the sha256 of the tensors and its own: they are loaded together or not.
    ``rows`` names the rows of the embeddings that are trained, where that is not all of them. All processes of a sharded
    training call it, to put its tensors together, and only the first is to ``write``.
    """
    import torch
    from safetensors.torch import save_file

    tensors = {f"model.{name}": _whole(value, write) for name, value in _tensors(model).items()}
    for index, values in optimizer.state_dict()["state"].items():
        for name, value in values.items():
            tensors[f"optimizer.{index}.{name}"] = _whole(torch.as_tensor(value), write)
    if not write:
        return
    confirm_claims()
    scratch = folder.with_name(folder.name + ".new")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    tensors["random.cpu"] = torch.get_rng_state()
    if torch.cuda.is_available():
        tensors["random.cuda"] = torch.cuda.get_rng_state()
    with written_into(folder):
        save_file(tensors, scratch / TENSORS)
        content = {**vars(progress), "stage": stage, "rows": rows, "tensors": _sha256_and_sync(scratch / TENSORS)}
        confirm_claims()  # while the tensors were written, another process may have begun in the same folder
        (scratch / PROGRESS).write_text(json.dumps(sealed(content)), encoding="utf-8")
    replace_folder(scratch, folder)


def saved_progress(folder: Path, stage: str = "", rows: str = "") -> StageProgress | None:
    """The progress of the state in ``folder``; None where none is there.

    :class:`~harness.core.damage.Damaged` where the state is not what was written, is another stage's, or has other rows
    of the embeddings (those of earlier versions have all).
    """
    recover_folder(folder)
    if not folder.exists():
        return None
    content = read_sealed(folder / PROGRESS)
    owner, tensors = content.pop("stage", None), content.pop("tensors", None)
    if tensors is None:
        raise Damaged(f"{folder / PROGRESS}: says nothing of {TENSORS}, as those of earlier versions")
    if owner != stage:
        raise Damaged(f"{folder}: the state of another training")
    if content.pop("rows", "") != rows:
        raise Damaged(f"{folder}: a state with other rows of the embeddings, as those of earlier versions and of FSDP")
    try:
        found = file_sha256(folder / TENSORS)
    except OSError as error:
        raise Damaged(f"{folder / TENSORS}: cannot be read: {error.strerror}") from None
    if found != tensors:
        raise Damaged(f"{folder / TENSORS}: not what was written: its sha256 differs")
    try:
        progress = StageProgress(**content)
        progress.losses = [(int(step), float(loss)) for step, loss in progress.losses]
    except (TypeError, ValueError):
        raise Damaged(f"{folder / PROGRESS}: of another version of the harness") from None
    return progress


def load_state(
    folder: Path, model: torch.nn.Module, optimizer: torch.optim.Optimizer, *, stage: str = "", rows: str = ""
) -> StageProgress | None:
    """Restores what :func:`save_state` wrote for this stage; None where no state is there, Damaged as above."""
    import torch
    from safetensors.torch import load_file

    from harness.training._sharding import spread_like

    progress = saved_progress(folder, stage, rows)
    if progress is None:
        return None
    with border(
        f"{folder / TENSORS}: cannot be read as safetensors", hint=f"without {folder} the training starts anew"
    ):
        tensors = load_file(folder / TENSORS)
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
    return progress


def _sha256_and_sync(path: Path) -> str:
    """Takes the checksum while the disk works: it costs time only where the disk is the faster of the two."""
    with ThreadPoolExecutor(1) as pool:
        digest = pool.submit(file_sha256, path)
        with path.open("rb") as file:
            os.fsync(file.fileno())
        return digest.result()


def _whole(value: torch.Tensor, keep: bool) -> torch.Tensor:
    from harness.training._sharding import whole_tensor

    whole = whole_tensor(value.detach())
    return whole.cpu().clone() if keep else value


def _tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Yields the parameters and buffers that training changes; one shared by several heads is named once."""
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    return {**trained, **dict(model.named_buffers())}
