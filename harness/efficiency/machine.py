"""Machine that a measurement ran on: processor, GPU, memory, clock, load and source of power."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

_CPUINFO = Path("/proc/cpuinfo")
_SUPPLIES = Path("/sys/class/power_supply")
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


@dataclass(frozen=True)
class SessionState:
    """State of the machine in a session: load averages over a minute before and after, cores, MHz at its end."""

    load_before: float | None
    load_after: float | None
    cores: int
    mhz: float | None

    @property
    def busy(self) -> bool:
        """Tells whether more processes wanted to run than there are cores: other jobs, or too many threads."""
        return any(load is not None and load > self.cores for load in (self.load_before, self.load_after))


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_average() -> float | None:
    """Processes that ran or wanted to, on average over the last minute; None where the system does not say."""
    try:
        return os.getloadavg()[0]
    except (OSError, AttributeError):
        return None


def clock_mhz() -> float | None:
    """The mean clock of the cores now; None where the system does not say."""
    found = re.findall(r"^cpu MHz\s*:\s*([\d.]+)", _text(_CPUINFO), re.MULTILINE)
    return round(fmean(map(float, found)), 1) if found else None


def power_source(supplies: Path = _SUPPLIES) -> str | None:
    """ "mains" or "battery"; None where the system does not say, as on most servers."""
    mains = [_text(folder / "online").strip() for folder in _of_type(supplies, "Mains", "USB")]
    if "1" in mains:
        return "mains"
    return "battery" if mains and _of_type(supplies, "Battery") else None


def _of_type(supplies: Path, *types: str) -> list[Path]:
    if not supplies.is_dir():
        return []
    return [folder for folder in sorted(supplies.iterdir()) if _text(folder / "type").strip() in types]


def hardware(device: str) -> dict[str, Any]:
    """Names and sizes of what computes; null for what the system does not say."""
    named = re.search(r"^model name\s*:\s*(.+)$", _text(_CPUINFO), re.MULTILINE)
    return {
        "processor": named[1].strip() if named else platform.processor() or platform.machine(),
        "cores": cores(),
        "memory_bytes": _memory(),
        "governor": _text(_GOVERNOR).strip() or None,
        "power_source": power_source(),
        "device": device,
        "gpu": _gpu(device),
    }


def _gpu(device: str) -> dict[str, Any] | None:
    if not device.startswith("cuda"):
        return None
    import torch

    found = torch.cuda.get_device_properties(torch.device(device))
    return {"name": found.name, "memory_bytes": int(found.total_memory), "cuda": torch.version.cuda}


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError, AttributeError):
        return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
