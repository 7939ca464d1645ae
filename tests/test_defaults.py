"""One default in one place: the command line, Python, the option classes and the pages say the same."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import click
import pytest

import harness.api
from harness.cli.main import cli
from harness.families.bitext_mining import BitextMining
from harness.inference.forward import Forward
from harness.inference.session import Compute
from harness.models.device import choose_batch_tokens
from harness.models.reference import parse_model
from harness.registry.default import get_registry
from harness.retrieval.embedding import EmbeddingOptions
from harness.retrieval.knn import nearest
from harness.retrieval.mine_files import MiningOptions
from harness.retrieval.mining import mine_texts
from harness.training.recipes import find_recipe
from harness.types import defaults
from harness.types.options import EvalOptions

ROOT = Path(__file__).parents[1]
OF_VERB = {"compare": harness.api.compare, "checklist": harness.api.checklist, "score": harness.api.score}
GIVEN = {"model", "predictions", "labels", "options", "examples"}
"""Arguments that Python asks for; and the failures of a checklist, of which the command prints fewer than are kept."""
FILLED_LATER = {"layer", "pool", "prompt"}
"""Options that are overrides: without them the class decides, and the help text says how."""


def commands(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command by its name."""
    yield " ".join(path), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


def plain(value: Any) -> Any:
    """A default without the way of writing that none is given."""
    return (
        None if value is None or repr(value) == "Sentinel.UNSET" or value in ((), "", {}) or value is False else value
    )


def default_of(kind: Any, name: str) -> Any:
    """The default of a field."""
    field = next(field for field in fields(kind) if field.name == name)
    return (
        field.default_factory() if field.default is MISSING and field.default_factory is not MISSING else field.default
    )


COMMANDS = dict(commands())
OPTIONS = [
    (name, option)
    for name, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
]


@pytest.mark.parametrize(
    "kind, names", [(EvalOptions, ("eval", "train", "study run", "checklist", "adapters")), (MiningOptions, ("mine",))]
)
def test_options_of_commands_have_the_defaults_of_the_classes(kind: Any, names: tuple[str, ...]) -> None:
    known = {field.name for field in fields(kind)}
    seen = set()
    for name, option in OPTIONS:
        if name in names and option.name in known and option.name not in FILLED_LATER:
            assert plain(option.default) == plain(default_of(kind, option.name)), (name, option.name)
            seen.add(option.name)
    assert len(seen) > 5


@pytest.mark.parametrize("verb", OF_VERB)
def test_keywords_of_python_have_the_defaults_of_the_command(verb: str) -> None:
    parameters = inspect.signature(OF_VERB[verb]).parameters
    for name, option in OPTIONS:
        if name == verb and option.name in parameters and not option.required and option.name not in GIVEN:
            assert plain(option.default) == plain(parameters[option.name].default), option.name


@pytest.mark.parametrize("name, option", OPTIONS, ids=lambda value: value if isinstance(value, str) else value.name)
def test_a_default_in_a_help_text_is_that_of_the_option(name: str, option: click.Option) -> None:
    """A text says it by itself where the option has none of its own; a number or name in it is one that is used."""
    said = re.search(r"\[default: ([^\]]*)\]", option.help or "")
    if said is None:
        return
    assert not option.show_default, "the default would be there twice"
    if option.name in ("layer", "pool", "prompt"):
        assert said[1] == plain(default_of(EmbeddingOptions, option.name)) or (option.name, said[1]) == (
            "layer",
            "auto",
        )
    if option.name == "index":
        assert said[1] == default_of(MiningOptions, "index")


def test_mining_has_one_set_of_defaults() -> None:
    function, family = inspect.signature(mine_texts).parameters, BitextMining.Options
    for name in ("k", "margin", "retrieval", "duplicates"):
        assert default_of(MiningOptions, name) == default_of(family, name) == function[name].default
    for name in ("precision", "memory", "index"):
        assert default_of(MiningOptions, name) == default_of(family, name)
    assert (
        function["memory"].default
        == inspect.signature(nearest).parameters["memory"].default
        == defaults.SIMILARITY_MEMORY << 20
    )


def test_batches_have_the_size_that_help_and_pages_say() -> None:
    assert choose_batch_tokens(None, "cuda:1") == defaults.GPU_BATCH_TOKENS == 32_768
    assert choose_batch_tokens(None, "cpu") == defaults.CPU_BATCH_TOKENS == 1_024
    assert choose_batch_tokens(None, "mps") == default_of(Compute, "budget") == default_of(Forward, "budget")
    assert choose_batch_tokens(77, "cpu") == 77
    (text,) = {option.help for _, option in OPTIONS if option.name == "batch_tokens"}
    assert str(defaults.GPU_BATCH_TOKENS) in text and str(defaults.CPU_BATCH_TOKENS) in text
    page = (ROOT / "docs/evaluation.md").read_text(encoding="utf-8")
    assert f"{defaults.GPU_BATCH_TOKENS:,} on a GPU" in page and f"{defaults.CPU_BATCH_TOKENS:,} on a CPU" in page
    assert f"{defaults.GPU_BATCH_TOKENS:,} tokens by default" in (ROOT / "docs/speed.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "model, recipe", [("tiny", "tiny"), ("org/model", defaults.RECIPE), ("demo:e5-small", defaults.RECIPE)]
)
def test_python_and_the_command_line_take_the_same_recipe(model: str, recipe: str) -> None:
    (option,) = [option for name, option in OPTIONS if name == "eval" and option.name == "recipe"]
    for text in (EvalOptions().recipe, option.default):
        assert find_recipe(text, get_registry(), parse_model(model)).name == recipe
    assert f"[default: {defaults.RECIPE}, or tiny for --model tiny]" in option.help


def test_the_benchmark_where_none_is_named_is_one() -> None:
    named = {
        (name, option.default)
        for name, option in OPTIONS
        if option.name in ("benchmark", "benchmark_name") and plain(option.default)
    }
    assert {default for _, default in named} == {defaults.BENCHMARK} and len(named) >= 2
    assert f"the benchmark is {defaults.BENCHMARK} unless" in " ".join((COMMANDS["score"].help or "").split())
