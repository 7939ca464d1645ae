"""Generated packages: as they are, they install, keep the contract, pass their own tests and their own type check."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from wheels import environment, install, plugins

from harness.cli.main import cli
from harness.registry.default import get_registry
from harness.scaffold.plain import PLAIN

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = list(get_registry().families())


def new(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["new", *arguments])
    return done.exit_code, str(done.exception or done.output)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task of every family, and a package of every other kind."""
    folder = tmp_path_factory.mktemp("new") / "made"
    for family in FAMILIES:
        assert new("task", f"my-{family}", "--family", family, "--out", str(folder))[0] == 0
    assert new("benchmark", "shortlist", "--out", str(folder))[0] == 0
    assert new("family", "likeness", "--out", str(folder))[0] == 0
    assert new("feature-rows", "late-likeness", "--out", str(folder))[0] == 0
    assert new("store", "on-disk", "--out", str(folder))[0] == 0
    assert new("launcher", "apart", "--out", str(folder))[0] == 0
    assert new("language", "our-tongue", "--out", str(folder))[0] == 0
    assert new("objective", "word-noise", "--out", str(folder))[0] == 0
    assert new("rows", "reported", "--out", str(folder))[0] == 0
    assert new("intermediate", "places", "--out", str(folder))[0] == 0
    assert new("pack", "many-tongues", "--out", str(folder))[0] == 0
    for kind in PLAIN:
        assert new(kind, f"some-{kind}", "--out", str(folder))[0] == 0
    return folder


@pytest.fixture(scope="module")
def site(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(sorted(packages.iterdir()), tmp_path_factory.mktemp("site"))


def test_there_is_a_template_for_every_family() -> None:
    assert FAMILIES and all(family.template for family in get_registry().families().values())


def test_generated_packages_install_and_load(site: Path) -> None:
    found = {name: p for name, p in plugins(site).items() if p["kind"] == "third-party"}
    assert len(found) == len(FAMILIES) + 10 + len(PLAIN)
    assert {name: p["reason"] for name, p in found.items() if p["status"] != "ok"} == {}
    assert found["harness-likeness:likeness"]["provides"] == ["family likeness", "target task likeness"]
    assert found["harness-our-tongue:our_tongue"]["provides"] == ["language qaa"]
    assert found["harness-word-noise:word_noise"]["provides"] == ["objective word-noise"]
    assert found["harness-reported:reported"]["provides"] == ["published rows reported"]
    assert found["harness-places:places"]["provides"] == ["intermediate task places"]
    assert found["harness-many-tongues:many_tongues"]["provides"] == [
        "benchmark many-tongues-world",
        "intermediate task many-tongues-english",
        "language qab",
        "target task many-tongues",
    ]
    assert found["harness-some-recipe:some_recipe"]["provides"] == ["recipe some-recipe"]
    assert found["harness-some-index:some_index"]["provides"] == ["hook harness_build_index"]


def test_generated_packages_pass_their_own_tests(packages: Path, site: Path) -> None:
    tests = [str(folder / "tests") for folder in sorted(packages.iterdir())]
    ran = pytest_in(packages, site, "-p", "harness.testing.pytest_plugin", *tests)
    assert ran.returncode == 0, ran.stdout
    passed = re.search(r"(\d+) passed in", ran.stdout)
    assert passed and int(passed[1]) > 14 * len(tests) and "skipped" not in ran.stdout


def test_one_alone_passes_as_its_readme_says(packages: Path, site: Path) -> None:
    ran = pytest_in(packages / "likeness", site)
    assert ran.returncode == 0, ran.stdout


def pytest_in(folder: Path, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=folder, env=environment(site), capture_output=True, text=True)


def test_they_pass_their_own_type_check(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One as its README says, and then all at once, as they have the same settings."""
    cache, folders = tmp_path_factory.mktemp("mypy"), sorted(packages.iterdir())
    settings = [tomllib.loads((folder / "pyproject.toml").read_text())["tool"]["mypy"] for folder in folders]
    files = [str(folder / name) for folder, own in zip(folders, settings, strict=True) for name in own.pop("files")]
    assert len(files) == 2 * len(folders) and all(own == settings[0] and own["strict"] for own in settings)
    paths = os.pathsep.join(map(str, [ROOT, *folders]))
    for words in ([], files):
        checked = subprocess.run(
            [sys.executable, "-m", "mypy", "--cache-dir", str(cache), *words],
            cwd=packages / "likeness",
            env={**environment(None), "MYPYPATH": paths if words else str(ROOT)},
            capture_output=True,
            text=True,
        )
        assert checked.returncode == 0, f"{checked.stdout}{checked.stderr}"


def test_generated_packages_are_formatted_and_linted(packages: Path) -> None:
    for command in (["check", "--select", "E,F,I,W,UP,B"], ["format", "--check"]):
        line = [sys.executable, "-m", "ruff", command[0], "--isolated", "--line-length", "120", "--no-cache"]
        for folder in sorted(packages.iterdir()):
            done = subprocess.run([*line, *command[1:], "."], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout


def test_mistakes_in_the_new_command_are_named_and_leave_no_folder(packages: Path) -> None:
    code, message = new("task", "My Task", "--family", FAMILIES[0], "--out", str(packages))
    assert code != 0 and "'My Task' cannot be the name of a package" in message
    code, message = new("task", "shortlist", "--family", FAMILIES[0], "--out", str(packages))
    assert code != 0 and "already exists" in message
    code, message = new("task", "other", "--family", "clasification", "--out", str(packages))
    assert code != 0 and "unknown family 'clasification'" in message
    code, message = new("benchmark", "other", "--task", "xnil", "--out", str(packages))
    assert code != 0 and "unknown target task 'xnil'" in message
    code, message = new("rows", "other", "--benchmark", "xtrem", "--out", str(packages))
    assert code != 0 and "unknown benchmark 'xtrem'" in message
    assert not (packages / "other").exists() and not [path for path in packages.iterdir() if path.name[0] == "."]
