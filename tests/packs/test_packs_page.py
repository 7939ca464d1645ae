"""The page about packs, their projects and the extra name what the packs have; no pack is in the way of the others."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from wheels import harness, install

from harness import IntermediateTask, Registry, TargetTask

ROOT = Path(__file__).resolve().parents[2]
PACKS = sorted(path.parent.name for path in (ROOT / "packs").glob("*/pyproject.toml"))
SECTIONS = {
    name: text
    for text in (ROOT / "docs" / "packs.md").read_text(encoding="utf-8").split("\n## ")[1:]
    for name in re.findall(r"`xtreme-harness-([\w-]+)`", text.partition("\n")[0])
}


def project(name: str) -> dict:
    return tomllib.loads((ROOT / "packs" / name / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_every_pack_has_its_section_and_is_in_the_extra() -> None:
    assert sorted(SECTIONS) == PACKS
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert extras["packs"] == [f"xtreme-harness-{name}" for name in PACKS] == [project(name)["name"] for name in PACKS]


@pytest.mark.parametrize("name", PACKS)
def test_a_section_has_the_languages_and_licences_of_its_tasks(pack: Callable[..., Registry], name: str) -> None:
    registry, section = pack(name), SECTIONS[name]
    tasks: list[TargetTask | IntermediateTask] = [*registry.tasks().values(), *registry.intermediate_tasks().values()]
    rows = dict(re.findall(r"^\| `(\w+)`[^|]*\| (.*) \|$", section, re.MULTILINE))
    own = {task.name: task for task in tasks if task.provider.startswith("file:")}
    assert set(rows) == set(own) and own
    for task in own.values():
        count, _, licence = (cell.strip() for cell in rows[task.name].split("|"))
        assert (int(count), licence) == (len(task.languages) or 1, task.licence)
        if isinstance(task, TargetTask):
            blocks = (block.partition(":") for block in section.split("\n\n") if block.startswith("Languages of "))
            [listed] = [codes for names, _, codes in blocks if f"`{task.name}`" in names]
            assert listed.split() == list(task.languages)


def test_plugins_say_who_gave_what_and_a_pack_that_is_broken_or_too_new_stops_nothing(tmp_path: Path) -> None:
    for name, line in {"broken": "raise RuntimeError('lost')", "newer": "from harness import NotYetThere"}.items():
        package = tmp_path / name / f"harness_{name}"
        package.mkdir(parents=True)
        (package / "__init__.py").write_text("")
        (package / "plugin.py").write_text(f"{line}\n")
        text = (ROOT / "packs" / "sib200" / "pyproject.toml").read_text(encoding="utf-8").replace("sib200", name)
        (tmp_path / name / "pyproject.toml").write_text(text)
        (tmp_path / name / "README.md").write_text("")
    site = install([ROOT / "packs" / "nli", tmp_path / "broken", tmp_path / "newer"], tmp_path / "installed")
    found = {f"{p['distribution']}:{p['name']}": p for p in json.loads(harness(site, "plugins", "--json").stdout)}
    good = found["xtreme-harness-nli:nli_world"]
    assert good["status"] == "ok" and {"target task afrixnli", "benchmark nli-world", "language oto"} <= set(
        good["provides"]
    )
    assert found["xtreme-harness-broken:broken"]["status"] == "failed" != good["status"]
    assert "NotYetThere" in found["xtreme-harness-newer:newer"]["reason"]
    assert found["xtreme-harness:xnli"]["status"] == "ok"
