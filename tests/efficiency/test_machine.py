"""Counters of energy and the source of power, from files as Linux has them."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.efficiency.energy import NoMeter, Rapl, meter_of
from harness.efficiency.machine import hardware, power_source


def package(folder: Path, name: str, now: int, most: int = 1_000_000_000) -> Path:
    place = folder / name
    place.mkdir(exist_ok=True)
    (place / "energy_uj").write_text(f"{now}\n")
    (place / "max_energy_range_uj").write_text(f"{most}\n")
    return place


def test_rapl_adds_packages_and_goes_on_where_a_counter_starts_again(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 999_000_000)
    package(tmp_path, "intel-rapl:1", 5_000_000)
    package(tmp_path, "intel-rapl:0:0", 77)  # the cores of the first package, which are counted there
    meter = Rapl(tmp_path)
    assert meter.joules() == 0
    package(tmp_path, "intel-rapl:0", 1_000_000)
    package(tmp_path, "intel-rapl:1", 7_500_000)
    assert meter.joules() == pytest.approx(2.0 + 2.5)
    package(tmp_path, "intel-rapl:0", 4_000_000)
    assert meter.joules() == pytest.approx(7.5)


def test_nothing_to_read_is_no_meter(tmp_path: Path) -> None:
    assert Rapl(tmp_path).joules() is None
    (package(tmp_path, "intel-rapl:0", 1) / "energy_uj").write_text("not a number")
    assert Rapl(tmp_path).joules() is None
    assert isinstance(meter_of("mps"), NoMeter) and meter_of("mps").joules() is None


def supply(folder: Path, name: str, kind: str, online: str = "") -> None:
    (folder / name).mkdir()
    (folder / name / "type").write_text(f"{kind}\n")
    if online:
        (folder / name / "online").write_text(f"{online}\n")


def test_source_of_power(tmp_path: Path) -> None:
    assert power_source(tmp_path / "none") is None
    supply(tmp_path, "BAT0", "Battery")
    assert power_source(tmp_path) is None
    supply(tmp_path, "AC", "Mains", "0")
    assert power_source(tmp_path) == "battery"
    (tmp_path / "AC" / "online").write_text("1\n")
    assert power_source(tmp_path) == "mains"


def test_hardware_of_a_processor() -> None:
    found = hardware("cpu")
    assert found["cores"] >= 1 and found["processor"] and found["gpu"] is None
