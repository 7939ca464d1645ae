"""What is installed is what is in the tree, and what is pinned can be had anywhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from harness.models.e5_small import INSTALL

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_package_is_installed() -> None:
    homes = PROJECT["tool"]["setuptools"]["package-dir"]
    found = {
        ".".join([name, *init.parent.relative_to(ROOT / folder).parts])
        for name, folder in homes.items()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert found == set(PROJECT["tool"]["setuptools"]["packages"])


def test_constraints_are_releases_and_cover_what_is_asked_for() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {}
    for line in lines:
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[\w.-]+==[\w.]+", line), f"not a plain release: {line}"
            name, _, version = line.partition("==")
            pinned[re.sub(r"[-_.]+", "-", name).lower()] = version
    extras = PROJECT["project"]["optional-dependencies"]
    wanted = [*PROJECT["project"]["dependencies"], *extras["cpu"], *extras["dev"], *extras["demo"]]
    names = {re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", entry)[0]).lower() for entry in wanted}  # type: ignore[index]
    assert names <= set(pinned), f"not pinned: {sorted(names - set(pinned))}"


def test_the_packages_of_the_demo_are_the_same_everywhere() -> None:
    wanted = PROJECT["project"]["optional-dependencies"]["demo"]
    assert INSTALL.split()[-len(wanted) :] == wanted
    assert f"--no-deps {' '.join(entry.partition('==')[0] for entry in wanted)} " in (ROOT / "Makefile").read_text()
    assert set(wanted) <= set((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())


def test_the_sources_name_no_place_of_one_machine() -> None:
    suffixes = {".py", ".md", ".toml", ".txt", ".tsv", ".json", ".html", ".css"}
    for path in ROOT.rglob("*"):
        hidden = any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        if path.suffix in suffixes and path.is_file() and not hidden and "runs" not in path.relative_to(ROOT).parts[:1]:
            text = path.read_text(encoding="utf-8", errors="replace")
            found = re.search(r"(?<![\w.-])/(work|root|opt|home/\w+)/[a-z]", text)
            assert found is None or path.name == "test_packaging.py", f"{path}: {found}"
