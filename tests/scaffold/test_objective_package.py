"""A generated package with an objective: as it is, it installs, passes its own tests, its type check and the linter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from wheels import environment, install, plugins

from harness.cli.main import cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    assert CliRunner().invoke(cli, ["new", "objective", "word-noise", "--out", str(folder)]).exit_code == 0
    return folder / "word-noise"


def run(package: Path, site: Path | None, *words: str) -> None:
    variables = {**environment(site), **({} if site else {"MYPYPATH": str(ROOT)})}
    done = subprocess.run([sys.executable, "-m", *words], cwd=package, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_installs_and_passes_its_own_tests(package: Path, tmp_path: Path) -> None:
    site = install([package], tmp_path / "site")
    found = {name: p for name, p in plugins(site).items() if p["kind"] == "third-party"}
    assert found["harness-word-noise:word_noise"]["provides"] == ["objective word-noise"]
    run(package, site, "pytest", "-q", "-p", "no:cacheprovider")


def test_it_passes_its_own_type_check_and_the_linter(package: Path, tmp_path: Path) -> None:
    run(package, None, "mypy", "--cache-dir", str(tmp_path / "mypy"))
    isolated = ("--isolated", "--line-length", "120", "--no-cache")
    run(package, None, "ruff", "check", *isolated, "--select", "E,F,I,W,UP,B", ".")
    run(package, None, "ruff", "format", *isolated, "--check", ".")
