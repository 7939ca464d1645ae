"""The ``harness`` command: options for every command, commands imported when called, errors without tracebacks."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.console import message
from harness.cli.streams import lasting_streams, unread
from harness.core.border import PASSING, in_words
from harness.core.errors import DataError, HarnessError, PluginError, UsageError
from harness.core.files import disk_refusal
from harness.core.interruption import stopped_by_signals
from harness.core.version import __version__

if TYPE_CHECKING:
    from harness.registry.registry import Registry

COMMANDS: dict[str, tuple[str, str]] = {
    "eval": ("harness.cli.eval:command", "Score a model zero-shot on tasks or a whole benchmark."),
    "train": ("harness.cli.train:command", "Fine-tune on English, after intermediate tasks if asked."),
    "adapters": ("harness.cli.adapters:command", "Train an adapter for each language on its text."),
    "score": ("harness.cli.score:command", "Score prediction files without a model."),
    "compare": ("harness.cli.compare:command", "Compare runs: differences, confidence intervals, corrected p-values."),
    "breakdown": (
        "harness.cli.breakdown:command",
        "Break scores down by length, overlap, answer type and more.",
    ),
    "checklist": ("harness.cli.checklist:command", "Test a question-answering model on simple generated cases."),
    "report": ("harness.cli.report:command", "Report runs as text, Markdown, CSV, LaTeX, HTML or JSON."),
    "figures": ("harness.cli.figures:command", "Draw figures for papers: PDF, SVG or PNG."),
    "leaderboard": ("harness.cli.leaderboard:command", "Export rows, check them, show them next to published systems."),
    "runs": ("harness.cli.runs:command", "List, show and remove runs."),
    "cache": ("harness.cli.cache:command", "List and remove trained stages and other files that can be rebuilt."),
    "efficiency": ("harness.cli.efficiency:command", "Measure how quick models are here, and what they need."),
    "mine": ("harness.cli.mine:command", "Mine translation pairs from two text files."),
    "tasks": ("harness.cli.tasks:command", "List the tasks, or show one of them."),
    "data": ("harness.cli.data:command", "Verify, list and fetch data, or write the sample corpus."),
    "study": ("harness.cli.study:command", "Run a grid of models, intermediate stages and seeds that a plugin names."),
    "new": ("harness.cli.new:command", "Write the package of a new task, benchmark, family or launcher."),
    "plugins": ("harness.cli.plugins:command", "List the plugins, and the errors of those that failed."),
    "doctor": ("harness.cli.doctor:command", "Check the installation, the plugins and the data folder."),
    "demo": ("harness.cli.demo:command", "Run everything once on a small corpus, in minutes, offline."),
}
"""Each command: where it is, and its line in ``harness --help``, so that help imports none of them."""

_FREE_SPACE = "free some space or choose another folder; the same command goes on where this one stopped"


@dataclass(frozen=True)
class Settings:
    """The options before the command, as ``ctx.obj``; ``verbosity`` is -1 with -q, 1 with -v, 2 with -vv."""

    verbosity: int = 0
    traceback: bool = False


class Commands(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which one needs them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Imports the command."""
        if name not in COMMANDS:
            return _of_plugin(ctx, name)
        module, _, attribute = COMMANDS[name][0].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggests near names for a command that neither we nor the plugins have."""
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            registry = _registry(ctx)
            if name not in registry.commands():
                error = registry.missing("command", name, {**COMMANDS, **registry.commands()})
                if not isinstance(error, UsageError):
                    raise error
                raise click.UsageError(f"no such command: {name!r}; {error.hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command; an exception of a plugin's command becomes an error of the plugin. Its exits pass through."""
        try:
            return super().invoke(ctx)
        except (*PASSING, click.ClickException, click.Abort, click.exceptions.Exit, SystemExit):
            raise
        except BaseException as error:
            name = ctx.invoked_subcommand
            if name is None or name in COMMANDS or disk_refusal(error):
                raise
            where = f"plugin {_registry(ctx).command(name).provider}: command {name!r}"
            raise PluginError(f"{where}: {in_words(error)}", hint="--traceback shows where it arose") from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands, from their lines above."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _registry(ctx: click.Context) -> Registry:
    """The registry while the command is looked up, before the options before it are carried out."""
    from harness.registry.default import get_registry

    given = ctx.params
    with _logging(_verbosity(given.get("verbose", 0), given.get("quiet", False))):
        return get_registry(given.get("files", ()), given.get("disabled", ()))


def _verbosity(verbose: int, quiet: bool) -> int:
    return -1 if quiet else min(verbose, 2)


def _of_plugin(ctx: click.Context, name: str) -> click.Command | None:
    from harness.registry.registry import load_part

    registry = _registry(ctx)
    if name not in registry.commands():
        return None
    found = load_part(registry.command(name), "run")
    if not isinstance(found, click.Command):
        provider = registry.command(name).provider
        raise PluginError(f"plugin {provider}: command {name!r}: run: {type(found).__name__} is not a click command")
    return found


@click.group(
    cls=Commands,
    epilog="Plugins may add commands: 'harness plugins' lists what each of them provides.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", prog_name="xtreme-harness", message="%(prog)s %(version)s")
