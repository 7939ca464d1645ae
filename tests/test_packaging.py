"""What is installed is what is in the tree, and what is pinned is published."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.core.version import __version__
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
    pinned_extras = ("cpu", "dev", "demo", "docs", "release")
    wanted = [*PROJECT["project"]["dependencies"], *(entry for name in pinned_extras for entry in extras[name])]
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


def test_the_documentation_names_every_extra() -> None:
    extras = set(PROJECT["project"]["optional-dependencies"])
    table = (
        (ROOT / "docs" / "install.md").read_text(encoding="utf-8").partition("\n## Extras\n")[2].partition("\n## ")[0]
    )
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == extras


DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COPIED = [
    (words[:-1], words[-1]) for line in re.findall(r"^COPY (.*)$", DOCKERFILE, re.MULTILINE) if (words := line.split())
]


@pytest.fixture(scope="module")
def image_sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the Dockerfile installs, with what it copies there."""
    folder = tmp_path_factory.mktemp("src")
    for names, target in COPIED:
        for name in names:
            source, copy = ROOT / name, folder / target / name if target.endswith("/") else folder / target
            if source.is_dir():
                shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(source, copy)
    return folder


def test_what_the_image_copies_builds_the_distributions_and_they_pass_twine(
    image_sources: Path, tmp_path: Path
) -> None:
    """The archive of sources is made first, and the wheel from it, as for an upload."""
    for command in (["build", "--no-isolation", "--outdir", str(tmp_path)], ["twine", "check", "--strict"]):
        built = [str(path) for path in sorted(tmp_path.iterdir())] if command[0] == "twine" else ["."]
        done = subprocess.run(
            [sys.executable, "-m", *command, *built], cwd=image_sources, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert [path.name for path in sorted(tmp_path.iterdir())] == [
        f"xtreme_harness-{__version__}-py3-none-any.whl",
        f"xtreme_harness-{__version__}.tar.gz",
    ]
    homes = PROJECT["tool"]["setuptools"]["package-dir"]
    wanted = {
        "/".join([package, *path.relative_to(ROOT / home).parts])
        for package, home in homes.items()
        for path in (ROOT / home).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    }
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert {name for name in wheel.namelist() if ".dist-info/" not in name} == wanted


def test_the_image_is_built_for_either_accelerator_and_runs_the_command() -> None:
    assert re.search(r"^ARG ACCELERATOR=cpu$", DOCKERFILE, re.MULTILINE)
    assert {"cpu", "gpu"} <= set(PROJECT["project"]["optional-dependencies"])
    (entry,) = re.findall(r'^ENTRYPOINT \["(.*)"\]$', DOCKERFILE, re.MULTILINE)
    assert entry in PROJECT["project"]["scripts"]
    assert re.search(r"^USER (?!0|root)", DOCKERFILE, re.MULTILINE)
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent == {name for names, _ in COPIED for name in names}


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__ and citation["license"] == PROJECT["project"]["license"]


FORMS = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_issue_forms_are_as_github_reads_them(path: Path) -> None:
    form: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= set(form) <= {"name", "description", "body", "labels", "title"}
    kinds = {"markdown": {"value"}, "input": {"label"}, "textarea": {"label"}}
    kinds |= {"dropdown": {"label", "options"}, "checkboxes": {"label", "options"}}
    for field in form["body"]:
        assert kinds[field["type"]] <= set(field["attributes"])
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    ids = [field["id"] for field in asked]
    labels = [field["attributes"]["label"] for field in asked]
    assert len(set(ids)) == len(ids) and all(re.fullmatch(r"[\w-]+", name) for name in ids)
    assert len(set(labels)) == len(labels)
    assert any(field.get("validations", {}).get("required") for field in asked)
