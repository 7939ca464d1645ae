"""Every default that a page names is that of the code: in tables with a column "default", and in prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import click
import pytest
from pages import PAGES
from test_defaults import COMMANDS

import harness
from harness.registry.default import get_registry
from harness.registry.registry import load_part
from harness.retrieval.embedding import MAX_LENGTH
from harness.retrieval.mine_files import MiningOptions
from harness.training.context import options_of
from harness.types import defaults
from harness.types.extensions import Objective
from harness.types.options import EvalOptions, ObjectiveOptions, TrainOptions

FAMILIES = {
    "QA": ("span_qa",),
    "retrieval and mining": ("bitext_retrieval", "bitext_mining", "MiningOptions"),
    "mlm": ("mlm",),
    "generation": ("generation",),
}
"""Families by what the pages call them, where their defaults differ."""
WRITTEN_AS = {"layer": "auto", "max_length": MAX_LENGTH}
"""The value that an option without one (None) stands for, where nothing else decides."""
GENERATED = {"commands.md", "hooks.md"}


class Said(NamedTuple):
    """A default that a page names: of which option, for which families ("" where it is of all others), and the value."""

    page: str
    name: str
    families: str
    value: str

    def __str__(self) -> str:
        return f"{self.page}: {self.name}" + (f" ({self.families})" if self.families else "")


def owners() -> dict[str, dict[str, Any]]:
    """The options by name, each with the default of everything that has it: classes of options, families, commands."""
    registry = get_registry()
    kinds: dict[str, Any] = {kind.__name__: kind for kind in (TrainOptions, ObjectiveOptions, MiningOptions)}
    kinds |= {name: kind for name, family in registry.families().items() if (kind := options_of(family)) is not None}
    kinds |= {
        f"objective {name}": load_part(objective, "implementation").Options
        for name, objective in registry.all(Objective).items()
    }
    found: dict[str, dict[str, Any]] = {}
    for owner, kind in kinds.items():
        for field in fields(kind):
            value = field.default if field.default is not MISSING else field.default_factory()  # type: ignore[misc]
            found.setdefault(field.name, {})[owner] = WRITTEN_AS.get(field.name) if value is None else value
    for field in fields(EvalOptions):  # pages write these as options of the command line, which are checked elsewhere
        found.setdefault(field.name, {"EvalOptions": field.default})
    for name, command in COMMANDS.items():
        for option in command.params:
            if isinstance(option, click.Option):
                for flag in option.opts:
                    found.setdefault(flag, {})[f"harness {name}"] = option.default
    return found


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def in_tables(page: str, text: str) -> Iterator[Said]:
    """The defaults of tables with a column of this name; several options of a row have theirs in order."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if not line.startswith("| ") or "default" not in cells(line):
            continue
        at = cells(line).index("default")
        for row in lines[number + 2 :]:
            if not row.startswith("| "):
                break
            names = [name for name in re.findall(r"`([^`]+)`", cells(row)[0]) if not name.startswith("--")]
            yield from of_row(page, names, cells(row)[at].replace("`", ""))


def of_row(page: str, names: list[str], text: str) -> Iterator[Said]:
    if ";" in text:  # one option, by family
        assert len(names) == 1, (page, names)
        for clause in text.split(";"):
            who = next((who for who in FAMILIES if clause.strip().startswith(who)), "")
            yield Said(page, names[0], who, clause.strip().removeprefix(who).strip(" :").split(" ")[-1])
        return
    values = [value.strip() for value in text.split(", ")]
    assert len(values) == len(names), (page, names, values)
    yield from (Said(page, name, "", value) for name, value in zip(names, values, strict=True))


def in_prose(page: str, text: str, known: dict[str, Any]) -> Iterator[Said]:
    """``mlm_probability`` (0.15): an option with a number or a name in brackets behind it."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    prose = " ".join(line for line in prose.splitlines() if not line.startswith("|"))
    for name, value in re.findall(r"`([\w-]+)` \(`?(-?[\d][\d.,e-]*|true|false)`?\)", prose):
        if name in known:
            yield Said(page, name, "", value)


def said() -> list[Said]:
    known = owners()
    found: list[Said] = []
    for path in PAGES:
        if path.name not in GENERATED:
            text = path.read_text(encoding="utf-8")
            found += in_tables(path.name, text)
            found += in_prose(path.name, text, known)
    return found


def like(value: Any) -> Any:
    """A default as both sides write it: numbers as numbers, none, nothing and false alike."""
    text = str(value).replace(",", "").strip().lower()
    if text in ("none", "", "()", "{}"):
        return "none"
    try:
        return float(text)
    except ValueError:
        return text


@pytest.mark.parametrize("one", said(), ids=str)
def test_a_default_in_the_documentation_is_that_of_the_code(one: Said) -> None:
    known = owners()
    assert one.name in known, f"{one.page}: {one.name!r} is no option"
    apart = {
        family
        for who in {each.families for each in said() if each.name == one.name}
        for family in FAMILIES.get(who, ())
    }
    of = FAMILIES[one.families] if one.families else [owner for owner in known[one.name] if owner not in apart]
    real = {owner: known[one.name][owner] for owner in of}
    assert real and {like(value) for value in real.values()} == {like(one.value)}, f"{one}: {real}, not {one.value}"


def test_the_tables_of_options_name_a_default_for_every_one() -> None:
    known, named = owners(), {each.name for each in said()}
    kinds = [kind for family in get_registry().families().values() if (kind := options_of(family)) is not None]
    assert {field.name for kind in (TrainOptions, *kinds) for field in fields(kind)} <= named & known.keys()


def values_of_fields() -> set[Any]:
    """The defaults of all options, and of the fields of everything public."""
    public = [getattr(harness, name) for name in dir(harness)]
    found = {like(value) for each in owners().values() for value in each.values()}
    for kind in public:
        for field in fields(kind) if isinstance(kind, type) and is_dataclass(kind) else ():
            found.add(like(field.default))
    return found | {defaults.BENCHMARK, defaults.RECIPE}


@pytest.mark.parametrize("path", [path for path in PAGES if path.name not in GENERATED], ids=lambda path: path.name)
def test_what_is_called_the_default_is_one(path: Path) -> None:
    known = values_of_fields()
    text = " ".join(path.read_text(encoding="utf-8").split())
    for name in re.findall(r"`\"?([\w-]+)\"?`\*{0,2} \(the default\b", text):
        assert like(name) in known, f"{path.name}: {name!r} is no default"


def test_a_wrong_default_is_found() -> None:
    table = "| option | default | meaning |\n|---|---|---|\n| `lr`, `epochs` | 1e-5, 3 | x |\n"
    wrong = [one for one in in_tables("p.md", table) if like(one.value) != like(owners()[one.name]["TrainOptions"])]
    assert [one.name for one in wrong] == ["lr"]
    assert [*in_prose("p.md", "`mlm_probability` (0.2) of them", owners())] == [
        Said("p.md", "mlm_probability", "", "0.2")
    ]
    assert [(one.families, one.value) for one in of_row("p.md", ["max_length"], "128; QA 384; mlm 9")] == [
        ("", "128"), ("QA", "384"), ("mlm", "9")
    ]  # fmt: skip
