"""The documentation names what is there: commands, options, functions, files, links."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest
from pack_registry import with_packs
from pages import OF_PLUGINS, PACK_PAGES, PAGES, ROOT, fences, indented, option_names, pages, spans, text

from harness.cli.main import COMMANDS, cli
from harness.cli.reference import reference
from harness.registry.select import select
from harness.training.via import parse_via
from harness.types.options import ObjectiveOptions


def command_lines(page: Path) -> list[str]:
    """Every command line that a page shows: in blocks, and in inline code, which may leave out what is required."""
    found = []
    for language, block in fences(page):
        if language in ("", "sh", "bash", "console"):
            lines = block.replace("\\\n", " ").splitlines()
            found += [match[1] for line in lines if (match := re.match(r"(?:\$ )?(?:\.venv/bin/)?(harness .*)", line))]
    found += [line for line in indented(page) if line.startswith("harness ")] if page in PACK_PAGES else []
    found += [f"{span} ..." for span in spans(page) if span.startswith("harness ")]
    return [line for line in found if not re.search(r"[A-Z]{4,} \[|\[OPTIONS\]|COMMAND", line)]


def parse(line: str) -> tuple[click.Context, dict[str, Any]]:
    """The command of a line and its options, by click's own parser; nothing is run."""
    words = shlex.split(line, comments=True)[1:]
    words = words[: next((i for i, word in enumerate(words) if word in (">", "|", "&&")), len(words))]
    shortened = "..." in words
    words = [word for word in words if word != "..."]
    command: click.Command = cli
    context = click.Context(cli, info_name="harness")
    while True:
        given, rest, _ = command.make_parser(context).parse_args(list(words))
        if not isinstance(command, click.Group) or not rest:
            break
        inner = command.get_command(context, rest[0])
        assert inner is not None, f"{line}: no command {rest[0]!r}"
        command, words = inner, rest[1:]
        context = click.Context(command, parent=context, info_name=rest[0])
    assert isinstance(command, click.Group) or not rest, f"{line}: {rest} is too much"
    for parameter in command.params:
        value = given.get(parameter.name or "")
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            parameter.type.convert(value, parameter, context)
    if not shortened and not given.get("help"):
        missing = [
            p.opts[0] for p in command.params if isinstance(p, click.Option) and p.required and p.name not in given
        ]
        assert not missing, f"{line}: {', '.join(missing)} is missing"
    return context, given


@pytest.mark.parametrize(
    ("page", "line"),
    [
        pytest.param(page, line, id=f"{page.relative_to(ROOT)}: {line}")
        for page in (*PAGES, *PACK_PAGES)
        for line in command_lines(page)
    ],
)
def test_every_command_line_parses(page: Path, line: str) -> None:
    context, given = parse(line)
    if page.name in OF_PLUGINS or "--plugin" in line:
        return
    registry = with_packs()
    many = {name: value for name, value in given.items() if isinstance(value, list | tuple)}
    of_board = context.parent is not None and context.parent.info_name == "leaderboard"  # whatever its rows name
    if (benchmark := given.get("benchmark")) and not of_board:
        registry.benchmark(str(benchmark))
    selectors = [str(value) for value in many.get("tasks", ()) if value != "SELECTOR"]
    if selectors or many.get("languages"):
        languages = [code for value in many.get("languages", ()) for code in str(value).split(",")]
        split = str(given.get("split") or "test")
        assert select(registry, given.get("benchmark"), selectors, languages, split)
    for expression in [
        *many.get("via", ()),
        *([given["task"]] if context.info_name == "train" and isinstance(given.get("task"), str) else []),
    ]:
        for part in parse_via(str(expression)):
            registry.intermediate(part.name)
    if (recipe := str(given.get("recipe") or "xtreme")) and not recipe.endswith(".toml"):
        registry.recipe(recipe)
    for override in many.get("overrides", ()):
        known = option_names() | {field.name for field in fields(ObjectiveOptions)}
        assert str(override).partition("=")[0].rpartition(".")[2] in known, override


def commands(command: click.Command = cli, path: str = "harness") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, f"{path} {name}")


def test_the_command_reference_is_current() -> None:
    assert text("docs/commands.md") == reference(), "docs/commands.md is out of date: make docs"


def test_help_names_only_what_exists() -> None:
    everything = dict(commands())
    options = {name for command in everything.values() for option in command.params for name in option.opts} | {
        "--help"
    }
    for path, command in everything.items():
        texts = [
            command.help or "",
            *(option.help or "" for option in command.params if isinstance(option, click.Option)),
        ]
        for said in texts:
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", said)) <= options, f"{path}: {said}"
            named = [word for word in re.findall(r"\bharness ([a-z]{3,})\b", said) if f"'harness {word}" in said]
            assert set(named) <= set(COMMANDS), f"{path}: {said}"


