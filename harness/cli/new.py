"""``harness new``: the files of a new plugin package."""

from __future__ import annotations

from pathlib import Path

import click

from harness.scaffold.plain import PLAIN, Plain
from harness.types.defaults import BENCHMARK

_out = click.option("--out", default=".", show_default=True, metavar="FOLDER", help="Where the package folder is made.")


@click.group()
def command() -> None:
    """Write a complete, installable plugin package: code, a fixture, tests.

    It passes its own tests and type check as it is; its README says what to change.
    """


@command.command()
@click.argument("name")
@click.option("--family", "family_name", required=True, metavar="FAMILY", help="Kind of task: classification, tagging.")
@_out
def task(name: str, family_name: str, out: str) -> None:
    """A target task of a family."""
    from harness.registry.default import get_registry
    from harness.registry.template import template_of
    from harness.scaffold.package import new_task

    registry = get_registry()
    family = registry.family(family_name)
    _done(new_task(name, family, template_of(family, registry.families().values()), Path(out)))


@command.command()
@click.argument("name")
@click.option(
    "--task", "tasks", multiple=True, metavar="TASK", help="A task that counts.  [default: two tasks to start with]"
)
@_out
def benchmark(name: str, tasks: tuple[str, ...], out: str) -> None:
    """A benchmark with its own overall score."""
    from harness.registry.default import get_registry
    from harness.scaffold.package import new_benchmark

    registry = get_registry()
    chosen = tasks or list(registry.tasks())[:2]
    _done(new_benchmark(name, {task: registry.task(task) for task in chosen}, Path(out)))


@command.command()
@click.argument("name")
@_out
def family(name: str, out: str) -> None:
    """A family with its own examples, model, files and metric (a number for a pair of texts), and a task of it."""
    from harness.scaffold.package import new_family

    _done(new_family(name, Path(out)))


@command.command()
@click.argument("name")
@_out
def store(name: str, out: str) -> None:
    """A store of examples: a task whose examples stay on disk until they are asked for."""
    from harness.scaffold.package import new_store

    _done(new_store(name, Path(out)))


@command.command(name="feature-rows")
@click.argument("name")
@_out
def feature_rows(name: str, out: str) -> None:
    """Feature rows: a family, as 'family' writes it, whose rows are tokenised when a batch asks for them."""
    from harness.scaffold.package import new_feature_rows

    _done(new_feature_rows(name, Path(out)))


@command.command()
@click.argument("name")
@_out
def intermediate(name: str, out: str) -> None:
    """An intermediate task: to train on before the task that is scored (--via NAME)."""
    from harness.scaffold.package import new_intermediate

    _done(new_intermediate(name, Path(out)))


@command.command()
@click.argument("name")
@_out
def pack(name: str, out: str) -> None:
    """A pack: a task in several languages, the English stage that it is trained on, a benchmark and a language."""
    from harness.scaffold.package import new_pack

    _done(new_pack(name, Path(out)))


@command.command()
@click.argument("name")
@_out
def launcher(name: str, out: str) -> None:
    """A launcher: where the jobs of studies run, and how they are started there."""
    from harness.scaffold.package import new_launcher

    _done(new_launcher(name, Path(out)))


@command.command()
@click.argument("name")
@_out
def objective(name: str, out: str) -> None:
    """An objective: how stages are trained (noise on the word embeddings, to start with)."""
    from harness.scaffold.package import new_objective

    _done(new_objective(name, Path(out)))


@command.command()
@click.argument("name")
@_out
def language(name: str, out: str) -> None:
    """A language: its codes, script and family, for tasks, selectors and reports."""
    from harness.scaffold.package import new_language

    _done(new_language(name, Path(out)))


@command.command()
@click.argument("name")
@click.option(
    "--benchmark", "benchmark_name", default=BENCHMARK, show_default=True, help="On which the systems are scored."
)
@_out
def rows(name: str, benchmark_name: str, out: str) -> None:
    """Published rows: what others report, for the leaderboard (a row that is made up, to start with)."""
    from harness.registry.default import get_registry
    from harness.scaffold.package import new_rows

    registry = get_registry()
    benchmark = registry.benchmark(benchmark_name)
    _done(new_rows(name, benchmark, registry.task(next(iter(benchmark.tasks))), Path(out)))


def _plain(kind: str, plain: Plain) -> click.Command:
    """The command that writes a package of one module."""

    @click.argument("name")
    @_out
    def write(name: str, out: str) -> None:
        from harness.scaffold.package import new_plain

        _done(new_plain(kind, name, Path(out)))

    return click.command(name=kind, help=f"{plain.what}: {plain.more}")(write)


for _kind, _described in PLAIN.items():
    command.add_command(_plain(_kind, _described))


def _done(path: Path) -> None:
    from harness.cli.console import print_text

    print_text(f"written: {path}\nnext:    cd {path} && pip install --editable '.[test]' && pytest && mypy")