@click.option(
    "--plugin", "files", multiple=True, metavar="FILE", type=click.Path(path_type=Path), help="Load a plugin file."
)
@click.option("--no-plugin", "disabled", multiple=True, metavar="NAME", help="Do not load this plugin.")
@click.option("-v", "--verbose", count=True, help="Print more log messages (-vv: all).")
@click.option("-q", "--quiet", is_flag=True, help="Print errors only.")
@click.option("--no-color", is_flag=True, help="Plain text (as with the variable NO_COLOR).")
@click.option("--traceback", "show_traceback", is_flag=True, help="Show where an error arose (HARNESS_TRACEBACK=1).")
@click.pass_context
def cli(
    ctx: click.Context,
    files: tuple[Path, ...],
    disabled: tuple[str, ...],
    verbose: int,
    quiet: bool,
    no_color: bool,
    show_traceback: bool,
) -> None:
    """Zero-shot evaluation of multilingual encoders on XTREME and XTREME-R."""
    from harness.registry.default import set_default_plugins

    settings = Settings(_verbosity(verbose, quiet), show_traceback)
    ctx.obj = settings
    if no_color:
        ctx.with_resource(_environment("NO_COLOR", "1"))
    ctx.with_resource(_logging(settings.verbosity))
    set_default_plugins(files, disabled)
    ctx.call_on_close(set_default_plugins)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit code (see :mod:`harness.core.errors`)."""
    with lasting_streams() as outlets:
        with stopped_by_signals():
            code = _outcome(list(sys.argv[1:] if argv is None else argv))
        refused = unread(outlets)
        if code or refused is None:
            return code
        if refused.errno == errno.EPIPE:
            return 141
        return _report(DataError(f"the output could not be written: {refused.strerror}", hint=_FREE_SPACE), False)


def _outcome(arguments: list[str]) -> int:
    """Runs the command line and reports what went wrong."""
    traceback_wanted = "--traceback" in arguments or os.environ.get("HARNESS_TRACEBACK", "") not in ("", "0")
    try:
        return _run(arguments)
    except HarnessError as error:
        return _report(error, traceback_wanted)
    except click.ClickException as error:
        return _report_usage(error)
    except (KeyboardInterrupt, click.Abort) as stop:
        message(str(stop) or "interrupted", "error")
        return getattr(stop, "exit_code", 130)
    except (SystemExit, GeneratorExit):  # the command of a plugin may end as it likes
        raise
    except BaseException as error:
        if not traceback_wanted and (refusal := disk_refusal(error)):
            return _report(DataError(f"{_where(error)}{refusal}", hint=_FREE_SPACE), False)
        return _report_unexpected(error, traceback_wanted)


def _run(arguments: list[str]) -> int:
    if "_HARNESS_COMPLETE" in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "harness", "_HARNESS_COMPLETE", os.environ["_HARNESS_COMPLETE"])
    try:
        with cli.make_context("harness", arguments) as ctx:
            cli.invoke(ctx)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    return 0


def _where(error: BaseException) -> str:
    """The file that could not be written, as the error names it, or the folder noted on it."""
    named = getattr(error, "filename", None) or next(iter(getattr(error, "__notes__", ())), "")
    return f"{named}: " if named else ""


def _report(error: HarnessError, show_traceback: bool) -> int:
    if show_traceback:
        message(traceback.format_exc().rstrip())
    message(error, "error")
    if error.hint:
        message(error.hint, "hint")
    return error.exit_code


def _report_usage(error: click.ClickException) -> int:
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        click.echo(error.format_message(), err=True)
        return error.exit_code
    message(error.format_message(), "error")
    context = error.ctx if isinstance(error, click.UsageError) else None
    if isinstance(error, click.NoSuchOption) and context is not None and context.command is not cli:
        own = [name for option in cli.params for name in option.opts]
        if error.option_name in own:
            message(f"{error.option_name} comes before the command: harness {error.option_name} ...", "hint")
            return error.exit_code
    if context is not None:
        message(f"'{context.command_path} --help' shows what it takes", "hint")
    return error.exit_code


def _report_unexpected(error: BaseException, show_traceback: bool) -> int:
    if show_traceback:
        message(traceback.format_exc().rstrip())
    if isinstance(error, OSError) and error.filename is not None:
        message(f"{error.filename}: {error.strerror}", "error")
        return 1
    message(f"{type(error).__name__}: {error}", "error")
    again = "" if show_traceback else "run it again with HARNESS_TRACEBACK=1 and "
    message(f"this is a bug in harness or in a plugin: {again}report what it prints, with 'harness doctor'", "hint")
    return 1


class _Handler(logging.Handler):
    """Writes to the current stderr (a progress bar may have replaced it)."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            kind = record.levelname.lower() if record.levelno >= logging.WARNING else ""
            message(self.format(record), kind)
        except Exception:
            self.handleError(record)


@contextlib.contextmanager
def _logging(verbosity: int) -> Iterator[None]:
    """Logging is configured here and nowhere else: the package's messages, and the warnings of others."""
    root, ours = logging.getLogger(), logging.getLogger("harness")
    before = root.level, ours.level
    others = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO, 2: logging.DEBUG}[verbosity]
    handler = _Handler()
    root.addHandler(handler)
    root.setLevel(others)
    ours.setLevel({-1: logging.ERROR, 0: logging.INFO}.get(verbosity, logging.DEBUG))
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before[0])
        ours.setLevel(before[1])


@contextlib.contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before: Any = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
