"""A task of a third party's family is written by the family's own template, and keeps the contract as it is."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.cli.main import cli
from harness.core.errors import PluginError
from harness.registry.registry import Registry
from harness.registry.template import template_of
from harness.scaffold.package import new_task
from harness.testing import check_plugin

KINDS = """
from dataclasses import dataclass

from harness import Example, TaskTemplate


@dataclass(frozen=True)
class Bird(Example):
    id: str
    song: str
    label: str


TEMPLATE = TaskTemplate(
    imports="Bird",
    returns="Bird",
    read='return Bird(row["id"], row["song"], row["label"])',
    rows=lambda code, split: [{"id": f"{split}-{i}", "song": "tweet " * i, "label": "ab"[i % 2]} for i in range(6)],
    module="bird_kinds",
    labels=("a", "b"),
    languages=("en", "cy"),
)
"""

PLUGIN = """
from bird_kinds import Bird
from harness import Family, hookimpl

IMPLEMENTATION = "harness.families.classification:Classification"


@hookimpl
def harness_families():
    yield Family("birds", (Bird,), IMPLEMENTATION, "harness.scoring.formats.labels:Labels", template="bird_kinds:TEMPLATE")
    yield Family("nests", (Bird,), IMPLEMENTATION, "harness.scoring.formats.labels:Labels")
    yield Family("eggs", (int,), IMPLEMENTATION, "harness.scoring.formats.labels:Labels")
"""


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "bird_kinds.py").write_text(KINDS)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    path = tmp_path / "birds.py"
    path.write_text(PLUGIN)
    yield path
    sys.modules.pop("bird_kinds", None)


def new(plugin: Path, name: str, family: str) -> tuple[int, str]:
    words = ["--plugin", str(plugin), "new", "task", name, "--family", family, "--out", str(plugin.parent / "made")]
    done = CliRunner().invoke(cli, words)
    return done.exit_code, str(done.exception or done.output)


@pytest.mark.parametrize("family", ["birds", "nests"])
def test_a_family_with_a_template_and_one_with_the_same_examples_get_a_task(plugin: Path, family: str) -> None:
    assert new(plugin, "my-birds", family)[0] == 0
    package = plugin.parent / "made" / "my-birds"
    source = (package / "harness_my_birds" / "plugin.py").read_text()
    assert (
        "from bird_kinds import Bird\nfrom harness import FileData, Split, TargetTask, hookimpl, readers, splits\n"
        in source
    )
    assert 'dependencies = ["xtreme-harness"]' in (package / "pyproject.toml").read_text()
    for command in (["check", "--select", "E,F,I,W,UP,B"], ["format", "--check"]):
        line = [sys.executable, "-m", "ruff", command[0], "--isolated", "--line-length", "120", "--no-cache"]
        done = subprocess.run([*line, *command[1:], "."], cwd=package, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout
    registry = Registry([plugin, package / "harness_my_birds" / "plugin.py"])
    checks = ("references", "readable", "ids", "labels", "sizes")
    outcomes = check_plugin("plugin", checks=checks, data_dir=package / "tests" / "data", registry=registry)
    assert {outcome.status for outcome in outcomes} == {"passed"}, outcomes


def test_a_family_without_a_template_is_refused_by_name(plugin: Path) -> None:
    code, message = new(plugin, "my-eggs", "eggs")
    assert code != 0 and "no template for the examples of the family 'eggs' (int)" in message


def test_a_task_depends_on_the_distribution_of_its_family(plugin: Path, tmp_path: Path) -> None:
    family = replace(Registry([plugin]).family("birds"), provider="welsh-birds:birds")
    made = new_task("my-birds", family, template_of(family, []), tmp_path)
    assert 'dependencies = ["xtreme-harness", "welsh-birds"]' in (made / "pyproject.toml").read_text()


def test_rows_that_cannot_be_made_are_the_fault_of_the_plugin_and_leave_no_folder(plugin: Path, tmp_path: Path) -> None:
    family = Registry([plugin]).family("birds")
    broken = replace(template_of(family, []), rows=lambda code, split: [{"song": len(code) / 0}])
    with pytest.raises(PluginError, match=r"family 'birds': template: rows: .*division by zero"):
        new_task("my-birds", family, broken, tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_a_template_that_is_none_fails_the_contract_and_writes_nothing(plugin: Path) -> None:
    plugin.write_text(PLUGIN.replace("bird_kinds:TEMPLATE", "bird_kinds:Bird"))
    (failed,) = [
        o for o in check_plugin("birds", checks=["references"], registry=Registry([plugin])) if o.status == "failed"
    ]
    assert "template: 'bird_kinds:Bird' is not what it should be" in failed.detail
    code, message = new(plugin, "my-birds", "birds")
    assert code != 0 and "template: 'bird_kinds:Bird' is no TaskTemplate" in message
