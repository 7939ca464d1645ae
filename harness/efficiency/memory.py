"""Memory that a model takes: a process of its own for each, so that no other model's is counted."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.errors import HarnessError, ModelError
from harness.data.access import DataAccess
from harness.efficiency.opened import open_network, open_session
from harness.efficiency.protocol import Protocol
from harness.efficiency.sample import draw_sample
from harness.registry.default import default_plugins, get_registry
from harness.studies.model_shapes import shape_in
from harness.types.options import EvalOptions

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

CALLS = 20
"""Calls at batch 1 before memory is read."""


@dataclass(frozen=True)
class Memory:
    """Bytes. ``libraries`` and ``tokenizer`` are of the process, before the model is loaded.

    ``model`` is what was added when it was loaded and had made its first calls, its code apart: to the resident set, or to
    the device's memory. ``batch_1`` and ``largest_batch`` are the peaks while such batches were computed: of the whole
    process, or of the device's memory. None for what the system does not say.
    """

    on: str
    libraries: int | None
    tokenizer: int | None
    model: int | None
    batch_1: int | None
    largest_batch: int | None


@dataclass(frozen=True)
class Task:
    """Everything that the process needs: a model, the sample, the options, and the plugins of the command line."""

    model: str
    task: str
    languages: tuple[str, ...]
    options: EvalOptions
    protocol: Protocol
    most: int
    plugins: tuple[tuple[Path, ...], tuple[str, ...]] = ((), ())


def measure_memory(task: Task) -> Memory:
    """Opens the model in another process, and computes with it; ModelError where that process ends without an answer."""
    context = get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(replace(task, plugins=default_plugins()), sending))
    process.start()
    sending.close()
    try:
        found = receiving.recv()
    except EOFError:
        found = "the process was killed: it may have run out of memory"
    finally:
        process.join()
    if isinstance(found, str):
        raise ModelError(f"{task.model}: its memory could not be measured: {found}")
    return Memory(**found)


def _answer(task: Task, sending: Connection) -> None:
    try:
        sending.send(asdict(measure_here(task)))
    except HarnessError as error:
        sending.send(str(error))
    finally:
        sending.close()


def measure_here(task: Task) -> Memory:
    """Measures in this process, which has loaded no model before."""
    registry = get_registry(*task.plugins)
    data = DataAccess.of(registry, task.options.data_dir, offline=task.options.offline)
    sample = draw_sample(registry, data, task.task, task.languages, task.protocol.seed, task.most)
    _import_libraries()
    libraries = resident()
    session = open_session(task.model, sample, registry, task.options)
    tokenizer = resident()
    _import_architecture(session.folder)
    before = resident()
    opened = open_network(task.model, session, sample, registry)
    device = opened.forward.device
    with opened.computing():
        for number in range(CALLS):
            opened.call(number)
        loaded, first = _now(device), _peak(device)
        _forget_peak(device)
        if task.protocol.batch_sizes:
            opened.call(0, max(task.protocol.batch_sizes))
        largest = _peak(device) if task.protocol.batch_sizes else None
    on_device = device.startswith("cuda")
    own = loaded if on_device else _less(loaded, before)
    return Memory("device" if on_device else "process", libraries, _less(tokenizer, libraries), own, first, largest)


def _import_libraries() -> None:
    """Imports what any model needs, so that it is not counted as the model's."""
    import torch
    import transformers  # noqa: F401
    from transformers.models.auto import modeling_auto  # noqa: F401

    torch.nn.functional.linear(torch.zeros(8, 8), torch.zeros(8, 8))


def _import_architecture(folder: Path) -> None:
    """Imports the code of a model without any weights: it is not counted as the model's either."""
    with suppress(ModelError):
        shape_in(folder)


def resident() -> int | None:
    """Bytes of the resident set now; None where the system does not say."""
    return _status("VmRSS")


def _status(name: str) -> int | None:
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), None)


def _now(device: str) -> int | None:
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.memory_allocated(torch.device(device)))
    return resident()


def _peak(device: str) -> int | None:
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(torch.device(device)))
    found = _status("VmHWM")
    if found is None:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = most if sys.platform == "darwin" else most * 1024
    return found


def _forget_peak(device: str) -> None:
    """Starts a new peak on a device; that of a process stays the highest, which a larger batch only raises."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(torch.device(device))


def _less(more: int | None, less: int | None) -> int | None:
    return None if more is None or less is None else more - less
