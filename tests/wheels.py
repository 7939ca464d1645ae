"""Builds plugin distributions into wheels and installs them beside the environment, offline."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.registry.discovery import find

_SETTINGS = ("HARNESS_DISABLE_PLUGINS", "HARNESS_PLUGINS_AUTOLOAD", "HARNESS_STRICT_PLUGINS", "HARNESS_TRACE_PLUGINS")


def install(sources: Sequence[Path], folder: Path) -> Path:
    """``folder/site`` with the distributions in these source folders, installed from wheels."""
    copies = []
    for source in sources:  # a build writes into the folder that it builds
        copies.append(shutil.copytree(source, folder / "sources" / source.name))
    wheels, site = folder / "wheels", folder / "site"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    built = [*pip, "wheel", "--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(wheels)]
    subprocess.run([*built, *map(str, copies)], check=True)
    installed = [*pip, "install", "--no-index", "--no-deps", "--no-compile", "--target", str(site)]
    subprocess.run([*installed, *map(str, sorted(wheels.glob("*.whl")))], check=True)
    return site


def environment(site: Path | None, **settings: str) -> dict[str, str]:
    """The environment of a process that has ``site`` on its path, and of plugin settings only these."""
    plain = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
    path = os.pathsep.join(filter(None, (str(site) if site else "", os.environ.get("PYTHONPATH"))))
    return {**plain, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **settings}


def harness(site: Path | None, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line in a process of its own."""
    code = "import sys; from harness.cli.main import main; sys.exit(main())"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment(site, **settings),
        capture_output=True,
        text=True,
    )


def plugins(site: Path | None, **settings: str) -> dict[str, dict[str, Any]]:
    """``harness plugins --json`` by provider, without the third-party plugins of the environment that runs the tests."""
    listed = json.loads(harness(site, "plugins", "--json", **settings).stdout)
    around = {candidate.distribution for candidate in find()[0] if candidate.kind == "third-party"}
    return {f"{p['distribution']}:{p['name']}": p for p in listed if p["distribution"] not in around}
