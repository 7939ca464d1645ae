"""Energy that the machine says it used: of a GPU by NVML, of a processor by RAPL, both counters of joules.

They count the whole GPU or processor, whatever else runs on it.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

_RAPL = Path("/sys/class/powercap")


class Meter(Protocol):
    """A counter of joules; ``kind`` is "nvml", "rapl" or "" for none."""

    kind: str

    def joules(self) -> float | None:
        """Joules since some time in the past; None where it cannot be read."""


class NoMeter:
    """Stands in where nothing is counted."""

    kind = ""

    def joules(self) -> None:
        """None."""
        return


@dataclass
class Rapl:
    """The counters of all processor packages under ``folder``, each of which starts again at its ``max_energy_range_uj``."""

    folder: Path = _RAPL
    kind: str = field(default="rapl", init=False)
    _last: dict[Path, int] = field(default_factory=dict, init=False, repr=False)
    _sum: int = field(default=0, init=False, repr=False)

    def joules(self) -> float | None:
        """Joules since the first reading."""
        try:
            for package in self._packages():
                now = int((package / "energy_uj").read_text())
                before = self._last.setdefault(package, now)
                wrapped = int((package / "max_energy_range_uj").read_text()) if now < before else 0
                self._sum += now - before + wrapped
                self._last[package] = now
        except (OSError, ValueError):
            return None
        return self._sum / 1e6 if self._last else None

    def _packages(self) -> list[Path]:
        # A domain of a package, such as its cores, has a second colon: intel-rapl:0:0.
        return sorted(path for path in self.folder.glob("intel-rapl:*") if path.name.count(":") == 1)


class Nvml:
    """The counter of an NVIDIA GPU (Volta or later), from the library of the driver."""

    kind = "nvml"

    def __init__(self, uuid: str) -> None:
        self._library: Any = ctypes.CDLL("libnvidia-ml.so.1")
        self._device = ctypes.c_void_p()
        if self._library.nvmlInit_v2():
            raise OSError("NVML does not start")
        if self._library.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(self._device)):
            raise OSError(f"NVML knows no GPU {uuid}")

    def joules(self) -> float | None:
        """Joules since the driver was loaded."""
        millijoules = ctypes.c_ulonglong()
        failed = self._library.nvmlDeviceGetTotalEnergyConsumption(self._device, ctypes.byref(millijoules))
        return None if failed else millijoules.value / 1e3


def meter_of(device: str) -> Meter:
    """The meter of a device, :class:`NoMeter` where it has none that may be read."""
    found: Meter
    try:
        if device.startswith("cuda"):
            import torch

            uuid = str(torch.cuda.get_device_properties(torch.device(device)).uuid)
            found = Nvml(uuid if uuid.startswith("GPU-") else f"GPU-{uuid}")
        elif device == "cpu":
            found = Rapl()
        else:
            return NoMeter()
    except (OSError, AttributeError):
        return NoMeter()
    return found if found.joules() is not None else NoMeter()
