"""Every command that opens a model takes the options of the session, from the one list of them."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import click
import pytest

from harness.cli.main import COMMANDS
from harness.cli.shared_options import COMPUTE, SESSION
from harness.core.imports import load_object
from harness.inference.session import Compute
from harness.models.resolve import Access
from harness.registry.default import get_registry
from harness.types.options import EvalOptions

WITHOUT = {
    "train": {"compiled"},  # training is not compiled
    "adapters": {"compiled"},
    "doctor": {"dtype"},  # --invariance compares the precisions
    "efficiency": {"batch_tokens"},  # batches have the sizes that are measured
    "study measure": {"batch_tokens"},  # as above
    "tasks show": set(COMPUTE),  # it opens a tokenizer
    "breakdown": {*COMPUTE, "offline"},  # it opens a tokenizer, and never downloads
}
"""Options of the session that have no meaning in a command."""


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for inner, each in command.commands.items():
            yield from commands(f"{name} {inner}", each)
    else:
        yield name, command


ALL = dict(pair for name, (path, _) in COMMANDS.items() for pair in commands(name, load_object(path)))


def options(name: str) -> dict[str, click.Parameter]:
    return {str(option.name): option for option in ALL[name].params}


def opens_a_model() -> set[str]:
    """Commands that take a model, or any option of the session besides --offline, which concerns data, too."""
    return {name for name in ALL if options(name).keys() & {"model", *SESSION} - {"offline"}}


def test_commands_that_open_a_model_are_found() -> None:
    assert opens_a_model() >= {"eval", "train", "study run", "mine", "checklist", *WITHOUT}


@pytest.mark.parametrize("name", sorted(opens_a_model()))
def test_a_command_that_opens_a_model_has_every_option_of_the_session(name: str) -> None:
    there = options(name)
    without = WITHOUT.get(name, set())
    assert SESSION.keys() - there.keys() == without, f"{name}: use session_options()"
    shared = {param.name: param for param in _declared().params}
    for option in SESSION.keys() - without:
        assert there[option].to_info_dict() == shared[option].to_info_dict(), f"{name}: {option} is declared anew"


def _declared() -> click.Command:
    def nothing() -> None:
        """A command with the options and nothing else."""

    for option in SESSION.values():
        nothing = option(nothing)
    return click.command()(nothing)


def test_the_list_has_everything_that_a_session_reads_of_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    read = set()

    class Noting(SimpleNamespace):
        def __getattribute__(self, name: str) -> Any:
            if not name.startswith("_"):
                read.add(name)
            return super().__getattribute__(name)

    noting = cast(EvalOptions, Noting(**{**vars(EvalOptions()), "device": "cpu"}))
    Access.of(noting, get_registry())
    assert read == SESSION.keys() - set(COMPUTE)
    read.clear()
    Compute.of(noting, get_registry())
    assert read == set(COMPUTE)
