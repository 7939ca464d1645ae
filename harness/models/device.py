"""Device and numeric precision to compute with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from harness.core.errors import UsageError
from harness.types.defaults import BATCH_TOKENS, CPU_BATCH_TOKENS, GPU_BATCH_TOKENS

if TYPE_CHECKING:
    import numpy as np
    import torch

DTYPES = ("auto", "fp32", "bf16", "fp16")


def choose_device(name: str = "auto") -> str:
    """ "auto" is the GPU (cuda, then mps) where there is one, else the CPU; a named device must exist."""
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device {name!r}: unknown device", hint="auto, cpu, cuda, cuda:1 or mps") from None
    usable = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not usable.get(device.type, False) or (device.index or 0) >= max(torch.cuda.device_count(), 1):
        raise UsageError(f"--device {name!r}: not on this machine", hint="leave it out to choose automatically")
    return name


def choose_dtype(name: str, device: str) -> str:
    """ "auto" is bf16 on GPUs that have it, else fp32."""
    if name not in DTYPES:
        raise UsageError(f"--dtype {name!r}: one of {', '.join(DTYPES)} expected")
    if name != "auto":
        return name
    import torch

    return "bf16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "fp32"


def choose_batch_tokens(given: int | None, device: str) -> int:
    """Padded tokens in a batch of an evaluation, by default those that suit the device."""
    if given is not None:
        return given
    suited = {"cuda": GPU_BATCH_TOKENS, "cpu": CPU_BATCH_TOKENS}
    return suited.get(device.partition(":")[0], BATCH_TOKENS)


def sent(array: np.ndarray[Any, Any], device: str | torch.device) -> torch.Tensor:
    """The array as a tensor on the device; a GPU copies it while it continues computing."""
    import torch

    tensor = torch.from_numpy(array)
    if torch.device(device).type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)