@pytest.mark.parametrize("page", PACK_PAGES, ids=lambda page: page.parent.name)
def test_every_pack_shows_how_to_run_it_and_names_options_with_their_command(page: Path) -> None:
    assert any(line.startswith("harness eval --model") for line in command_lines(page))
    alone = {span.split()[0] for span in spans(page) if span.startswith("--")}
    context, _ = parse("harness eval --model m")
    assert alone <= {option for parameter in context.command.params for option in parameter.opts}


@pages
def test_options_named_in_prose_exist(page: Path) -> None:
    own = {name for _, command in commands() for option in command.params for name in option.opts} | {"--help"}
    for span in spans(page):
        if not span.startswith(("harness ", "--")):
            continue
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", span):
            assert option in own, f"{page.name}: `{span}`"


@pages
def test_links_of_every_page_lead_to_a_file_and_a_heading(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+://|mailto:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """What GitHub calls the headings."""
    content = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", content, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pages
def test_files_that_are_named_exist(page: Path) -> None:
    folders = "harness|plugins|tests|docs|benchmarks|leaderboards"
    for span in spans(page):
        if re.fullmatch(rf"(?:{folders})/[\w./-]*(?:\.\w+|/)", span):
            assert (ROOT / span).exists(), f"{page.name}: {span}"


@pages
def test_no_page_names_a_path_of_a_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.])/(?:work|tmp|home|root|usr)/", page.read_text(encoding="utf-8"))


def python_blocks() -> Iterator[Any]:
    for page in PAGES:
        for number, (language, block) in enumerate(fences(page), start=1):
            if language == "python":
                yield pytest.param(page, block, id=f"{page.name}-{number}")


@pytest.mark.parametrize(("page", "block"), python_blocks())
def test_python_examples_name_what_exists(page: Path, block: str) -> None:
    signature_alone = re.fullmatch(r"def [^\n]*[^:\n]\n", block)
    tree = ast.parse(block.rstrip() + ": ..." if signature_alone else block)
    known: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("harness", "harness_plugins"):
            module = importlib.import_module(str(node.module))
            for alias in node.names:
                assert hasattr(module, alias.name), f"{page.name}: {node.module}.{alias.name}"
                known[alias.asname or alias.name] = getattr(module, alias.name)
        elif isinstance(node, ast.Import):
            known |= {
                alias.name: importlib.import_module(alias.name) for alias in node.names if alias.name == "harness"
            }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and (function := resolve(node.func, known)) is not None:
            if any(isinstance(argument, ast.Starred) for argument in node.args) or not callable(function):
                continue
            keywords = {keyword.arg: None for keyword in node.keywords if keyword.arg}
            inspect.signature(function).bind_partial(*node.args, **keywords)


def resolve(node: ast.expr, known: dict[str, Any]) -> Any:
    """The function or class of ours that an expression names, else None."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute) and inspect.ismodule(owner := resolve(node.value, known)):
        return getattr(owner, node.attr)
    return None


@pages
def test_public_names_in_prose_exist(page: Path) -> None:
    for span in spans(page):
        if match := re.fullmatch(r"(harness(?:\.\w+)+)(?:\(.*\))?", span):
            parts = match[1].split(".")
            if parts[1] in ("egg-info", "plugins", "toml", "html", "json"):
                continue
            value: Any = importlib.import_module(parts[0])
            for depth, part in enumerate(parts[1:], start=2):
                value = (
                    getattr(value, part) if hasattr(value, part) else importlib.import_module(".".join(parts[:depth]))
                )


LINE = 100
"""Characters in a line of prose."""


def long_lines(page: Path) -> list[str]:
    """Lines of prose that are too long; tables, code, headings and lines of links alone may be of any length."""
    content = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    links_alone = r"[-*\s]*(?:\[[^\]]*\]\([^)]*\)[\s.,:;·]*)+"
    return [
        line
        for line in content.splitlines()
        if len(line) > LINE and not line.startswith(("|", "#", "<!--", "    ")) and not re.fullmatch(links_alone, line)
    ]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_lines_of_prose_are_wrapped(page: Path) -> None:
    long = long_lines(page)
    assert not long, f"{page.name}: longer than {LINE} characters: {long[0]}"


def test_every_closed_fault_names_a_test_that_is_there() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text("docs/faults.md"))
    lines = [line for line in text("docs/faults.md").splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(named) == len(lines) > 20
    for file, name in named:
        assert f"def {name}(" in text(file), f"{file}::{name}"


def test_signatures_in_the_python_page_name_real_parameters() -> None:
    shown = re.findall(r"^\| `(harness[\w.]+)\((.*?)\)`", text("docs/python.md"), re.MULTILINE)
    assert len(shown) >= 13
    for name, parameters in shown:
        module, _, function = name.rpartition(".")
        real = inspect.signature(getattr(importlib.import_module(module), function)).parameters
        names = [part.partition("=")[0].strip() for part in parameters.split(",") if part.strip() != "*"]
        assert set(names) <= set(real), name


def test_the_readme_begins_with_what_to_type() -> None:
    readme = text("README.md")
    assert "make demo" in readme and "make test" in readme
    targets = re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z]+)\b", " ".join(spans(ROOT / "README.md")))) <= set(targets)
